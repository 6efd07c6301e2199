from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from scipy import sparse

import landscape as ls


@pytest.fixture
def adata():
    """Genes 0-4 differ between two kinds of cells, genes 30 and 31 are never seen, the others are constant."""
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=200)
    rate = np.ones((200, 32))
    rate[kind == 0, :5] = 8
    rate *= rng.uniform(0.5, 2, size=(200, 1))
    rate[:, 30:] = 0
    counts = sparse.csr_matrix(rng.poisson(rate).astype(np.float32))
    adata = AnnData(counts.copy(), layers={"counts": counts})
    adata.var_names = [f"g{i}" for i in range(32)]
    adata.obs["kind"] = pd.Categorical(kind.astype(str))
    return adata


def test_score_is_scanpys(adata):
    ours = ls.pp.pearson_residual_variance(adata.layers["counts"], block=7)
    seen = adata[:, :30].copy()
    sc.experimental.pp.highly_variable_genes(seen, n_top_genes=5, theta=100, layer="counts")
    # theirs in float32
    np.testing.assert_allclose(ours[:30], seen.var["residual_variances"], rtol=1e-4)
    np.testing.assert_array_equal(ours[30:], 0)


def test_variable_genes_and_every_regulator_are_selected(adata):
    assert ls.pp.select_genes(adata, n_top=5, regulators=["g20", "g30"]) is None
    assert adata.var_names[adata.var["selected"]].tolist() == ["g0", "g1", "g2", "g3", "g4", "g20"]
    assert adata.var_names[adata.var["regulator"]].tolist() == ["g20", "g30"]
    assert adata.var["selected_score"].idxmax() in {"g0", "g1", "g2", "g3", "g4"}
    assert adata.n_vars == 32


def test_existing_regulators_are_used_and_kept(adata):
    adata.var["regulator"] = adata.var_names == "g9"
    ls.pp.select_genes(adata, n_top=1)
    assert adata.var["selected"]["g9"]
    assert adata.var["selected"].sum() == 2
    assert adata.var["regulator"].sum() == 1
    ls.pp.select_genes(adata, n_top=1, regulators=[], key_added="none")
    assert adata.var["none"].sum() == 1


def test_subset_and_copy(adata):
    result = ls.pp.select_genes(adata, n_top=5, regulators=["g20"], subset=True, copy=True)
    assert result.shape == (200, 6)
    assert result.layers["counts"].shape == (200, 6)
    assert adata.shape == (200, 32)
    assert list(adata.var) == []
    ls.pp.select_genes(adata, n_top=5, regulators=["g20"], subset=True)
    assert adata.var_names.tolist() == result.var_names.tolist()


def test_genes_that_differ_only_between_batches_are_not_chosen(adata):
    ls.pp.select_genes(adata, n_top=5, regulators=[], key_added="plain")
    ls.pp.select_genes(adata, n_top=5, regulators=[], batch_key="kind", key_added="within")
    # constant genes reach 1.3 (the variance of 200 Poisson counts, 1 +- .1, and the difference in depth)
    assert adata.var.loc[adata.var["plain"], "within_score"].max() < 1.5
    assert adata.var.loc[adata.var["plain"], "plain_score"].min() > 1.5


def test_empty_cells_only_go_when_asked(adata):
    counts = adata.layers["counts"].toarray()
    counts[[4, 9]] = 0
    adata.layers["counts"] = counts
    names = adata.obs_names.delete([4, 9])
    with pytest.raises(ValueError, match=r"2 of 200 cells have no counts, for instance '4'; pass `drop_empty=True`"):
        ls.pp.select_genes(adata, regulators=[])
    assert adata.n_obs == 200
    ls.pp.select_genes(adata, regulators=[], drop_empty=True)
    assert adata.obs_names.equals(names)


def test_order_of_the_cells_makes_no_difference(adata):
    shuffled = adata[np.random.default_rng(1).permutation(200)].copy()
    for a in (adata, shuffled):
        ls.pp.select_genes(a, n_top=7, regulators=[])
    # sums of 200 terms in another order
    np.testing.assert_allclose(adata.var["selected_score"], shuffled.var["selected_score"], rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "call", "error", "message"),
    [
        (None, {"n_top": 0}, ValueError, "`n_top` of at least 1, found 0"),
        (None, {"batch_key": "donor"}, KeyError, r"`adata.obs\['donor'\]` is missing; pass `batch_key=`"),
        (None, {"layer": "raw"}, KeyError, r"`adata.layers\['raw'\]` is missing"),
        ("nan", {"batch_key": "kind"}, ValueError, r"1 of 200 cells have no value in `adata.obs\['kind'\]`"),
        ("zero", {"drop_empty": True}, ValueError, "Expected counts, found none in any of 200 cells"),
    ],
)
def test_bad_calls(adata, change, call, error, message):
    if change == "nan":
        adata.obs.loc["3", "kind"] = np.nan
    if change == "zero":
        adata.layers["counts"] = sparse.csr_matrix(adata.shape)
    with pytest.raises(error, match=message):
        ls.pp.select_genes(adata, regulators=[], **call)
    assert "selected" not in adata.var


def test_all_regulators_of_real_data_are_kept(data_dir):
    adata = ls.datasets.paul15()
    ls.pp.select_genes(adata, n_top=500)
    assert adata.var["regulator"].sum() == len(ls.pp.find_regulators(adata, regulators="tf")) > 100
    assert adata.var.loc[adata.var["regulator"], "selected"].all()
    assert adata.var["selected"]["Sfpi1"]
