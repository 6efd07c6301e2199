"""Descendants of cells: random walks against powers of the chain, plans against the coupling they follow."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov import RandomWalks, chain_descendants, coupled_descendants
from landscape.markov.descendants import Onward
from landscape.markov.speed import time_per_step
from landscape.markov.transport import coupling
from tests.markov.chains import random_chain


def test_walks_have_the_law_of_the_powers_of_the_chain():
    chain, n = random_chain(12, seed=1), 40_000
    found = RandomWalks(chain).run(np.full(n, 3), [1, 2, 5], rng=0)
    for walked, steps in zip(found, (1, 2, 5), strict=True):
        expected = np.linalg.matrix_power(chain.toarray(), steps)[3]
        share = np.bincount(walked, minlength=12) / n
        # Five standard errors of a binomial share; twelve states and three horizons are compared.
        assert (np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n) + 1e-12).all()


def test_walks_take_only_steps_that_the_chain_has_and_repeat_with_the_seed():
    chain = sparse.csr_matrix(random_chain(200, seed=2))
    walks = RandomWalks(chain)
    start = np.arange(200)
    first = walks.run(start, [1], rng=4)[0]
    assert (np.asarray(chain[start, first]).ravel() > 0).all()
    np.testing.assert_array_equal(first, walks.run(start, [1], rng=4)[0])
    # A walk that is asked for later is the same walk.
    np.testing.assert_array_equal(walks.run(start, [1, 3], rng=4)[0], first)


def test_absorbing_states_keep_their_walks():
    chain = sparse.csr_matrix([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    ends = RandomWalks(chain).run(np.zeros(4000, dtype=int), [60], rng=0)[0]
    # After 60 steps a walk is still there with probability 2^-60; both ends are reached by half, within 5 standard errors.
    assert set(ends) == {1, 2}
    assert abs((ends == 1).mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)


def test_descendants_under_a_chain_come_at_multiples_of_its_step():
    (group,) = chain_descendants(random_chain(30, seed=0), [4, 1, 2], step_time=0.5)
    assert group.durations == (0.5, 1.0, 2.0)
    np.testing.assert_array_equal(group.cells, np.arange(30))
    assert group.draw(np.array([3, 7]), np.random.default_rng(0)).shape == (3, 2)
    with pytest.raises(ValueError, match="positive numbers of steps"):
        chain_descendants(random_chain(30, seed=0), [0, 1], step_time=1.0)


def test_descendants_between_time_points_follow_the_plans():
    rng = np.random.default_rng(0)
    times = np.repeat([0.0, 2.0, 3.0], [6, 8, 7])
    z = rng.normal(size=(21, 2)) + times[:, None]
    first, second = coupled_descendants(z, times, rng=0)
    assert (first.durations, second.durations) == ((2.0, 3.0), (1.0,))
    np.testing.assert_array_equal(first.cells, np.arange(6))
    n = 20_000
    drawn = first.draw(np.full(n, 2), np.random.default_rng(1))
    plans = [coupling(z[:6], z[6:14]), coupling(z[6:14], z[14:])]
    near = plans[0][2] / plans[0][2].sum()
    far = near @ (plans[1] / plans[1].sum(1, keepdims=True))
    for cells, offset, expected in ((drawn[0], 6, near), (drawn[1], 14, far)):
        share = np.bincount(cells - offset, minlength=len(expected)) / n
        assert (np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n) + 1e-12).all()


def test_large_time_points_are_sampled_and_one_alone_is_refused():
    rng = np.random.default_rng(0)
    times = np.repeat([0.0, 1.0], 50)
    (group,) = coupled_descendants(rng.normal(size=(100, 2)), times, max_cells=20, rng=0)
    assert len(group.cells) == 20
    reached = group.draw(group.cells, np.random.default_rng(0))[0]
    assert (times[reached] == 1.0).all()
    with pytest.raises(ValueError, match="at least two time points, found 1"):
        coupled_descendants(rng.normal(size=(10, 2)), np.zeros(10))


def test_descendants_go_on_along_the_chain_after_the_last_time_point():
    rng = np.random.default_rng(0)
    times = np.repeat([0.0, 1.0, 2.0], 10)
    z = rng.normal(size=(30, 2)) + times[:, None]
    # From every cell of the last time point the chain leads to one of two absorbing cells.
    ends = np.zeros((30, 30))
    ends[:, 28] = ends[:, 29] = 0.5
    ends[28], ends[29] = np.eye(30)[28], np.eye(30)[29]
    onward = Onward(sparse.csr_matrix(ends), step_time=0.25)
    groups = coupled_descendants(z, times, onward=onward, rng=0)
    # Once, twice and four times the mean interval beyond; from the last time point also a quarter of it.
    assert [group.durations for group in groups] == [
        (1.0, 2.0, 3.0, 4.0, 6.0),
        (1.0, 2.0, 3.0, 5.0),
        (0.25, 1.0, 2.0, 4.0),
    ]
    np.testing.assert_array_equal(groups[-1].cells, np.arange(20, 30))
    drawn = groups[0].draw(np.arange(10), np.random.default_rng(0))
    assert (times[drawn[1]] == 2.0).all()
    assert set(drawn[2:].ravel()) <= {28, 29}
    np.testing.assert_array_equal(drawn[2], drawn[4])  # absorbed


def test_many_time_points_are_seen_after_1_2_4_and_at_the_last():
    rng = np.random.default_rng(0)
    times = np.repeat(np.arange(8.0), 5)
    groups = coupled_descendants(rng.normal(size=(40, 2)) + times[:, None], times, rng=0)
    assert groups[0].durations == (1.0, 2.0, 4.0, 7.0)
    assert groups[-1].durations == (1.0,)
    assert groups[0].draw(np.arange(5), np.random.default_rng(0)).shape == (4, 5)


def test_the_neighbourhood_of_a_cell_shares_its_descendants():
    rng = np.random.default_rng(0)
    times = np.repeat([0.0, 1.0], [3, 12])
    z = rng.normal(size=(15, 2)) + times[:, None]
    # Cells 0 and 1 are neighbours; the edge to cell 5 leads to another time point and does not count.
    neighbors = np.zeros((15, 15))
    neighbors[0, 1] = neighbors[1, 0] = 0.5
    neighbors[0, 5] = neighbors[5, 0] = 9.0
    (group,) = coupled_descendants(z, times, neighbors=sparse.csr_matrix(neighbors), rng=0)
    plan = coupling(z[:3], z[3:])
    rows, n = plan / plan.sum(1, keepdims=True), 40_000
    for cell, expected in ((0, 0.5 * (rows[0] + rows[1])), (2, rows[2])):
        share = np.bincount(group.draw(np.full(n, cell), np.random.default_rng(1))[0] - 3, minlength=12) / n
        assert (np.abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n) + 1e-12).all()


def test_the_time_of_a_step_is_the_one_of_the_velocity():
    velocity = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    assert time_per_step(0.3 * velocity, velocity) == pytest.approx(0.3)
    # What is perpendicular to the velocity does not count.
    assert time_per_step(np.array([[-2.0, 1.0]]) + 0.3 * velocity[:1], velocity[:1]) == pytest.approx(0.3)
    assert time_per_step(-velocity, velocity) == 0.0
