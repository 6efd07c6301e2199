"""Pooling over neighbours, against dense matrices."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from landscape.markov.graph import neighbor_graph
from landscape.markov.pooling import pooled


def test_pooling_is_the_weighted_sum_of_counts_over_that_of_depths():
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(2.0, (60, 4)))
    graph = neighbor_graph(rng.normal(size=(60, 2)), n_neighbors=5)
    found = pooled(counts, graph, np.array([1, 3]))
    smooth = graph.weights.toarray() + np.eye(60)
    dense = counts.toarray()
    expected = 1e4 * (smooth @ dense)[:, [1, 3]] / (smooth @ dense).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected)
