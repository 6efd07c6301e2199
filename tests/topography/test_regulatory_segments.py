"""Actions of segments and their derivatives in closed form against automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import RegulatoryDrift
from landscape.topography import fixed_points, minimum_action
from landscape.topography.large_deviations import path_minimisation
from landscape.topography.large_deviations.path_mesh import respace, shares
from landscape.topography.large_deviations.path_minimisation import SPACING, Objective
from landscape.topography.large_deviations.regulatory_segments import regulatory_segments
from landscape.topography.large_deviations.segments import AutomaticSegments
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


def both(case, low):
    """Segments in closed form and by automatic differentiation, with 20 chords and midpoints above a level."""
    d, hill, held, noise = CASES[case]
    rng = np.random.default_rng(1)
    x = torch.as_tensor(rng.uniform(low, 1.5, size=(20, d)))
    space = whitened(network(d, hill, held), x, noise)
    return regulatory_segments(space), AutomaticSegments(space), rng.normal(size=(20, d)), space.inside(x).numpy()


@pytest.mark.parametrize("case", CASES)
def test_actions_and_gradients(case):
    # States on both sides of zero, where the response has its edge.
    fast, slow, chord, middle = both(case, -1.0)
    np.testing.assert_allclose(fast.velocity(middle), slow.space.velocity(torch.as_tensor(middle)), atol=1e-11)
    found, expected = fast.values(chord, middle), slow.values(chord, middle)
    for name in ("action", "size", "by_chord", "by_middle"):
        value, truth = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(value, truth, atol=1e-11 * np.abs(truth).max(), err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_second_derivatives(case):
    # At zero itself the response of an exponent below 2 has no second derivative.
    fast, slow, chord, middle = both(case, 0.05)
    found, expected = fast.second(chord, middle), slow.second(chord, middle)
    for k in range(len(chord)):
        for block, truth in zip(found(k), expected(k), strict=True):
            np.testing.assert_allclose(block, truth, atol=1e-8 * np.abs(truth).max())


@pytest.mark.parametrize("case", CASES)
def test_the_hessian_of_a_path_is_the_difference_of_its_gradients(case):
    d, hill, held, noise = CASES[case]
    rng = np.random.default_rng(2)
    ends = torch.as_tensor(rng.uniform(0.2, 1.0, size=(2, d)))
    space = whitened(network(d, hill, held), ends, noise)
    n = 6
    y = respace(space.inside(ends).numpy(), n)
    state = Objective(regulatory_segments(space), shares(y), 1.0)
    at = state.at(y)
    hessian = np.zeros((n - 1, d, n - 1, d))
    for k, (diagonal, right) in enumerate(state._rows(at, state.second(at), 0.0)):
        hessian[k, :, k] = diagonal
        if right is not None:
            hessian[k, :, k + 1], hessian[k + 1, :, k] = right, right.T
    along = at.chord / at.length[:, None]
    by_length = (along[:-1] - along[1:]).ravel()
    hessian = hessian.reshape(((n - 1) * d,) * 2) - SPACING * 2 / at.length.sum() ** 2 * np.outer(by_length, by_length)
    step, v = 1e-5, rng.normal(size=(n - 1, d))
    moved = [state.at(y + np.pad(sign * step * v, ((1, 1), (0, 0)))).gradient.ravel() for sign in (1, -1)]
    difference = (moved[0] - moved[1]) / (2 * step)
    # The error of a central difference is of order step^2, here 1e-10 of third derivatives.
    np.testing.assert_allclose(hessian @ v.ravel(), difference, atol=1e-6 * np.abs(difference).max())


def test_least_actions_are_the_same_by_both(monkeypatch):
    # Two genes that excite themselves and silence each other.
    drift = RegulatoryDrift.from_arrays(np.array([[4.0, -4.0], [-4.0, 4.0]]), bias=-0.5, hill=4.0)
    low, high = fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]])).stable
    fast = minimum_action(drift, low.x, high.x, diffusion=0.05, n_points=40, rng=0)
    monkeypatch.setattr(path_minimisation, "regulatory_segments", lambda space: None)
    slow = minimum_action(drift, low.x, high.x, diffusion=0.05, n_points=40, rng=0)
    assert fast.converged
    assert slow.converged
    assert fast.action == pytest.approx(slow.action, rel=1e-5)


def test_other_drifts_and_noises_are_left_to_automatic_differentiation():
    ends = torch.zeros((2, 2), dtype=torch.float64)
    drift = network(2, 2.0, {})
    assert regulatory_segments(whitened(lambda x: -x, ends, 0.1)) is None
    assert regulatory_segments(whitened(drift, ends, lambda x: 0.1 + 0.0 * x)) is None


def test_production_far_from_the_data_does_not_overflow():
    drift = RegulatoryDrift.from_arrays(np.array([[-5_000.0]]), hill=8.0)
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    segments = regulatory_segments(whitened(drift, ends, 1.0))
    found = segments.values(np.ones((2, 1)), np.array([[40.0], [-40.0]]))
    assert np.isfinite(found.action).all()
    assert np.isfinite(found.by_middle).all()
