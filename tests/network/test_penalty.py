from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.groups import groups_of
from landscape.network.penalty import FLOOR
from tests.network import toy


def halves(values, n_regulators):
    data = network.expression(values, np.arange(n_regulators))
    return groups_of(data, max_groups=2).halves(), data.regulators


def factors(noise, n_cells=400, n_genes=150, seed=0):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_cells, 12))
    return hidden @ rng.normal(size=(12, n_genes)) + noise * rng.normal(size=(n_cells, n_genes))


def test_clear_data_need_the_floor_and_noisy_data_more():
    clear, regulators = halves(factors(0.5)[:, :40], 5)
    noisy, many = halves(factors(12.0), 100)
    assert network.reproducible_penalty(clear, regulators).value == FLOOR
    assert network.reproducible_penalty(noisy, many).value >= 8 * FLOOR


def test_the_choice_is_the_smallest_penalty_that_agrees_enough():
    pair, regulators = halves(factors(6.0), 100)
    found = network.reproducible_penalty(pair, regulators, enough=0.8)
    best = found.reproducibility.max()
    below = found.grid < found.value
    assert found.reproducibility[found.grid == found.value][0] >= 0.8 * best
    assert (found.reproducibility[below] < 0.8 * best).all()


def test_agreement_is_the_correlation_of_two_ridge_networks():
    (first, second), regulators = halves(factors(2.0)[:, :40], 10)
    found = network.reproducible_penalty((first, second), regulators)
    a, b = (network.ridge(half, regulators, penalty=found.value) for half in (first, second))
    off = np.ones(a.shape, dtype=bool)
    off[np.arange(10), regulators] = False
    expected = np.corrcoef(a[off], b[off])[0, 1]
    assert found.reproducibility[found.grid == found.value][0] == pytest.approx(expected, abs=1e-10)


def test_copies_of_cells_do_not_make_a_network_look_reproducible():
    values = factors(6.0)
    once = network.infer(network.expression(values, np.arange(100)), n_bootstraps=0, n_decoys=0)
    twice = network.infer(network.expression(np.tile(values, (2, 1)), np.arange(100)), n_bootstraps=0, n_decoys=0)
    assert once.params["penalty"] == twice.params["penalty"]
    np.testing.assert_allclose(once.weights, twice.weights, atol=1e-10)


def test_a_network_of_two_regulators_gets_a_penalty():
    pair, regulators = halves(toy.counts(n_genes=3), 2)
    assert network.reproducible_penalty(pair, regulators).value >= FLOOR
