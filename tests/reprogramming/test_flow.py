"""Flow with genes held and released: closed forms, another integrator, ties, and the shortest pulse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import references
from landscape.reprogramming import (
    attractors_with,
    goal_of,
    hold_and_release,
    search,
    shortest_pulses,
    states_along,
    with_targets,
)
from landscape.reprogramming.noise_free import _directions
from landscape.topography import fixed_points


@pytest.fixture(scope="module")
def relay():
    """Gene A is off by itself and switches on B, which keeps itself on."""
    drift = RegulatoryDrift.from_arrays(
        [[0.0, 0.0], [6.0, 8.0]], bias=[-5.0, -4.0], decay=[5.0, 1.0], ceiling=[5.0, 1.0], hill=4.0
    )
    model = Model(drift, 1e-3, ("A", "B"), max_step=0.01)
    found = fixed_points(drift, np.array([[0.0, 0.0], [0.0, 1.0]]), deflate=False).stable
    states = np.array(sorted((p.x for p in found), key=lambda x: x[1]))
    return model, references(("off", "on"), states, np.array([[0.5, 0.5]])), states


def test_one_gene_relaxes_from_its_level_in_closed_form():
    """Without regulators x = level until the release, then rest + (level - rest) (1 - gamma h)^n in Euler steps."""
    model = Model(RegulatoryDrift.from_arrays([[0.0]], bias=0.0, decay=0.5), 1e-3)
    h, rest = model.step, 0.5 / 0.5
    assert h == pytest.approx(0.4)
    path = states_along(
        model,
        torch.tensor([0.2], dtype=torch.float64),
        np.array([0]),
        np.array([3.0]),
        np.array([0.0, 2.0, 4.0, 8.0]),
        4.0,
    )
    assert path[:, 0] == pytest.approx([3.0, 3.0, 3.0, rest + (3.0 - rest) * (1 - 0.5 * h) ** 10])
    found = hold_and_release(
        model, torch.tensor([[0.2]], dtype=torch.float64), np.array([[0]]), np.array([[3.0]]), reach=0.5
    )
    assert found.rests.all()
    assert float(found.held[0, 0]) == 3.0
    # At rest to a thousandth of the reach.
    assert float(found.end[0, 0]) == pytest.approx(rest, abs=2e-3 * 0.5)


def test_the_shortest_pulse_is_that_of_another_integrator(relay):
    model, known, states = relay
    f = lambda _t, x: model(torch.as_tensor(x)[None])[0].numpy()  # noqa: E731

    def turns(time: float) -> bool:
        held = solve_ivp(
            lambda t, x: np.array([0.0, f(t, x)[1]]), (0, time), [1.0, states[0, 1]], rtol=1e-9, atol=1e-12
        )
        free = solve_ivp(f, (0, 40), held.y[:, -1], rtol=1e-8, atol=1e-10)
        return free.y[1, -1] > 0.5

    low, high = 0.001, 5.0
    assert not turns(low)
    assert turns(high)
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if turns(middle) else (middle, high)
    goal = goal_of(known, np.array([1]))
    hit = search(model, states[:1], goal, [((0, 1.0),), ((0, 0.0),)], reach=known.reach)
    assert hit.sets == (((0, 1.0),),)
    (pulse,) = shortest_pulses(model, states[:1], goal, hit.sets, hit.hold_time, reach=known.reach)
    # One step of .01, and the error of Euler's scheme, of the order of a step over some lifetimes.
    assert pulse == pytest.approx(high, abs=0.03)
    # A set that never does has no pulse.
    assert shortest_pulses(model, states[:1], goal, [((0, 0.0),)], np.array([5.0]), reach=known.reach) == [np.inf]


def test_a_hold_may_be_too_short(relay):
    model, known, states = relay
    goal = goal_of(known, np.array([1]))
    one = [((0, 1.0),)]
    assert search(model, states[:1], goal, one, reach=known.reach, hold=3.0).sets == (((0, 1.0),),)
    assert search(model, states[:1], goal, one, reach=known.reach, hold=0.1).sets == ()


def test_what_hangs_on_a_tie_is_no_hit():
    """Holding C makes both sides of a symmetric switch rise alike; which one wins is a matter of rounding."""
    weights = np.array([[8.0, -12.0, 8.0], [-12.0, 8.0, 8.0], [0.0, 0.0, 0.0]])
    model = Model(RegulatoryDrift.from_arrays(weights, bias=[-4.0, -4.0, -5.0], hill=4.0), 1e-3)
    starts = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    states = np.array([p.x for p in fixed_points(model.drift, starts, deflate=False).stable])
    off, first = states[np.argsort(states[:, :2].sum(1))[0]], states[np.argsort(states[:, 0])[-1]]
    second = first[[1, 0, 2]]
    known = references(("off", "first", "second"), np.array([off, first, second]), np.full((1, 3), 0.5))
    # A start that is a hair to one side leads the flow there.
    tilted = off + np.array([1e-9, 0.0, 0.0])
    goal, one = goal_of(known, np.array([1])), [((2, 1.0),)]
    led = hold_and_release(
        model, torch.as_tensor(tilted)[None], np.array([[2]]), np.array([[1.0]]), reach=1e-9, hold=np.array([60.0])
    )
    assert goal.reached(led.end, np.array([True])).all()
    assert search(model, tilted[None], goal, one, reach=known.reach, hold=60.0).sets == ()
    # With the other side held off there is no tie.
    assert search(model, off[None], goal, [((1, 0.0), (2, 1.0))], reach=known.reach).sets
    assert np.sqrt((_directions(50, 3).numpy() ** 2).mean(1)) == pytest.approx(1.0)


def test_a_saddle_is_no_attractor(relay):
    model, known, _ = relay
    goal = goal_of(known, np.array([0, 1]))
    saddle = fixed_points(model.drift, np.array([[0.0, 0.5]]), rng=0).saddles[0].x
    assert not goal.reached(torch.as_tensor(saddle)[None], np.array([True])).any()
    assert goal.reached(torch.as_tensor(known.states), np.array([True, True])).all()
    assert not goal.reached(torch.as_tensor(known.states), np.array([False, False])).any()


def test_states_by_levels_are_attractors_of_the_model(relay):
    model, known, states = relay
    found = attractors_with(model, {1: 1.0}, states[:1], reach=known.reach)
    np.testing.assert_allclose(found, states[1:], atol=1e-6)
    # A cannot stay on.
    assert attractors_with(model, {0: 1.0}, states, reach=known.reach).shape == (0, 2)
    same, positions = with_targets(known, found, "here")
    assert same.names == known.names
    assert positions.tolist() == [1]
    more, positions = with_targets(known, np.array([[3.0, 3.0]]), "here")
    assert more.names == ("off", "on", "here")
    assert positions.tolist() == [2]
