"""Bad input to the dynamics: a clear message, and nothing written."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import sparse

import landscape as ls


@pytest.fixture
def cells(toggle_cells):
    return toggle_cells.copy()


def _refused(adata, direction, message, **options):
    before = {slot: set(getattr(adata, slot)) for slot in ("obs", "obsm", "obsp", "uns")}
    with pytest.raises(ValueError, match=message):
        ls.tl.dynamics(adata, direction=direction, **options)
    assert {slot: set(getattr(adata, slot)) for slot in before} == before


def _disconnect(adata):
    z = adata.obsm["X_pca"].copy()
    z[::2] += 1e4
    adata.obsm["X_pca"] = z


def test_a_disconnected_graph_is_named_where_the_direction_fails(cells):
    _disconnect(cells)
    _refused(cells, ls.dynamics.from_root("time=0.0"), r"2 components, of 300, 300 cells")


def test_cells_in_one_place_are_refused(cells):
    cells.obsm["X_pca"] = np.zeros((cells.n_obs, 3))
    _refused(cells, ls.dynamics.from_time("time"), "the same for all 600 cells")


@pytest.mark.parametrize("matched", [0, 2])
def test_barcodes_that_match_nothing_are_counted(cells, matched):
    found = sparse.lil_matrix((cells.n_obs, cells.n_obs))
    for i in range(matched):
        found[i, 1 - i] = 1.0
    cells.obsp["clones"] = found.tocsr()
    direction = ls.dynamics.from_transitions("clones", grade="B")
    _refused(cells, direction, f"found {600 - matched} of 600 cells without any")


def test_one_time_point_is_no_direction(cells):
    cells.obs["time"] = 3.0
    _refused(cells, ls.dynamics.from_time("time"), "at least two time points")


def test_one_regulator_makes_no_circuit(cells):
    genes = list(ls.circuits.toggle().genes)
    counts = cells.layers["counts"].tolil()
    counts[:, cells.var_names.get_loc(genes[0])] = 0
    cells.layers["counts"] = counts.tocsr()
    _refused(cells, ls.dynamics.from_time("time"), "at least two regulators whose expression varies")


def test_a_single_fate_is_said_to_be_one(toggle_model, caplog):
    adata = toggle_model.copy()
    with caplog.at_level(logging.WARNING):
        ls.tl.fates(adata, terminal={"only": list(adata.obs_names[:20])}, n_replicates=0)
    assert "only fate" in caplog.text
    np.testing.assert_allclose(adata.obsm["fates"]["only"].dropna(), 1)
