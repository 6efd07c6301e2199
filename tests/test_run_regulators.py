"""Regulators of a run on fewer cells than regulators."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

import landscape as ls
from landscape._regulators import regulators_of
from landscape._run.regulators import affordable


def cells(n_cells: int, n_regulators: int) -> ad.AnnData:
    """Three marker genes of a tenth of the cells each, among regulators that all cells express alike, from few counts to many."""
    rng = np.random.default_rng(0)
    mean = np.tile(np.geomspace(0.2, 50, n_regulators + 1), (n_cells, 1))
    for k in range(3):
        mean[:, k] = 0.0
        mean[k * n_cells // 10 : (k + 1) * n_cells // 10, k] = 5.0
    counts = sparse.csr_matrix(rng.poisson(mean).astype(np.float32))
    var = pd.DataFrame({"regulator": [True] * n_regulators + [False]}, index=[f"G{i}" for i in range(n_regulators + 1)])
    return ad.AnnData(counts, var=var, layers={"counts": counts})


def test_the_regulators_that_vary_are_kept_and_not_those_that_most_cells_express(caplog):
    """Counts of the others vary by sampling alone, whose variance of residuals is 1; that of a marker of a tenth is 4.5 and more."""
    with caplog.at_level(logging.WARNING):
        found = affordable(cells(40, 50), "counts", None)
    assert len(found) == 8
    assert {"G0", "G1", "G2"} <= set(found)
    assert (
        "40 cells cannot distinguish 50 regulators; kept the 8 that vary most beyond the noise of counting"
        in caplog.text
    )


def test_variation_between_batches_does_not_count():
    adata = cells(40, 50)
    adata.obs["batch"] = ["a"] * 20 + ["b"] * 20
    counts = adata.layers["counts"].toarray()
    counts[:20, 10:13] += 30  # regulators that differ between batches only
    adata.layers["counts"] = sparse.csr_matrix(counts)
    assert {"G10", "G11", "G12"} <= set(affordable(adata, "counts", None))
    assert not {"G10", "G11", "G12"} <= set(affordable(adata, "counts", None, batch_key="batch"))


def test_enough_cells_leave_the_choice_to_the_network(caplog):
    assert affordable(cells(31, 30), "counts", None) is None
    assert not caplog.records


def test_a_tier_is_a_list_that_may_be_shortened():
    names = ls.datasets.regulators("mouse")[:30] + ["Lmo2", "Ezh2", "Actb"]
    adata = cells(32, len(names) - 1)
    adata.var_names = names
    assert affordable(adata, "counts", "tf") == "tf"
    assert set(affordable(adata[:25].copy(), "counts", "tf")) <= set(names[:30])
    assert affordable(adata, "counts", "tf+cofactors") != "tf+cofactors"


def test_regulators_that_were_named_stay(caplog):
    named = tuple(f"G{i}" for i in range(30))
    assert affordable(cells(20, 30), "counts", named) == named
    assert not caplog.records


def test_peaks_do_not_hide_the_species():
    genes = ls.datasets.regulators("mouse")[:20]
    peaks = [f"chr1:{k}-{k + 100}" for k in range(80)]
    adata = ad.AnnData(np.ones((4, 100)), var=pd.DataFrame(index=genes + peaks))
    adata.var["feature_types"] = ["Gene Expression"] * 20 + ["Peaks"] * 80
    index, source = regulators_of(adata, None)
    assert index.tolist() == list(range(20))
    assert source == "mouse transcription factors"
