"""Coordinates in which the noise has unit size, against their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.topography.whitening import whitened

STATES = torch.as_tensor(np.random.default_rng(0).uniform(0.5, 2.0, (5, 3)))


def force(x):
    return torch.tanh(x) - x**2


def moved(found, x):
    """Velocity of whitened coordinates from their differences along the flow."""
    step = 1e-6
    return (found.inside(x + step * force(x)) - found.inside(x - step * force(x))) / (2 * step)


@pytest.mark.parametrize("kind", ["number", "diagonal", "matrix", "callable"])
def test_the_factor_is_a_root_of_the_diffusion_and_coordinates_return(kind):
    root = np.random.default_rng(1).normal(size=(3, 3))
    diffusion = {
        "number": 0.3,
        "diagonal": np.array([0.1, 0.5, 2.0]),
        "matrix": root @ root.T + np.eye(3),
        "callable": lambda x: x**2,
    }[kind]
    found = whitened(force, STATES, diffusion)
    # A diffusion x^2 that varies is taken at its geometric mean, whose root is the geometric mean of the states.
    expected = {
        "number": np.full(3, 0.3), "diagonal": diffusion, "matrix": diffusion,
        "callable": np.exp(np.log(STATES.numpy() ** 2).mean(0)),
    }[kind]  # fmt: skip
    factor = found.factor.numpy()
    np.testing.assert_allclose(factor @ factor.T if factor.ndim == 2 else factor**2, expected, rtol=1e-12)
    np.testing.assert_allclose(found.outside(found.inside(STATES)), STATES, rtol=1e-12)
    np.testing.assert_allclose(found.inside(STATES).mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.velocity(found.inside(STATES)), moved(found, STATES), rtol=1e-7)
    if kind == "callable":
        resistance = found.resistance(found.inside(STATES))
        np.testing.assert_allclose(resistance, expected / STATES.numpy() ** 2, rtol=1e-12)
    else:
        assert found.resistance(STATES) is None
