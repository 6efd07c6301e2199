"""Loaders of published data give one standard form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import landscape as ls

SIZES = {
    "paul15": (2660, 3004),
    "pancreas": (3696, 2000),
    "tusi2018": (4790, 16876),
    "dentate_gyrus": (200, 530),
    "cardio": (1090, 1325),
    "schiebinger2019": (1000, 1479),
    "bmsc": (250, 12703),
}


@pytest.mark.parametrize("name", SIZES)
def test_standard_form(data_dir, name):
    adata = getattr(ls.datasets, name)()
    assert adata.shape == SIZES[name]
    assert ls.pp.check_counts(adata).is_counts
    for matrix in (adata.X, *adata.layers.values()):
        assert isinstance(matrix, sparse.csr_matrix)
        assert matrix.dtype == np.float32
    assert not np.shares_memory(adata.X.data, adata.layers["counts"].data)
    record = adata.uns["landscape"]["dataset"]
    assert record["citation"]
    assert record["licence"]
    assert record["name"] == name
    for column in ("day", "time"):
        assert column not in adata.obs or adata.obs[column].dtype == np.float64


def test_paul15_is_labelled_by_markers(data_dir):
    adata = ls.datasets.paul15()
    share = ls.datasets.paul15().to_df().div(np.asarray(adata.X.sum(1)).ravel(), axis=0)
    means = share.groupby(adata.obs["cell_type"], observed=True).mean()
    markers = {
        "Mcpt8": "Basophil",
        "Csf1r": "Monocyte",
        "Elane": "Neutrophil",
        "Car1": "Erythroid",
        "Pf4": "Megakaryocyte",
    }
    assert {gene: means[gene].idxmax() for gene in markers} == markers
    assert adata.var.loc["Sfpi1", "alias"] == "Spi1"
    assert "WARNING" not in adata.uns["landscape"]["dataset"]["warnings"]
    assert "Mcpt8" in adata.uns["landscape"]["dataset"]["warnings"]


def test_times_and_unspliced(data_dir):
    assert sorted(ls.datasets.schiebinger2019().obs["day"].unique()) == [10.0, 10.5, 11.0]
    assert sorted(ls.datasets.dentate_gyrus().obs["day"].unique()) == [12.0, 35.0]
    assert ls.pp.check_counts(ls.datasets.pancreas(wide=True), layer="unspliced").is_counts


def test_simulated_data_carry_their_truth(data_dir):
    dyngen = ls.datasets.dyngen("linear")
    assert dyngen.var["regulator"].sum() > 0
    edges = dyngen.uns["truth"]["edges"]
    assert set(edges["sign"]) <= {-1, 1}
    assert edges["regulator"].isin(dyngen.var_names).all()
    beeline = ls.datasets.beeline("mCAD")
    assert set(beeline.uns["truth"]["edges"]["sign"]) == {-1, 1}
    assert not beeline.uns["truth"]["edges"].duplicated().any()
    assert "counts" not in beeline.layers


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data will no longer be the default:UserWarning")  # anndata 0.12
@pytest.mark.parametrize("ending", ["h5ad", "zarr"])
def test_round_trip(data_dir, tmp_path, ending):
    import anndata as ad

    adata = ls.datasets.dentate_gyrus()
    path = tmp_path / f"a.{ending}"
    if ending == "h5ad":
        adata.write_h5ad(path)
        again = ad.read_h5ad(path)
    else:
        adata.write_zarr(path)
        again = ad.read_zarr(path)
    assert again.uns["landscape"]["dataset"] == adata.uns["landscape"]["dataset"]
    assert (again.layers["unspliced"] != adata.layers["unspliced"]).nnz == 0


def test_unknown_names():
    with pytest.raises(KeyError, match="No data set 'dyngen_tree'; expected one of"):
        ls.datasets.dyngen("tree")
    with pytest.raises(AttributeError, match="no attribute 'paul16'"):
        ls.datasets.paul16  # noqa: B018
