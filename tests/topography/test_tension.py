"""Tension of a path: exact derivatives of the action, against differences, quadrature and sum rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import barrier, find_saddle, fixed_points, path_pull, tension

# Two genes that activate themselves and repress each other, with a third attractor between.
TOGGLE = RegulatoryDrift.from_arrays([[4.0, -6.0], [-6.0, 4.0]], bias=0.5, hill=4.0)
HIGH, TOP = np.array([0.985962, 0.005895]), np.array([0.438966, 0.438966])
PARAMETERS = ("weights", "bias", "ceiling", "decay", "threshold", "hill")


def height(drift, n_points=100):
    """Barrier with attractor and saddle found anew, at D = 1."""
    low = fixed_points(drift, torch.as_tensor(HIGH[None]), deflate=False, n_random=0).stable[0].x
    return barrier(drift, low, find_saddle(drift, TOP), diffusion=1.0, n_points=n_points, tolerance=1e-4)


@pytest.fixture(scope="module")
def toggle():
    return tension(TOGGLE, height(TOGGLE, 200).path, diffusion=1.0)


def moved(drift, name, index, change):
    value = getattr(drift, name).clone()
    value[index] += change
    return replace(drift, **{name: value})


def random_drift(rng, d=12, held=None):
    return RegulatoryDrift.from_arrays(
        rng.normal(0, 2, (d, d)),
        bias=rng.normal(0, 1, d),
        ceiling=rng.uniform(0.5, 2, d),
        decay=rng.uniform(0.5, 2, d),
        threshold=rng.uniform(0.3, 0.8, d),
        hill=rng.uniform(1.5, 5, d),
        signal=rng.normal(0, 0.3, d),
        held=held,
    )


def test_the_toggle_has_the_tensions_of_an_independent_minimiser(toggle):
    """From a path minimised in numpy and scipy; its last digits are rounded, and its thresholds are off by a permille."""
    np.testing.assert_allclose(toggle.weights, [[0.02525, 0.01364], [-0.01702, -0.00944]], atol=2e-5)
    np.testing.assert_allclose(toggle.bias, [0.03525, -0.02435], atol=2e-5)
    np.testing.assert_allclose(toggle.ceiling, [0.3050, -0.0295], atol=1e-4)
    np.testing.assert_allclose(toggle.decay, [-0.2813, 0.1704], atol=1e-4)
    np.testing.assert_allclose(toggle.threshold, [-0.4342, 0.5414], rtol=2e-3)


def test_the_height_of_the_toggle_follows_its_slope():
    found = [height(moved(TOGGLE, "bias", 0, shift)).action for shift in (-0.02, 0.0, 0.02)]
    np.testing.assert_allclose(found, [0.163865, 0.164571, 0.165275], atol=2e-6)
    assert (found[2] - found[0]) / 0.04 == pytest.approx(0.035246, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "index"),
    [("weights", (0, 0)), ("weights", (1, 0)), *((name, (k,)) for name in PARAMETERS[1:] for k in (0, 1))],
)
def test_differences_of_barriers_minimised_anew_agree(toggle, name, index):
    """Attractor, saddle and path move with the parameter. The central difference errs by its squared step of 1 %, times a
    third derivative that is of the order of 10 for thresholds, and by the minimiser's 1e-5 of the action over the step."""
    step = 0.01
    up, down = (height(moved(TOGGLE, name, index, sign * step)).action for sign in (1, -1))
    assert getattr(toggle, name)[index] == pytest.approx((up - down) / (2 * step), abs=1e-3)
    assert getattr(toggle, name)[index] == pytest.approx((up - down) / (2 * step), rel=5e-3)


