"""Ends of the manifold of cells: memberships in a simplex that is known, and the tips of a star."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.markov import find_ends, neighbor_graph
from landscape.markov.ends import outflow, simplex_memberships


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


def forked(n: int = 400, seed: int = 0):
    """Cells along a stem from the root that forks late into two long arms, beside a short arm of their own from the root."""
    rng = np.random.default_rng(seed)
    stem = np.c_[rng.uniform(0, 2, n), np.zeros(n)]
    along = rng.uniform(0, 1, (2, n // 2))
    arms = [np.c_[2 + a, sign * 0.6 * a] for a, sign in zip(along, (1, -1), strict=True)]
    short = np.c_[np.zeros(n // 2), -rng.uniform(0, 1, n // 2)]
    points = np.vstack([stem, *arms, short])
    return points + 0.02 * rng.standard_normal(points.shape), np.flatnonzero(np.abs(stem[:, 0]) < 0.1)


def test_arms_that_fork_late_share_one_outflow_and_a_short_arm_has_its_own():
    points, root = forked()
    ends = find_ends(neighbor_graph(points), root)
    tips = np.array([points[cells].mean(0) for cells in ends.terminal])
    assert len(tips) == 3
    late = tips[:, 0] > 2.5
    assert late.sum() == 2
    assert tips[~late][0, 1] < -0.7
    # The ways to the two late tips have two thirds of their length in common, so that each counts for 1 / (1 + 2/3).
    assert ends.shares.sum() == pytest.approx(1)
    assert ends.shares[~late][0] > 1.4 * ends.shares[late].max()


def test_shares_of_the_outflow_follow_the_common_part_of_the_ways():
    reach = np.array([3.0, 3.0, 1.0])
    apart = np.array([[0.0, 2.0, 4.0], [2.0, 0.0, 4.0], [4.0, 4.0, 0.0]])
    shares = outflow(reach, apart)
    # Two thirds of the first two ways are common: 1 / (5/3) each, beside 1.
    np.testing.assert_allclose(shares, np.array([0.6, 0.6, 1.0]) / 2.2)
    # An end in two corners at one place takes what it takes in one.
    twice = outflow(np.array([3.0, 1.0, 1.0]), np.array([[0.0, 4, 4], [4, 0, 0], [4, 0, 0]]))
    np.testing.assert_allclose(twice, [0.5, 0.25, 0.25])


def test_cells_of_ends_are_disjoint():
    points, root = forked()
    ends = find_ends(neighbor_graph(points), root, n_cells=150)
    cells = np.concatenate(ends.terminal)
    assert len(np.unique(cells)) == len(cells)
