"""Identifiability of a fit: growth sensitivity with time points, and the grade of a snapshot at rest."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import sparse

import landscape as ls
from landscape.markov import neighbor_graph
from landscape.report import summarise


def test_growth_sensitivity_is_reported_with_time_points(toggle_model):
    record = toggle_model.uns["landscape"]["dynamics"]
    assert 0 < record["growth_sensitivity"] < np.inf
    # One doubling over the twelve units of time of the data.
    assert record["growth_rate_tried"] == pytest.approx(np.log(2) / 12)


def test_a_snapshot_without_direction_is_grade_d_and_says_so(toggle_cells, caplog):
    adata = toggle_cells.copy()

    near = neighbor_graph(adata.obsm["X_pca"]).weights
    adata.obsp["aimless"] = sparse.csr_matrix(sparse.diags(1 / np.asarray(near.sum(1)).ravel()) @ near)
    with caplog.at_level(logging.WARNING):
        ls.tl.dynamics(adata, direction=ls.dynamics.from_transitions("aimless", grade="D"))
    record = adata.uns["landscape"]["dynamics"]
    assert record["grade"] == "D"
    assert "grade D" in caplog.text
    assert "steady snapshot" in caplog.text
    # No clock, no populations that could grow.
    assert "growth_sensitivity" not in record
    assert summarise(adata)["identifiability"] == "D"
