"""Steady-state velocity against the solution of the splicing equations."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.markov import steady_state_velocity


def induction(beta: float = 2.0, gamma: float = 0.5, alpha: float = 3.0):
    """Closed form of du = alpha - beta u, ds = beta u - gamma s from zero, and its velocity over gamma."""
    t = np.linspace(0, 40, 400)
    u = alpha / beta * (1 - np.exp(-beta * t))
    s = alpha / gamma * (1 - np.exp(-gamma * t)) + alpha / (gamma - beta) * (np.exp(-gamma * t) - np.exp(-beta * t))
    return u[:, None], s[:, None], ((beta * u - gamma * s) / gamma)[:, None]


def test_velocity_is_that_of_the_splicing_equations():
    u, s, expected = induction()
    found = steady_state_velocity(u, s)
    # The upper 5 % of cells are 40 - 38 = 2 lifetimes over from the end, at a steady state to exp(-19).
    np.testing.assert_allclose(found.ratio, [0.5 / 2.0], rtol=1e-6)
    np.testing.assert_allclose(found.velocity, expected, atol=1e-6 * s.max())


def test_genes_without_signal_are_left_out():
    u, s, _ = induction()
    found = steady_state_velocity(np.hstack([u, 0 * u]), np.hstack([s, s]))
    assert found.used.tolist() == [True, False]
    assert (found.velocity[:, 1] == 0).all()
    assert np.isnan(found.ratio[1])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="of one shape"):
        steady_state_velocity(np.ones((3, 2)), np.ones((3, 1)))
