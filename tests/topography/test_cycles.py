"""Limit cycles against closed forms and an independent integration."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from landscape import systems
from landscape.topography import basin_of, fixed_points, limit_cycles
from landscape.topography.field import field_around
from landscape.topography.fixed_points.cycles import cycle_record

# Newton stops at a correction of 1e-8 and squares it; what remains is the integration's relative error of 1e-10,
# amplified over one turn by at most a hundredfold here.
EXACT = 1e-8


def repressilator(x):
    return 5.0 / (1 + x.roll(1, 1) ** 4) - x


def test_normal_form_has_its_radius_period_and_multiplier():
    system = systems.HopfCycle(0.5, 2.0, 0.3)
    found = limit_cycles(system, np.random.default_rng(0).normal(size=(6, 2)), max_steps=300)
    assert len(found) == 1
    cycle = found[0]
    assert cycle.period == pytest.approx(system.period, rel=EXACT)
    np.testing.assert_allclose(np.hypot(*cycle.points.T), system.radius, rtol=EXACT)
    # The normal form turns evenly, so that equal times are equal angles and the last point is one step from the first.
    angles = np.unwrap(np.angle(cycle.points @ [1, 1j]))
    np.testing.assert_allclose(np.abs(np.diff(angles)), 2 * np.pi / len(angles), rtol=1e-6)
    np.testing.assert_allclose(cycle.multipliers, [1, system.floquet_multiplier], atol=EXACT)
    assert cycle.stable
    assert cycle.converged
    assert cycle.residual < EXACT
    assert cycle.n_starts == 6
    assert found.ends.tolist() == [0] * 6
    assert (found.n_rest, found.n_unresolved) == (0, 0)


def test_repressilator_turns_with_the_period_of_an_independent_integration():
    found = limit_cycles(repressilator, [[0.5, 1.0, 2.0]], max_steps=600)

    def rise(_, x):
        return x[0] - 1.5

    rise.direction = 1
    path = solve_ivp(
        lambda _, x: 5.0 / (1 + np.roll(x, 1) ** 4) - x,
        (0, 200), [0.5, 1.0, 2.0], events=rise, rtol=1e-11, atol=1e-12, method="LSODA",
    )  # fmt: skip
    # Transients shrink by the multiplier .097 each turn: after 40 turns only integration errors are left.
    assert found[0].period == pytest.approx(np.diff(path.t_events[0])[-5:].mean(), rel=1e-7)
    # Liouville: the product of the multipliers is the exponential of the integrated divergence, which is -3.
    assert np.prod(found[0].multipliers).real == pytest.approx(np.exp(-3 * found[0].period), rel=1e-4)
    assert not fixed_points(repressilator, [[0.5, 1.0, 2.0]], relax_steps=300).stable


def test_two_cycles_are_told_apart():
    def field(x):
        square = x.square().sum(1, keepdim=True)
        turn = torch.stack([-x[:, 1], x[:, 0]], 1)
        # Stable radii 1 and 2, unstable 1.5: r' = -r (r^2 - 1)(r^2 - 2.25)(r^2 - 4) / 4.
        return -x * (square - 1) * (square - 2.25) * (square - 4) / 4 + (1 + square) * turn

    found = limit_cycles(field, [[0.4, 0.0], [0.0, 1.2], [1.8, 0.0], [0.0, -2.2]], max_steps=400)
    assert found.ends.tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose([c.period for c in found], [2 * np.pi / 5, 2 * np.pi / 2], rtol=EXACT)
    labels = basin_of(field, [[0.5, 0.2], [1.7, 0.3]], list(found))
    assert labels.labels.tolist() == [1, 0]


def test_starts_that_rest_make_no_cycle():
    found = limit_cycles(systems.HuangToggle(), [[0.5, 1.9], [1.0, 1.1]])
    assert len(found) == 0
    assert found.n_rest == 2
    assert found.n_unresolved == 0


def test_escape_is_reported(caplog):
    with caplog.at_level(logging.WARNING):
        found = limit_cycles(lambda x: 1 + x**2, [[0.0]])
    assert len(found) == 0
    assert found.n_unresolved == 1
    assert "1 of 1 starts converged neither to a fixed point nor to a cycle" in caplog.text


def test_cycles_move_with_the_coordinates():
    system = systems.HopfCycle(0.5, 2.0, 0.3)
    shift, scale = torch.tensor([30.0, -7.0], dtype=torch.float64), 40.0
    found = limit_cycles(lambda z: scale * system((z - shift) / scale), shift + scale * torch.eye(2), max_steps=300)
    assert found[0].period == pytest.approx(system.period, rel=EXACT)
    np.testing.assert_allclose(np.hypot(*(found[0].points - shift.numpy()).T), scale * system.radius, rtol=EXACT)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="positive `tolerance`, `max_steps`"):
        limit_cycles(torch.neg, [[1.0]], max_steps=0)


def test_an_orbit_that_does_not_close_is_not_converged():
    drift = systems.HopfCycle(0.5, 2.0, 0.3)
    field = field_around(drift, torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64))
    start = field.inside(torch.tensor([drift.radius, 0.0], dtype=torch.float64)).numpy()
    closed, open_ = (cycle_record(field, start, drift.period * factor, 1e-8, 1, 20) for factor in (1.0, 1.001))
    assert closed.converged
    assert closed.residual < 1e-9
    assert not open_.converged
    assert open_.residual == pytest.approx(
        1e-3 * drift.period * 2 * np.pi / drift.period * drift.radius / 2**0.5, rel=0.01
    )
