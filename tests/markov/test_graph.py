"""The graph of nearest neighbours, against all distances."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from landscape.markov import neighbor_graph


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
