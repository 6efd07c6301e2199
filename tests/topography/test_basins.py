"""Basins against known separatrices."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape import systems
from landscape.dynamics import jacobian
from landscape.topography import basin_of, fixed_points


def test_double_well_splits_at_its_saddle():
    tilt = 0.2
    left, saddle, right = np.sort(systems.DoubleWell(tilt).fixed_points())
    x = np.concatenate([np.linspace(-3, saddle - 1e-6, 30), np.linspace(saddle + 1e-6, 3, 30)])[:, None]
    basins = basin_of(systems.DoubleWell(tilt), x, [[left], [right]])
    assert basins.labels.tolist() == [0] * 30 + [1] * 30
    assert basins.converged
    assert basins.n_undecided == basins.n_elsewhere == 0
    assert basins.n_steps > 0
    assert (basins.time >= 0).all()


def test_arrival_takes_the_time_of_the_closed_form():
    basins = basin_of(torch.neg, [[1.0], [-0.3]], [[0.0]])
    # x = x0 exp(-t): the path ends within the last step, at most the ball's radius or one step early or late.
    scale = np.sqrt(np.mean((np.array([1.0, -0.3, 0.0]) - 0.7 / 3) ** 2))
    expected = np.log(np.array([1.0, 0.3]) / (0.02 * scale))
    np.testing.assert_allclose(basins.radius, 0.02, rtol=1e-12)
    assert ((basins.time >= expected - 1e-2) & (basins.time <= expected + 3)).all()


def test_toggle_is_symmetric_under_the_exchange_of_its_genes():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2.5, (300, 2))
    stable = fixed_points(systems.HuangToggle(), x[:30], deflate=False).stable
    mirror = [int(np.argmin([np.abs(p.x - q.x[::-1]).max() for p in stable])) for q in stable]
    here, there = basin_of(systems.HuangToggle(), x, stable), basin_of(systems.HuangToggle(), x[:, ::-1].copy(), stable)
    np.testing.assert_array_equal(np.array(mirror)[here.labels], there.labels)
    assert set(here.labels) == {0, 1, 2}


@settings(max_examples=10)
@given(st.floats(-50, 50), st.floats(0, 6.28), st.floats(-2, 2))
def test_labels_do_not_depend_on_the_coordinates(offset, angle, log_scale):
    toggle, scale = systems.HuangToggle(), 10.0**log_scale
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float64)
    x = torch.as_tensor(np.random.default_rng(1).uniform(0, 2.2, (30, 2)))
    points = torch.as_tensor(toggle.fixed_points())
    stable = points[torch.tensor([bool((torch.linalg.eigvals(j).real < 0).all()) for j in jacobian(toggle, points)])]
    plain = basin_of(toggle, x, stable)

    def moved(z):
        return scale * (toggle((z - offset) @ turn / scale) @ turn.T)

    other = basin_of(moved, scale * x @ turn.T + offset, scale * stable @ turn.T + offset)
    np.testing.assert_array_equal(plain.labels, other.labels)


def test_a_narrow_basin_next_to_the_attractor_is_respected():
    # Stable at 0 and 1 with the border at 1e-3, far inside the first ball of arrival, 2 % of the distance.
    def field(x):
        return x * (x - 1e-3) * (1 - x)

    basins = basin_of(field, [[-0.5], [5e-4], [2e-3], [0.8]], [[0.0], [1.0]])
    assert basins.labels.tolist() == [0, 0, 1, 1]
    assert basins.radius[0] < 1e-3 / 0.5  # Roughly the scale of these states.


def test_states_that_reach_nothing_are_counted(caplog):
    with caplog.at_level(logging.WARNING):
        basins = basin_of(systems.DoubleWell(), [[-0.5], [0.5], [0.7]], [[1.0]])
    assert basins.labels.tolist() == [-1, 0, 0]
    assert (basins.n_undecided, basins.n_elsewhere) == (1, 1)
    assert not basins.converged
    assert "1 of 3 states reached no attractor" in caplog.text


def test_time_out_is_reported_apart_from_rest():
    basins = basin_of(systems.DoubleWell(), [[1e-9]], [[1.0]], max_steps=3)
    assert basins.labels.tolist() == [-1]
    assert (basins.n_undecided, basins.n_elsewhere) == (1, 0)
    assert basins.n_steps == 3


@pytest.mark.parametrize(
    ("attractors", "message"),
    [
        (np.zeros((0, 1)), "at least one attractor"),
        ([], "at least one attractor"),
        ([[0.0, 1.0]], "attractors with 1 coordinates"),
        ([[0.0]], r"Attractors \[0\] do not attract"),
        ([[0.5]], r"Attractors \[0\] do not attract"),
    ],
)
def test_bad_attractors_are_named(attractors, message):
    with pytest.raises(ValueError, match=message):
        basin_of(systems.DoubleWell(), [[0.3]], attractors)


def test_a_saddle_is_refused():
    points = fixed_points(systems.DoubleWell(), [[-0.5], [0.5]])
    with pytest.raises(ValueError, match="found an unstable one"):
        basin_of(systems.DoubleWell(), [[0.3]], points)
