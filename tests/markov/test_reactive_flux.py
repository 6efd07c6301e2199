"""Reactive flux against the closed form of a birth-death chain, and rates of a chain that is not reversible."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov.absorption import mean_absorption_time
from landscape.markov.reactive_flux import transition_path_flux
from landscape.systems import BirthDeathChain
from tests.markov.chains import random_chain


def test_flux_of_a_birth_death_chain():
    n, a, b = 30, 4, 22
    rng = np.random.default_rng(0)
    up, down = rng.uniform(0.1, 0.5, n), rng.uniform(0.1, 0.5, n)
    up[-1] = down[0] = 0.0
    chain = BirthDeathChain(up, down)
    pi, q = chain.stationary(), chain.committor(a, b)

    flux = transition_path_flux(chain.transition_matrix(), np.arange(a + 1), np.arange(b, n))

    np.testing.assert_allclose(flux.stationary, pi, rtol=1e-10)
    np.testing.assert_allclose(flux.forward, q, atol=1e-12)
    np.testing.assert_allclose(flux.backward, 1 - q, atol=1e-10)
    # One step lasts half the mean time in the state that is left fastest.
    total = chain.transition_rate(a, b) / (2 * (up + down).max())
    assert flux.total == pytest.approx(total, rel=1e-9)
    assert flux.rate == pytest.approx(total / (pi @ (1 - q)), rel=1e-9)
    # The net flux runs from each state to the next, the same everywhere between A and B.
    np.testing.assert_allclose(flux.net.diagonal(1)[a:b], total, rtol=1e-8)
    assert abs(flux.net.diagonal(-1)).max() < 1e-12
    assert flux.converged


def test_rate_is_the_inverse_of_the_passage_time_without_detailed_balance():
    chain = random_chain(60, seed=3)
    start, end = [4], [31]
    flux = transition_path_flux(chain, start, end)
    # For a single start state, 1 / k_AB is the mean first passage time by renewal.
    assert 1 / flux.rate == pytest.approx(mean_absorption_time(chain, end).time[4], rel=1e-8)
    assert np.abs(flux.forward + flux.backward - 1).max() > 0.01  # the chain is not reversible


def test_a_chain_with_transient_states_is_refused():
    chain = sparse.csr_array(np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]]))
    with pytest.raises(ValueError, match="an irreducible chain, found 1 states without stationary weight"):
        transition_path_flux(chain, [1], [2])
