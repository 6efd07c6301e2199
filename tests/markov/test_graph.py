"""The graph of nearest neighbours, against all distances."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from landscape.markov import neighbor_graph
from landscape.markov.graph import consensus_graph, graph_of_parts


def star(arms: int = 3, n: int = 300, noise: float = 0.02, seed: int = 0):
    """Cells along arms that leave one centre in different directions."""
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, 1, (arms, n))
    angle = 2 * np.pi * np.arange(arms) / arms
    arm = np.stack([along * np.cos(angle)[:, None], along * np.sin(angle)[:, None]], axis=2)
    points = np.concatenate([arm.reshape(-1, 2), noise * rng.standard_normal((30, 2))])
    return points + noise * rng.standard_normal(points.shape), along.ravel()


def test_the_graph_is_symmetric_and_has_no_self_loops():
    graph = neighbor_graph(star()[0], n_neighbors=15)
    assert abs(graph.weights - graph.weights.T).max() < 1e-15
    assert (graph.weights.diagonal() == 0).all()
    assert graph.n_components == 1


def test_neighbours_are_the_nearest_of_all_cells():
    points = np.random.default_rng(3).standard_normal((400, 4))
    graph = neighbor_graph(points, n_neighbors=7)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :7]
    expected = np.zeros((400, 400), dtype=bool)
    expected[np.arange(400)[:, None], nearest] = True
    np.testing.assert_array_equal(graph.distances.toarray() > 0, expected | expected.T)
    np.testing.assert_allclose(graph.distances.toarray()[expected], apart[expected], rtol=1e-12)


def test_cells_in_one_place_have_others_for_neighbours_and_not_themselves():
    points = np.repeat(np.random.default_rng(4).standard_normal((20, 3)), 40, axis=0)
    graph = neighbor_graph(points, n_neighbors=15)
    assert (graph.weights.diagonal() == 0).all()
    assert np.diff(graph.weights.indptr).min() >= 15
    assert np.isfinite(graph.weights.data).all()


def test_permuting_cells_permutes_the_graph():
    points, _ = star()
    order = np.random.default_rng(1).permutation(len(points))
    a, b = neighbor_graph(points), neighbor_graph(points[order])
    assert abs(a.weights[order][:, order] - b.weights).max() < 1e-12


def test_components_are_reported(caplog):
    points, _ = star()
    with caplog.at_level(logging.WARNING):
        graph = neighbor_graph(np.vstack([points, points[:50] + 100]))
    assert graph.n_components == 2
    assert "2 components" in caplog.text
    assert (graph.component[-50:] == 1).all()


def test_too_few_cells_and_missing_coordinates_are_refused():
    with pytest.raises(ValueError, match="more cells than `n_neighbors=30`, found 20"):
        neighbor_graph(np.zeros((20, 2)))
    with pytest.raises(ValueError, match="found 1 that are not"):
        neighbor_graph(np.array([[np.nan, 0.0]] + [[0.0, float(i)] for i in range(40)]))


def test_a_pair_is_in_the_consensus_if_most_graphs_have_it():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3))
    graphs = [neighbor_graph(points + 0.2 * rng.normal(size=points.shape), n_neighbors=10) for _ in range(5)]
    found = consensus_graph(graphs)
    votes = sum((graph.weights > 0).astype(int).toarray() for graph in graphs)
    mean = sum(graph.weights.toarray() for graph in graphs) / 5
    weights = found.weights.toarray()
    np.testing.assert_allclose(weights, weights.T)
    agreed = votes >= 3
    assert 0 < agreed.sum() < (votes > 0).sum()
    np.testing.assert_allclose(weights[agreed], mean[agreed])
    assert found.n_components == 1
    assert (found.distances > 0).nnz == found.weights.nnz


def test_the_consensus_of_equal_graphs_is_the_graph_and_their_order_changes_nothing():
    rng = np.random.default_rng(1)
    first, second = (neighbor_graph(rng.normal(size=(100, 2)), n_neighbors=8) for _ in range(2))
    same = consensus_graph([first, first, first])
    assert abs(same.weights - first.weights).max() < 1e-15
    np.testing.assert_allclose(same.distances.toarray(), first.distances.toarray())
    one, other = consensus_graph([first, first, second]), consensus_graph([second, first, first])
    assert abs(one.weights - other.weights).max() < 1e-15


def test_cells_without_an_agreed_pair_keep_all_of_theirs():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(100, 2))
    graphs = []
    for place in ([0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]):
        moved = points.copy()
        moved[0] = place
        graphs.append(neighbor_graph(moved, n_neighbors=5))
    found = consensus_graph(graphs)
    assert found.n_components == 1
    assert found.weights[[0]].nnz == sum(g.weights for g in graphs)[[0]].nnz


def test_graphs_of_other_cells_have_no_consensus():
    rng = np.random.default_rng(3)
    graphs = [neighbor_graph(rng.normal(size=(n, 2)), n_neighbors=5) for n in (30, 40)]
    with pytest.raises(ValueError, match="same cells"):
        consensus_graph(graphs)
    with pytest.raises(ValueError, match="2 spaces"):
        graph_of_parts(rng.normal(size=(30, 5)), (2, 2))
