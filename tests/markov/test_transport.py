"""Optimal transport: marginals, the closed form for a shift, and velocities of a moving cloud."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from landscape.markov import coupling, time_velocity
from landscape.markov.transport import FAR


def test_marginals_are_uniform():
    rng = np.random.default_rng(0)
    plan = coupling(rng.normal(size=(60, 3)), rng.normal(size=(80, 3)) + 1, tolerance=1e-8, max_steps=5000)
    np.testing.assert_allclose(plan.sum(1), 1 / 60, rtol=1e-12)
    np.testing.assert_allclose(plan.sum(0), 1 / 80, rtol=1e-6)


def test_little_blur_gives_the_optimal_assignment():
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    plan = coupling(x, y, blur=2e-3, max_steps=200_000)
    _, best = linear_sum_assignment(cdist(x, y, "sqeuclidean"))
    assert (plan.argmax(1) == best).mean() > 0.9


def test_a_shifted_cloud_moves_by_its_shift():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    shift = np.array([3.0, -1.0])
    times = np.repeat([0.0, 2.0], 300)
    velocity = time_velocity(np.vstack([x, x + shift]), np.vstack([x, x + shift]), times)
    # Entropic blur shrinks every target towards the mean but keeps the mean itself.
    # ... but for what the marginals are off by, a thousandth of the cells' spread.
    np.testing.assert_allclose(velocity[:300].mean(0), shift / 2, atol=1e-3)
    assert (velocity[300:] == 0).all()


def test_growth_counts_over_the_interval_between_two_times():
    """Cells of one state have three descendants each after two units of time, those of the other one: nothing crosses."""
    rng = np.random.default_rng(4)
    place = np.array([0.0, 10.0])
    early = np.repeat(place, 10)[:, None] + 0.1 * rng.normal(size=(20, 1))
    late = np.repeat(place + 1.0, (15, 5))[:, None] + 0.1 * rng.normal(size=(20, 1))
    both, times = np.vstack([early, late]), np.repeat([3.0, 5.0], 20)
    growth = np.r_[np.repeat([np.log(3.0) / 2 + 0.7, 0.7], 10), np.zeros(20)]  # what all share makes no difference
    velocity = time_velocity(both, both, times, growth=growth)
    # Of each state the mean moves by one in two units of time; marginals are met to a thousandth of a distance of ten.
    means = velocity[:20, 0].reshape(2, 10).mean(1)
    shift = (late[:15].mean() - early[:10].mean(), late[15:].mean() - early[10:].mean())
    np.testing.assert_allclose(means, np.array(shift) / 2, atol=0.005)
    ignored = time_velocity(both, both, times)[:20, 0].reshape(2, 10).mean(1)
    assert ignored[1] < -1.0  # half of the other state would have to cross


def test_a_sample_speaks_for_the_cells_beside_it():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 2))
    both, times = np.vstack([x, x + 2.0]), np.repeat([0.0, 1.0], 400)
    full, sampled = time_velocity(both, both, times), time_velocity(both, both, times, max_cells=200)
    assert np.corrcoef(full[:400].ravel(), sampled[:400].ravel())[0, 1] > 0.5
    np.testing.assert_allclose(sampled[:400].mean(0), full[:400].mean(0), atol=0.2)


def test_iterations_that_do_not_end_are_said():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="did not converge in 2 steps"):
        coupling(rng.normal(size=(30, 2)), rng.normal(size=(30, 2)), blur=1e-3, max_steps=2)


@pytest.mark.parametrize("gap", [30.0, 1000.0])
def test_a_far_minority_whose_share_changes_is_coupled_all_the_same(gap):
    # A tenth of the early cells and a fiftieth of the late ones lie far off: four fifths of them have to cross.
    rng = np.random.default_rng(0)
    early, late = 0.5 * rng.standard_normal((2, 200, 5))
    early[:20, 0] += gap
    late[:4, 0] += gap
    plan = coupling(early, late)
    np.testing.assert_allclose(plan.sum(1), 1 / 200, rtol=1e-9)
    np.testing.assert_allclose(plan.sum(0), 1 / 200, rtol=0.01)
    # All late cells over there come from there, and what crosses is the excess.
    assert plan[20:, :4].sum() < 1e-4
    assert plan[:20, 4:].sum() == pytest.approx(0.1 - 0.02, abs=1e-3)


def test_costs_of_usual_cells_are_as_they_are():
    # The farthest pair of a normal cloud stays below ten times the median, so that the threshold changes nothing.
    rng = np.random.default_rng(1)
    early, late = rng.standard_normal((2, 150, 10))
    cost = cdist(early, late, "sqeuclidean")
    assert cost.max() < FAR * np.median(cost)
    plan = coupling(early, late)
    log_kernel = -cost / (0.05 * np.median(cost))
    # At the optimum the plan is the kernel but for a factor of each row and of each column.
    rest = np.log(plan) - log_kernel
    assert np.abs(rest - rest.mean(1, keepdims=True) - rest.mean(0) + rest.mean()).max() < 1e-6
