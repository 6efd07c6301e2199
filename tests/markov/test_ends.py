"""Ends of the manifold of cells: memberships in a simplex that is known, and the tips of a star."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.markov import find_ends, neighbor_graph
from landscape.markov.ends import simplex_memberships


def star(arms: int = 3, n: int = 300, noise: float = 0.02, seed: int = 0):
    """Cells along arms that leave one centre in different directions."""
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, 1, (arms, n))
    angle = 2 * np.pi * np.arange(arms) / arms
    arm = np.stack([along * np.cos(angle)[:, None], along * np.sin(angle)[:, None]], axis=2)
    points = np.concatenate([arm.reshape(-1, 2), noise * rng.standard_normal((30, 2))])
    return points + noise * rng.standard_normal(points.shape), along.ravel()


def test_memberships_are_barycentric_coordinates_of_a_simplex():
    rng = np.random.default_rng(0)
    chi = np.vstack([np.eye(3), rng.dirichlet(np.ones(3), 50)])
    mixing = rng.normal(size=(3, 2))
    corners, found = simplex_memberships(np.c_[np.ones(53), chi @ mixing])
    np.testing.assert_allclose(found[:, np.argsort(corners)], chi, atol=1e-10)


@pytest.mark.parametrize("arms", [2, 3, 4])
def test_the_ends_of_a_star_are_the_tips_of_its_arms(arms):
    points, along = star(arms)
    ends = find_ends(neighbor_graph(points), np.arange(len(points) - 30, len(points)))
    assert len(ends.terminal) == arms
    n = 300
    for cells in ends.terminal:
        assert len({cell // n for cell in cells}) == 1
        assert along[cells].min() > 0.8


def test_an_end_where_the_root_lies_is_none():
    points, along = star(3)
    root = np.flatnonzero(along[:300] > 0.95)
    ends = find_ends(neighbor_graph(points), root)
    assert len(ends.terminal) == 2
    assert all(cells.min() >= 300 for cells in ends.terminal)
