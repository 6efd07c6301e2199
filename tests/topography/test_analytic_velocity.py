"""Velocities and gradients in closed form against automatic differentiation, and least actions against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import RegulatoryDrift, jacobian
from landscape.topography import fixed_points, minimum_action
from landscape.topography.large_deviations import path_minimisation
from landscape.topography.large_deviations.analytic_velocity import analytic_velocity
from landscape.topography.whitening import whitened

CASES = {
    "steep": (5, 8.0, {}, 0.01),
    "a held gene and unequal noise": (5, 2.0, {1: 0.7}, np.linspace(0.01, 0.1, 5)),
    "straight responses and a level below zero": (4, 1.0, {0: -0.2}, 0.1),
    "unequal exponents and correlated noise": (6, np.array([1.0, 1.5, 2.0, 3.0, 4.0, 2.5]), {2: 0.0}, 0.02 + 0.1 * np.eye(6)),
}  # fmt: skip


def network(d, hill, held, seed=0):
    rng = np.random.default_rng(seed)
    return RegulatoryDrift.from_arrays(
        4 * rng.normal(size=(d, d)),
        bias=rng.normal(size=d),
        ceiling=rng.uniform(0.5, 2, d),
        decay=rng.uniform(0.5, 2, d),
        threshold=rng.uniform(0.3, 0.7, d),
        hill=hill,
        signal=rng.normal(size=d),
        held=held,
    )


@pytest.mark.parametrize("case", CASES)
def test_velocity_and_pullback_are_those_of_the_drift(case):
    d, hill, held, noise = CASES[case]
    drift, rng = network(d, hill, held), np.random.default_rng(1)
    # States on both sides of zero, where the response has its edge.
    ends = torch.as_tensor(rng.normal(size=(2, d)))
    space = whitened(drift, ends, noise)
    y, v = torch.as_tensor(rng.normal(size=(20, d))), torch.as_tensor(rng.normal(size=(20, d)))
    f, pullback = analytic_velocity(space)(y.numpy())
    np.testing.assert_allclose(f, space.velocity(y), rtol=1e-12, atol=1e-12)
    expected = torch.einsum("nij,ni->nj", jacobian(space.velocity, y), v)
    np.testing.assert_allclose(pullback(v.numpy()), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_action_and_gradient_are_those_of_automatic_differentiation(case):
    d, hill, held, noise = CASES[case]
    rng = np.random.default_rng(2)
    ends = torch.as_tensor(rng.normal(size=(2, d)))
    space = whitened(network(d, hill, held), ends, noise)
    start, end = space.inside(ends).numpy()
    objective = path_minimisation.Objective(space, start + np.linspace(0, 1, 31)[:, None] * (end - start))
    states = objective.path(0.1 * rng.normal(size=29 * d))
    value, gradient = objective._analytic(states, objective.velocity)
    expected, slope = objective._automatic(states)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, atol=1e-12 * np.abs(slope).max())


def test_least_actions_are_the_same_by_both(monkeypatch):
    # Two genes that excite themselves and silence each other.
    drift = RegulatoryDrift.from_arrays(np.array([[4.0, -4.0], [-4.0, 4.0]]), bias=-0.5, hill=4.0)
    low, high = fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]])).stable
    fast = minimum_action(drift, low.x, high.x, diffusion=0.05, n_points=40, rng=0)
    monkeypatch.setattr(path_minimisation, "analytic_velocity", lambda space: None)
    slow = minimum_action(drift, low.x, high.x, diffusion=0.05, n_points=40, rng=0)
    assert fast.converged
    assert slow.converged
    # Both stop at a relative gradient far below a permille, and the action errs by its square.
    assert fast.action == pytest.approx(slow.action, rel=1e-5)


def test_other_drifts_and_noises_are_left_to_automatic_differentiation():
    ends = torch.zeros((2, 2), dtype=torch.float64)
    drift = network(2, 2.0, {})
    assert analytic_velocity(whitened(lambda x: -x, ends, 0.1)) is None
    assert analytic_velocity(whitened(drift, ends, lambda x: 0.1 + 0.0 * x)) is None


def test_production_far_from_the_data_does_not_overflow():
    drift = RegulatoryDrift.from_arrays(np.array([[-5_000.0]]), hill=8.0)
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    f, pullback = analytic_velocity(whitened(drift, ends, 1.0))(np.array([[40.0], [-40.0]]))
    assert np.isfinite(f).all()
    assert np.isfinite(pullback(np.ones((2, 1)))).all()
