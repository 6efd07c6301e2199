from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from landscape import network
from landscape.network.analysis.structure import regulator_submatrix


def two_blocks(size=5):
    matrix = np.zeros((2 * size, 2 * size))
    matrix[:size, :size] = matrix[size:, size:] = 1.0
    np.fill_diagonal(matrix, 0.0)
    return matrix


def test_modularity_is_networkxs_on_positive_directed_networks():
    rng = np.random.default_rng(0)
    matrix = rng.random((12, 12)) * (rng.random((12, 12)) < 0.3)
    label = rng.integers(3, size=12)
    graph = nx.from_numpy_array(matrix, create_using=nx.DiGraph)
    groups = [set(np.flatnonzero(label == k).tolist()) for k in range(3)]
    expected = nx.community.modularity(graph, groups, weight="weight")
    assert network.signed_modularity(matrix, label) == pytest.approx(expected, abs=1e-12)


def test_negative_edges_between_modules_raise_modularity():
    matrix = two_blocks()
    label = np.repeat([0, 1], 5)
    repressed = matrix.copy()
    repressed[:5, 5:] = repressed[5:, :5] = -0.5
    opposed = matrix.copy()
    opposed[:2, 3] = -1.0  # repression inside a module
    assert network.signed_modularity(opposed, label) < network.signed_modularity(matrix, label)
    assert network.signed_modularity(repressed, label) == pytest.approx(0.5)  # as good as blocks without edges between
    assert network.signed_modularity(-repressed, label) < 0
    assert network.signed_modularity(repressed, np.zeros(10)) == pytest.approx(0.0, abs=1e-12)


def test_modules_find_the_blocks_whatever_the_order_of_nodes():
    order = np.random.default_rng(1).permutation(10)
    found = network.modules(two_blocks()[np.ix_(order, order)])
    assert found.converged
    assert len(np.unique(found.label)) == 2
    assert len(np.unique(found.label[order < 5])) == 1
    assert found.modularity == pytest.approx(network.signed_modularity(two_blocks()[np.ix_(order, order)], found.label))


def test_loops_are_strongly_connected_sets():
    matrix = np.zeros((7, 7))
    for a, b in [(0, 1), (1, 2), (2, 0), (2, 3), (4, 4), (5, 6)]:
        matrix[a, b] = -1.0
    found = network.strongly_connected(matrix)
    assert [nodes.tolist() for nodes in found] == [[0, 1, 2], [4]]


def test_antisymmetric_share_of_pure_cases():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6, 6))
    assert network.antisymmetric_share(matrix + matrix.T) == 0
    assert network.antisymmetric_share(matrix - matrix.T) == pytest.approx(1.0)
    assert network.antisymmetric_share(np.triu(matrix, 1)) == pytest.approx(np.sqrt(0.5))
    assert network.antisymmetric_share(np.diag(rng.normal(size=6))) == 0


def test_rewired_networks_keep_degrees_and_signs():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(15, 15)) * (rng.random((15, 15)) < 0.2)
    np.fill_diagonal(matrix, 0.0)
    seen = []

    def statistic(network_):
        seen.append(network_)
        return float(network_[0, 1])

    network.degree_null(matrix, statistic, n_networks=5)
    for rewired in seen[1:]:
        assert not np.array_equal(rewired, matrix)
        for sign in (1, -1):
            for axis in (0, 1):
                np.testing.assert_array_equal((sign * rewired > 0).sum(axis), (sign * matrix > 0).sum(axis))
        assert not np.diag(rewired).any()


def test_modules_beat_the_degree_null():
    found = network.degree_null(two_blocks(), lambda m: network.modules(m, n_starts=2).modularity, n_networks=19)
    assert found.p_value == 0.05
    assert found.observed > found.values.max()


def test_only_regulators_make_a_square():
    weights = np.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(regulator_submatrix(weights, [3, 1]), [[3.0, 1.0], [7.0, 5.0]])
    with pytest.raises(ValueError, match="square matrix of regulators, found shape"):
        network.antisymmetric_share(weights)
    with pytest.raises(ValueError, match="Expected 10 labels"):
        network.signed_modularity(two_blocks(), [0, 1])
    with pytest.raises(TypeError, match="`statistic` to be a function"):
        network.degree_null(two_blocks(), 3)
    with pytest.raises(ValueError, match="`n_starts` of at least 1"):
        network.modules(two_blocks(), n_starts=0)
