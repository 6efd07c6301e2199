"""The door between arrays and AnnData: what goes in is checked, what comes out can be stored."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from landscape import _anndata


@pytest.fixture
def adata():
    adata = AnnData(np.eye(3, dtype=np.float32), layers={"counts": 2 * np.eye(3)})
    adata.obs_names = ["a", "b", "c"]
    adata.var_names = ["x", "y", "z"]
    return adata


def test_only_anndata_in_memory(adata, tmp_path):
    assert _anndata.require_adata(adata) is adata
    with pytest.raises(TypeError, match=r"found DataFrame; read a file with `anndata.read_h5ad"):
        _anndata.require_adata(adata.to_df())
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"found a backed one; load it with `adata.to_memory\(\)`"):
        _anndata.require_adata(backed)
    backed.file.close()


def test_read_says_what_is_there_and_what_to_call(adata):
    np.testing.assert_array_equal(_anndata.read(adata, "layers", "counts", hint="x"), 2 * np.eye(3))
    with pytest.raises(KeyError, match=r"`adata.layers\['raw'\]` is missing; run it. Present: \['counts'\]"):
        _anndata.read(adata, "layers", "raw", hint="run it")
    with pytest.raises(KeyError, match=r"\['landscape'\]\['rates'\]` is missing; run it. Present: \[\]"):
        _anndata.read_result(adata, "rates", hint="run it")


def test_writes_are_logged_and_keep_the_others(adata, caplog):
    with caplog.at_level(logging.INFO, logger="landscape"):
        _anndata.write(adata, "obs", "basin", pd.Categorical(["u", "v", "u"]), what="labels")
        _anndata.write_result(adata, "rates", {"x": 1.0}, params={"seed": None}, what="a table")
        _anndata.write_result(adata, "paths", {"y": 2.0}, params={})
    assert [r.getMessage() for r in caplog.records][:2] == [
        "added `adata.obs['basin']`, labels",
        "added `adata.uns['landscape']['rates']`, a table",
    ]
    assert _anndata.read_result(adata, "rates", hint="") == {"x": 1.0, "params": {"seed": "none"}}
    assert sorted(adata.uns["landscape"]) == ["paths", "rates", "schema"]


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data will no longer be the default:UserWarning")  # anndata 0.12
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_everything_that_may_be_written_survives(adata, tmp_path, ending):
    table = pd.DataFrame({"from": ["u"], "height": [np.nan], "ok": [True]}, index=["0"])
    record = {"table": table, "names": np.array(["u", "v"], dtype=object), "n": 3, "empty": np.empty(0)}
    params = {"a": None, "b": {"c": 1}, "d": ["p", "q"], "e": [1, 2.5], "f": np.float32(0.5), "g": (), "h": True}
    _anndata.write_result(adata, "rates", record, params=params)
    _anndata.write(adata, "obsp", "transitions", sparse.csr_matrix(np.eye(3)), what="t")
    path = tmp_path / f"a.{ending}"
    if ending == "h5ad":
        adata.write_h5ad(path)
        again = ad.read_h5ad(path)
    else:
        adata.write_zarr(path)
        again = ad.read_zarr(path)
    found = _anndata.read_result(again, "rates", hint="")
    pd.testing.assert_frame_equal(found["table"], table)
    assert found["names"].tolist() == ["u", "v"]
    assert found["n"] == 3
    params = found["params"]
    assert (params["a"], params["b"]["c"], params["f"], params["h"]) == ("none", 1, 0.5, True)
    assert (params["d"].tolist(), params["e"].tolist(), len(params["g"])) == (["p", "q"], [1, 2.5], 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a/b": 1}, "without '/' .*found 'a/b'"),
        ({3: 1}, "found 3"),
        ({"a": None}, r"\['rates'\]\['a'\]`, found NoneType"),
        ({"a": [1, 2]}, "found list"),
        ({"a": np.array([1, "x"], dtype=object)}, "found mixed-integer objects"),
        ({"a": pd.DataFrame({0: [1]})}, "Expected names as columns"),
        ({"a": pd.DataFrame({"s": [object()]})}, r"\['a'\]\['s'\]`, found mixed objects"),
        ({"a": {"b": lambda: 0}}, "found function"),
    ],
)
def test_what_no_file_keeps_is_refused_at_once(adata, value, message):
    with pytest.raises(TypeError, match=message):
        _anndata.write_result(adata, "rates", value, params={})
    assert "landscape" not in adata.uns


def test_counts_come_from_a_layer_or_from_x(adata):
    np.testing.assert_array_equal(_anndata.count_matrix(adata).toarray(), 2 * np.eye(3))
    np.testing.assert_array_equal(_anndata.count_matrix(adata, None).toarray(), np.eye(3))
    with pytest.raises(KeyError, match=r"`adata.layers\['raw'\]` is missing; pass `layer=`"):
        _anndata.count_matrix(adata, "raw")
    with pytest.raises(ValueError, match=r"`adata.X` is empty; pass `layer=`"):
        _anndata.count_matrix(AnnData(shape=(3, 3)), None)


def test_counts_are_checked_unless_told_otherwise(adata):
    adata.layers["counts"][1, 1] = 0.5
    with pytest.raises(ValueError, match=r"1 not integer.* 0.5 for cell 'b', gene 'y'"):
        _anndata.count_matrix(adata)
    assert _anndata.count_matrix(adata, check=False)[1, 1] == 0.5


def test_counts_need_cells_and_distinct_genes(adata):
    with pytest.raises(ValueError, match="found 0 cells and 3 genes"):
        _anndata.count_matrix(adata[:0].copy())
    adata.var_names = ["x", "x", "z"]
    with pytest.raises(ValueError, match=r"1 repeated, for instance \['x'\]; run `adata.var_names_make_unique"):
        _anndata.count_matrix(adata)


@pytest.mark.filterwarnings("ignore:.*view.*:anndata.ImplicitModificationWarning")
def test_writing_to_a_view_leaves_its_parent_alone(adata):
    view = adata[:2]
    _anndata.write(view, "obs", "basin", pd.Categorical(["u", "v"]), what="labels")
    _anndata.write_result(view, "rates", {"x": 1.0}, params={})
    assert list(view.obs) == ["basin"]
    assert list(adata.obs) == []
    assert "landscape" not in adata.uns
