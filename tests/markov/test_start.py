"""The start of a chain along a strip of cells, and the chain that leads on from there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov import find_start, flow_potential, neighbor_graph, potential_kernel
from landscape.markov.start import with_flow_to_ends


@pytest.fixture(scope="module")
def strip():
    """Cells along a strip, and the chain that the flow along it gives."""
    rng = np.random.default_rng(0)
    z = np.column_stack([rng.uniform(0, 10, 1200), rng.normal(0, 0.3, 1200)])
    graph = neighbor_graph(z, n_neighbors=15)
    left, right = np.argsort(z[:, 0])[:20], np.argsort(-z[:, 0])[:20]
    return z, graph, potential_kernel(graph, flow_potential(graph, left, (right,)))


def test_the_start_is_where_the_chain_comes_from(strip):
    z, graph, chain = strip
    start = find_start(graph, chain, z)
    assert len(start) == 24  # two hundredths of the cells
    assert z[start, 0].max() < 1.0
    # Three in ten directions are reversed and the start is still found, by least squares over all.
    wrong = np.random.default_rng(1).random(len(z)) < 0.3
    mixed = sparse.diags((~wrong).astype(float)) @ chain + sparse.diags(wrong.astype(float)) @ potential_kernel(
        graph, z[:, 0]
    )
    assert np.median(z[find_start(graph, mixed, z), 0]) < 2.0


def test_a_slow_chain_moves_faster_with_the_flow_to_the_ends(strip):
    z, graph, chain = strip
    slow = (0.15 * chain + 0.85 * potential_kernel(graph, np.zeros(len(z)))).tocsr()
    mixed_chain = with_flow_to_ends(graph, slow, find_start(graph, chain, z))
    np.testing.assert_allclose(np.asarray(mixed_chain.sum(1)).ravel(), 1.0)
    middle = np.abs(z[:, 0] - 5) < 2
    drift = (mixed_chain @ z - z)[middle, 0].mean()
    assert drift > 2 * (slow @ z - z)[middle, 0].mean() > 0
