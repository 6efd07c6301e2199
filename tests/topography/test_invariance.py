"""Numbers that are invariants do not change with the origin, the directions or the unit of the coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.systems import CurlDoubleWell, DoubleWell, HuangToggle
from landscape.topography import (
    committor_on_grid,
    curl_share,
    kramers_time,
    linear_entropy_production,
    mean_first_passage_time,
    transition_network,
    undecided_width,
)

TOGGLE = HuangToggle()
POINTS = TOGGLE.fixed_points()
CASES = [(0.0, 0.7, 1.0), (-40.0, 0.0, 1e3), (3.0, 2.2, 1e-3)]


class Moved:
    """The same dynamics in coordinates z = c R x + s."""

    def __init__(self, drift, shift, angle, scale, d=2):
        self.drift, self.scale, self.shift = drift, scale, shift * scale
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) if d == 2 else np.eye(1)
        self.turn = torch.as_tensor(turn)

    def __call__(self, z):
        return self.scale * self.drift((z - self.shift) @ self.turn / self.scale) @ self.turn.T

    def to(self, x):
        return self.scale * np.asarray(x) @ self.turn.numpy().T + self.shift

    def noise(self, diffusion):
        return diffusion * self.scale**2


@pytest.mark.parametrize(("shift", "angle", "scale"), CASES)
def test_barriers_and_their_network(shift, angle, scale):
    moved = Moved(TOGGLE, shift, angle, scale)
    plain = transition_network(TOGGLE, POINTS[[0, 2, 4]], diffusion=0.1)
    found = transition_network(moved, moved.to(POINTS[[0, 2, 4]]), diffusion=moved.noise(0.1))
    np.testing.assert_array_equal(found.adjacency, plain.adjacency)
    # Another random choice of arcs ends at another point within the optimiser's tolerance.
    np.testing.assert_allclose(found.action, plain.action, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize(("shift", "angle", "scale"), CASES)
def test_times_have_the_unit_of_time_alone(shift, angle, scale):
    line = Moved(DoubleWell(), shift, 0.0, scale, d=1)
    for method in ("backward", "chain", "kramers"):
        found = mean_first_passage_time(
            line, line.to([-1.0]), line.to([1.0]), diffusion=line.noise(0.05), method=method
        )
        plain = mean_first_passage_time(DoubleWell(), [-1.0], [1.0], diffusion=0.05, method=method)
        assert found.time == pytest.approx(plain.time, rel=1e-6)
    # The same seed draws the same noise, so that paths are the same but for their unit.
    options = {"n_paths": 50, "method": "simulation"}
    found = mean_first_passage_time(line, line.to([-1.0]), line.to([1.0]), diffusion=line.noise(0.3), **options)
    plain = mean_first_passage_time(DoubleWell(), [-1.0], [1.0], diffusion=0.3, **options)
    assert found.time == pytest.approx(plain.time, rel=1e-6)


@pytest.mark.parametrize(("shift", "angle", "scale"), CASES)
def test_kramers_and_the_undecided_zone(shift, angle, scale):
    well = CurlDoubleWell(0.0)
    moved = Moved(well, shift, angle, scale)
    noise, ends = 0.05, np.array([[-1.0, 0.0], [0.0, 0.0]])
    plain = kramers_time(well, *ends, diffusion=noise)
    found = kramers_time(moved, *moved.to(ends), diffusion=moved.noise(noise))
    assert found.time == pytest.approx(plain.time, rel=1e-6)
    assert found.exact
    toggle = Moved(TOGGLE, shift, angle, scale)
    wide = undecided_width(toggle, toggle.to(POINTS[3]), diffusion=toggle.noise(0.02))
    narrow = undecided_width(TOGGLE, POINTS[3], diffusion=0.02)
    assert wide.width == pytest.approx(scale * narrow.width, rel=1e-6)
    assert wide.rate == pytest.approx(narrow.rate, rel=1e-6)


def test_committor_and_curl():
    line = Moved(DoubleWell(), 5.0, 0.0, 100.0, d=1)
    found = committor_on_grid(
        line, line.to([[-1.0], [1.0]]), diffusion=line.noise(0.1), radius=0.0,
        bounds=(line.to([-2.5]), line.to([2.5])), n_grid=2001,
    )  # fmt: skip
    at = np.abs(found.points[:, 0] - line.to([0.5])[0]).argmin()
    assert found.probabilities[at, 1] == pytest.approx(0.909895, abs=1e-5)
    moved = Moved(TOGGLE, 2.0, 1.1, 50.0)
    states = np.random.default_rng(0).uniform(0, 2, (10, 2))
    assert curl_share(moved, moved.to(states), diffusion=moved.noise(1.0)).share == pytest.approx(
        curl_share(TOGGLE, states).share, rel=1e-9
    )


def test_entropy_production_of_a_linear_system():
    matrix, noise = np.array([[-1.0, 2.0], [-0.3, -1.5]]), np.diag([0.3, 0.6])
    change = np.array([[2.0, 0.7], [-0.4, 5.0]])
    moved = linear_entropy_production(change @ matrix @ np.linalg.inv(change), change @ noise @ change.T)
    assert moved.rate == pytest.approx(linear_entropy_production(matrix, noise).rate, rel=1e-9)
