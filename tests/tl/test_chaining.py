"""Results work in the tools that users have: scanpy and CellRank."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import landscape as ls


@pytest.mark.filterwarnings("ignore")  # CellRank's own dependencies warn while they are imported
def test_cellrank_takes_our_transition_matrix_and_agrees_on_the_fates(toggle_model):
    kernels = pytest.importorskip("cellrank.kernels", reason="needs the optional package cellrank")
    from cellrank.estimators import GPCCA

    adata = toggle_model.copy()
    kernel = kernels.PrecomputedKernel(adata.obsp["transitions"], adata=adata)
    np.testing.assert_allclose(np.asarray(kernel.transition_matrix.sum(1)).ravel(), 1)

    fates = adata.obsm["fates"]
    sure = {name: list(adata.obs_names[(fates[name] > 1 - 1e-12).to_numpy()]) for name in fates}
    estimator = GPCCA(kernel)
    estimator.set_terminal_states(sure)
    estimator.compute_fate_probabilities(solver="direct", use_petsc=False, show_progress_bar=False)
    found = estimator.fate_probabilities[list(fates.columns)].X
    # Both solve (I - Q) B = R with the same absorbing cells; theirs may fall back to an iteration to 1e-6.
    np.testing.assert_allclose(found, fates.to_numpy(), atol=1e-4)


def test_the_network_is_a_signed_weighted_digraph(toggle_model):
    graph = ls.get.network(toggle_model)
    assert isinstance(graph, nx.DiGraph)
    for _, _, edge in graph.edges(data=True):
        assert np.sign(edge["weight"]) == edge["sign"]


@pytest.mark.filterwarnings("ignore")  # scanpy's plots warn about versions of others
def test_scanpy_draws_what_is_written(toggle_model):
    import scanpy as sc

    adata = toggle_model.copy()
    ls.tl.occupancy(adata, n_particles=200, n_times=8, n_grid=30)
    axes = sc.pl.embedding(adata, "X_landscape", color=["basin", "fate_entropy", "height"], show=False)
    assert len(axes) == 3
    assert len(axes[0].collections[0].get_offsets()) == adata.n_obs