def test_moving_ends_do_not_contribute_where_they_are_fixed_points():
    """The momentum is zero there, so that the action changes with the square of a shift of the end; elsewhere it changes
    in proportion."""
    path = height(TOGGLE, 200).path
    bump = np.linspace(0, 1, len(path))[:, None] ** 8 * np.array([1.0, -0.5])

    def slope(part, bump, step):
        ends = [tension(TOGGLE, part + sign * step * bump, diffusion=1.0).action for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * step)

    inner = path[: len(path) // 2]
    elsewhere = slope(inner, np.linspace(0, 1, len(inner))[:, None] ** 8 * np.array([1.0, -0.5]), 1e-4)
    assert abs(slope(path, bump, 1e-4)) < 0.02 * abs(elsewhere)


W_CRITICAL = 4.847772


def states_of_fold(w):
    x = np.linspace(1e-3, 1 - 1e-6, 40_001)

    def velocity(x):
        return 1 / (1 + np.exp(3 - w * x**4 / (0.5**4 + x**4))) - x

    change = np.flatnonzero(np.diff(np.sign(velocity(x))))
    return [brentq(velocity, x[i], x[i + 1], xtol=1e-14) for i in change], velocity


@pytest.mark.parametrize(
    ("w", "saddle", "high", "action", "slope"),
    [
        (7.0, 0.45241, 0.97185, 0.080841, 0.032265),
        (6.0, 0.50000, 0.92625, 0.043289, 0.042347),
        (5.5, 0.53838, 0.87841, 0.021681, 0.042869),
        (5.2, 0.57358, 0.83203, 0.009468, 0.037350),
        (5.0, 0.61084, 0.78440, 0.002861, 0.027328),
        (4.9, 0.64319, 0.74589, 0.000593, 0.016842),
    ],
)
def test_one_gene_up_to_its_fold(w, saddle, high, action, slope):
    """In one dimension height and slope are integrals; the slope vanishes with the valley. Digits are those of the table."""
    drift = RegulatoryDrift.from_arrays([[w]], bias=-3.0, hill=4.0)
    (_, top, end), velocity = states_of_fold(w)
    assert (top, end) == pytest.approx((saddle, high), abs=5e-6)
    found = barrier(drift, [end], [top], diffusion=1.0, n_points=400, tolerance=1e-4)
    assert found.action == pytest.approx(action, abs=6e-7)
    assert found.action == pytest.approx(quad(velocity, top, end)[0], rel=1e-4)
    ropes = tension(drift, found.path, diffusion=1.0)
    assert ropes.weights[0, 0] == pytest.approx(slope, abs=2e-6)
    assert ropes.strength[0] == pytest.approx(w * slope, abs=2e-5)


@pytest.mark.parametrize("seed", range(10))
def test_production_and_turnover_sum_to_the_action(seed):
    """Scaling all ceilings and decays scales the drift and the action, on every path and every noise."""
    rng = np.random.default_rng(seed)
    drift, path = random_drift(rng), rng.uniform(0, 1, (30, 12))
    root = rng.normal(0, 1, (12, 12))
    for diffusion in (0.01, rng.uniform(0.01, 0.1, 12), root @ root.T + np.eye(12), lambda x: 0.01 + 0.1 * x**2):
        found = tension(drift, path, diffusion=diffusion)
        total = found.production.sum() + found.turnover.sum()
        assert abs(total - found.action) < 1e-8 * found.action


@pytest.mark.parametrize("kind", ["number", "diagonal", "matrix", "callable", "held"])
def test_every_derivative_is_that_of_the_discretised_action(kind):
    """Along a fixed path the derivative is exact: the central difference errs by 1e-5 squared and by rounding over 1e-5."""
    rng = np.random.default_rng(3)
    d = 4
    held = {1: 0.7} if kind == "held" else None
    drift, path = random_drift(rng, d, held), rng.uniform(0.05, 1, (12, d))
    root = rng.normal(0, 1, (d, d))
    diffusion = {
        "number": 0.3,
        "diagonal": rng.uniform(0.1, 1, d),
        "matrix": root @ root.T + np.eye(d),
        "callable": lambda x: 0.1 + x**2,
        "held": 0.2,
    }[kind]
    found = tension(drift, path, diffusion=diffusion)
    for name in PARAMETERS:
        expected = np.zeros(getattr(drift, name).shape)
        for index in np.ndindex(expected.shape):
            ends = [
                path_pull(moved(drift, name, index, s * 1e-5), path, diffusion=diffusion).action.sum() for s in (1, -1)
            ]
            expected[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())
    np.testing.assert_allclose(found.strength, (drift.weights.numpy() * found.weights).sum(0), rtol=1e-10)
    np.testing.assert_allclose(found.strength_along.sum(0), found.strength, rtol=1e-10)
    np.testing.assert_allclose(found.edges, drift.weights.numpy() * found.weights)


def test_the_action_is_that_of_the_minimum(toggle):
    found = height(TOGGLE, 200)
    assert toggle.action == pytest.approx(found.cost[-1], rel=1e-12)
    # The reported action is extrapolated in the number of points.
    assert toggle.action == pytest.approx(found.action, rel=1e-3)


def test_downhill_and_at_rest_nothing_pulls():
    """Along the flow the force vanishes: an Euler step of 1e-3 turns from the flow at its midpoint by half of that times rates
    of up to 4. At a fixed point the force is not infinite."""
    path = [torch.tensor([[0.9, 0.7]], dtype=torch.float64)]
    for _ in range(2000):
        path.append(path[-1] + 1e-3 * TOGGLE(path[-1]))
    down = torch.cat(path).numpy()
    up = tension(TOGGLE, down[::-1].copy(), diffusion=1.0)
    assert np.abs(tension(TOGGLE, down, diffusion=1.0).weights).max() < 2e-3 * np.abs(up.weights).max()
    still = fixed_points(TOGGLE, torch.as_tensor(HIGH[None]), deflate=False, n_random=0).stable[0].x
    pull = path_pull(lambda x: x - torch.as_tensor(still), np.array([still - 0.1, still + 0.1]), diffusion=1.0)
    assert np.isfinite(pull.force).all()


def test_wrong_input_is_refused():
    path = np.array([HIGH, TOP])
    with pytest.raises(TypeError, match="RegulatoryDrift"):
        tension(lambda x: -x, path, diffusion=1.0)
    with pytest.raises(ValueError, match="at least two states"):
        tension(TOGGLE, path[:1], diffusion=1.0)
    with pytest.raises(TypeError, match="diffusion"):
        tension(TOGGLE, path)
    with_noise = Model(TOGGLE, 0.5)
    assert tension(with_noise, path).action == pytest.approx(2 * tension(TOGGLE, path, diffusion=1.0).action)
