"""Terminal states of the chain: named, counted, and the same whatever the order of the cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import landscape as ls
from landscape.markov import neighbor_graph, potential_kernel


def forked(order=None) -> AnnData:
    """Cells that come from one arm of a star and move along the other two, with their chain."""
    rng = np.random.default_rng(0)
    along = rng.uniform(0, 1, (3, 200))
    angle = 2 * np.pi * np.arange(3) / 3
    points = np.stack([along * np.cos(angle)[:, None], along * np.sin(angle)[:, None]], axis=2).reshape(-1, 2)
    points += 0.02 * rng.standard_normal(points.shape)
    arm = np.repeat(["stem", "left", "right"], 200)
    height = np.where(arm == "stem", along.ravel(), -along.ravel())
    order = np.arange(600) if order is None else order
    adata = AnnData(sparse.csr_matrix((600, 1)), obs=pd.DataFrame({"arm": arm[order]}, index=[f"c{i}" for i in order]))
    adata.obsm["X_latent"] = points[order]
    adata.obsp["transitions"] = potential_kernel(neighbor_graph(points[order]), height[order])
    adata.uns["landscape"] = {"schema": 1, "dynamics": {"params": {"n_neighbors": 30}}}
    return adata


def test_both_arms_are_terminal_states_and_their_cells_go_there():
    adata = forked()
    ls.tl.terminal_states(adata, label_key="arm")
    table = adata.uns["landscape"]["terminal_states"]["table"]
    assert set(table.index) == {"left", "right"}
    assert (table["gathering"] > 0).all()
    assert (table["arrival"] > 1 / 3).all()
    assert table["n_basin"].sum() == adata.n_obs
    assert table["n_cells"].sum() == adata.obs["terminal"].notna().sum()
    fates = adata.obsm["terminal_fates"]
    np.testing.assert_allclose(fates.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(adata.obs["terminal_basin"].astype(str), fates.idxmax(axis=1))
    grown = adata.obs["arm"].ne("stem") & (np.linalg.norm(adata.obsm["X_latent"], axis=1) > 0.5)
    assert (adata.obs["terminal_basin"].astype(str) == adata.obs["arm"])[grown].all()


def test_without_labels_ends_are_numbered_and_the_order_of_cells_does_not_matter():
    order = np.random.default_rng(1).permutation(600)
    first, second = ls.tl.terminal_states(forked(), copy=True), ls.tl.terminal_states(forked(order), copy=True)
    assert list(first.uns["landscape"]["terminal_states"]["table"].index) == ["end 1", "end 2"]
    pairs = pd.crosstab(first.obs["terminal_basin"], second.obs["terminal_basin"].loc[first.obs_names])
    assert (pairs.to_numpy().max(1) == pairs.to_numpy().sum(1)).all()


def test_labels_that_say_nothing_name_no_terminal_state(caplog):
    adata = forked()
    adata.obs["drawn"] = np.random.default_rng(0).permutation(adata.obs["arm"])
    ls.tl.terminal_states(adata, label_key="drawn")
    assert list(adata.uns["landscape"]["terminal_states"]["table"].index) == ["end 1", "end 2"]
    assert "the labels 'drawn' name none of 2 states" in caplog.text


def test_coordinates_are_those_of_the_chain_unless_others_are_named():
    adata = forked()
    expected = ls.tl.terminal_states(adata, copy=True).obs["terminal"]
    adata.obsm["X_joint"] = adata.obsm["X_latent"]
    adata.obsm["X_latent"] = np.random.default_rng(0).standard_normal((600, 2))
    adata.uns["landscape"]["dynamics"]["params"]["use_rep"] = "X_joint"
    pd.testing.assert_series_equal(ls.tl.terminal_states(adata, copy=True).obs["terminal"], expected)
    with pytest.raises(ValueError, match="no terminal state"):
        ls.tl.terminal_states(adata, use_rep="X_latent")


def test_a_chain_that_was_not_made_is_named():
    adata = forked()
    del adata.obsp["transitions"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.dynamics"):
        ls.tl.terminal_states(adata)


def test_a_chain_without_a_direction_is_refused_and_nothing_is_written():
    adata = forked()
    graph = neighbor_graph(adata.obsm["X_latent"])
    adata.obsp["transitions"] = potential_kernel(graph, np.zeros(adata.n_obs))
    with pytest.raises(ValueError, match="visits none of"):
        ls.tl.terminal_states(adata)
    assert "terminal" not in adata.obs


def test_fates_that_are_not_solved_are_an_error_and_nothing_is_written(monkeypatch):
    from landscape.markov import absorption_probabilities
    from landscape.tl import _terminal_states

    def lost(*args, **kwargs):
        return replace(absorption_probabilities(*args, **kwargs), converged=False, residual=1e-3)

    monkeypatch.setattr(_terminal_states, "absorption_probabilities", lost)
    adata = forked()
    with pytest.raises(ValueError, match="did not converge: residual .* left too rarely"):
        ls.tl.terminal_states(adata)
    assert "terminal" not in adata.obs
    assert "terminal_states" not in adata.uns["landscape"]
