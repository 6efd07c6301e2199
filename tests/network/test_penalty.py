from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.groups import groups_of
from landscape.network.methods.penalty import MIN_PENALTY, gcv_penalty, reproducible_deconfounding
from tests.network import toy


def halves(values, n_regulators):
    data = network.expression(values, np.arange(n_regulators))
    return groups_of(data, max_groups=2).halves(), data.regulators


def factors(noise, n_cells=400, n_genes=150, seed=0):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_cells, 12))
    return hidden @ rng.normal(size=(12, n_genes)) + noise * rng.normal(size=(n_cells, n_genes))


def test_clear_data_get_the_smallest_penalty_and_noisy_data_more():
    clear, regulators = halves(factors(0.5)[:, :40], 5)
    noisy, many = halves(factors(12.0), 100)
    assert network.reproducible_penalty(clear, regulators).value == MIN_PENALTY
    assert network.reproducible_penalty(noisy, many).value >= 8 * MIN_PENALTY


def test_the_choice_is_the_smallest_penalty_that_agrees_enough():
    pair, regulators = halves(factors(6.0), 100)
    found = network.reproducible_penalty(pair, regulators, min_agreement=0.8)
    best = found.reproducibility.max()
    below = found.grid < found.value
    assert found.reproducibility[found.grid == found.value][0] >= 0.8 * best
    assert (found.reproducibility[below] < 0.8 * best).all()


def test_agreement_is_the_correlation_of_two_ridge_networks():
    (first, second), regulators = halves(factors(2.0)[:, :40], 10)
    found = network.reproducible_penalty((first, second), regulators)
    a, b = (network.ridge(half, regulators, penalty=found.value, deconfounding=0) for half in (first, second))
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
    assert network.reproducible_penalty(pair, regulators).value >= MIN_PENALTY


def test_deep_data_are_deconfounded_in_full_and_noise_is_not():
    clear, regulators = halves(factors(0.5)[:, :40], 5)
    assert reproducible_deconfounding(clear, regulators, penalty=0.25) == pytest.approx(1 / 3)
    noisy, many = halves(factors(12.0), 100)
    assert reproducible_deconfounding(noisy, many, penalty=4.0) < 1 / 3
    asked = network.infer(
        network.expression(factors(0.5)[:, :40], np.arange(5)), deconfounding=0.1, n_bootstraps=0, n_decoys=0
    )
    assert asked.params["deconfounding"] == 0.1


def test_a_response_of_its_own_is_not_deconfounded():
    data = network.expression(toy.counts(seed=0), np.arange(5), response=toy.counts(seed=1))
    assert network.infer(data, n_bootstraps=0, n_decoys=0).params["deconfounding"] == 0


def test_cross_validation_finds_the_penalty_of_a_ridge_prior():
    """Weights of variance t^2 and noise of variance v make v / (n t^2) the best ridge, in units of a regulator's variance."""
    rng = np.random.default_rng(0)
    n_cells, n_regulators, spread, noise = 500, 50, 0.3, 4.0
    x = rng.normal(size=(n_cells, n_regulators))
    y = x @ (spread * rng.normal(size=(n_regulators, 100))) + noise * rng.normal(size=(n_cells, 100))
    data = network.expression(np.concatenate([x, y], axis=1), np.arange(n_regulators))
    found = gcv_penalty(network.moments(data), data.regulators, n_blocks=1)
    best = noise**2 / (n_cells * spread**2)
    assert len(np.unique(found)) == 1
    assert best / 2 < found[0] < best * 2  # the grid has steps of two


def test_blocks_of_targets_get_penalties_of_their_own():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 30))
    clear = x @ rng.normal(size=(30, 40)) + 0.5 * rng.normal(size=(300, 40))
    data = network.expression(np.concatenate([x, clear, rng.normal(size=(300, 40))], axis=1), np.arange(30))
    found = network.infer(data, penalty="gcv", shape=False, n_bootstraps=0, n_decoys=0).params["penalty"]
    assert found[30:70].max() < np.median(found[70:]) / 16
