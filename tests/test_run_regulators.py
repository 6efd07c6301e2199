"""Regulators of a run on fewer cells than regulators."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from landscape._run.regulators import affordable


def cells(n_cells: int, n_regulators: int) -> ad.AnnData:
    """Regulator ``i`` is expressed by the more cells the higher its number."""
    counts = np.zeros((n_cells, n_regulators + 1), dtype=np.float32)
    for i in range(n_regulators):
        counts[: 1 + i * n_cells // n_regulators, i] = 2.0
    var = pd.DataFrame({"regulator": [True] * n_regulators + [False]}, index=[f"G{i}" for i in range(n_regulators + 1)])
    return ad.AnnData(sparse.csr_matrix(counts), var=var, layers={"counts": sparse.csr_matrix(counts)})


def test_the_regulators_that_most_cells_express_are_kept_and_it_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        found = affordable(cells(20, 30), "counts", None)
    assert found == ["G26", "G27", "G28", "G29"]
    assert "20 cells cannot distinguish 30 regulators; kept the 4 that are detected in most cells" in caplog.text


def test_enough_cells_leave_the_choice_to_the_network(caplog):
    assert affordable(cells(31, 30), "counts", None) is None
    assert not caplog.records


def test_regulators_that_were_named_stay(caplog):
    named = tuple(f"G{i}" for i in range(30))
    assert affordable(cells(20, 30), "counts", named) == named
    assert not caplog.records
