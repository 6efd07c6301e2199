from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.groups import groups_of
from landscape.network.evidence.confidence import (
    MAX_FDR,
    MIN_SELECTED,
    MIN_STABILITY,
    bootstrap,
    n_selected,
    selected_edges,
    selects,
    strongest,
)
from tests.network import toy


def test_the_number_selected_meets_the_bound_of_stability_selection():
    # q^2 / ((2 * .75 - 1) m) = 1 at m = 800: q = 20
    assert n_selected(800) == 20
    assert n_selected(4) == 4
    assert n_selected(50) == MIN_SELECTED


def test_bootstrap_spread_is_the_standard_error_of_a_regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 1))
    values = np.column_stack([x, 0.3 * x + rng.normal(size=(4000, 1))])
    data = network.expression(values, [0])
    groups = groups_of(data)

    def fit(found):
        return found.linear().xy

    found = bootstrap(groups, fit, fit(groups.moments()), n_bootstraps=200, rng=0)
    r = fit(groups.moments())[0, 1]
    expected = (1 - r**2) / np.sqrt(4000)  # of a correlation of normal variables
    # 25 groups and 200 repeats: relative error sqrt(1 / (2 * 25) + 1 / (2 * 200)) = .15; three of them
    assert found.sd[0, 1] == pytest.approx(expected, rel=0.45)
    assert found.stability is None  # of one regulator there is nothing to select


def test_stability_counts_the_bootstraps_that_select_an_edge_with_its_sign():
    """Fits that are written down: the weight of 30 regulators on one target, in the order of the bootstraps."""
    p = 30
    weights = np.linspace(1.0, 0.1, p)[:, None]
    data = network.expression(np.random.default_rng(0).normal(size=(60, 2)), [0])
    turned, weaker = weights.copy(), weights.copy()
    turned[0] *= -1.0
    weaker[1] = 0.05
    fits = iter([weights, turned, weaker, turned])
    found = bootstrap(groups_of(data), lambda moments: next(fits), weights, n_bootstraps=4, rng=0)
    assert found.n_selected == MIN_SELECTED
    expected = np.zeros(p)
    expected[:10] = 1.0
    expected[0], expected[1], expected[10] = (
        0.5,
        0.75,
        0.25,
    )  # another sign twice, too weak once, and who takes its place
    np.testing.assert_array_equal(found.stability[:, 0], expected)
    # sd over 1, -1, 1, -1, and over three equal values and one .95 - .05 below or so
    assert found.sd[0, 0] == pytest.approx(1.0)
    assert found.sd[1, 0] == pytest.approx(np.std([weights[1, 0]] * 3 + [0.05]))


def test_too_few_regulators_have_no_stability_and_more_are_rarely_stable_by_chance():
    """Of unrelated genes: with all regulators among the strongest, every second edge would be as good as stable."""
    counts = toy.counts(n_genes=150, seed=3)
    few = network.infer(network.expression(counts, np.arange(12)), n_bootstraps=10)
    assert few.stability is None
    assert few.sd.any()
    assert few.params["n_selected"] == MIN_SELECTED
    np.testing.assert_array_equal(few.support, (few.weights != 0) & (few.fdr <= MAX_FDR))
    more = network.infer(network.expression(counts, np.arange(50)), n_bootstraps=10)
    # Ten of fifty are strong in each bootstrap, with ties at zero weights none.
    assert more.stability.mean() <= 10 / 50
    assert (more.stability >= MIN_STABILITY).mean() < 0.1
    assert [selects(n_selected(m), m) for m in (1, 10, 20, 21, 400)] == [False, False, False, True, True]


def test_strongest_by_column():
    weights = np.array([[3.0, 0.0], [-4.0, 0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(strongest(weights, 2), [[True, False], [True, False], [False, True]])
    np.testing.assert_array_equal(strongest(weights, 9), weights != 0)


def test_support_needs_every_criterion_that_was_computed():
    weights = np.array([[1.0, 1.0, 1.0, 0.0]])
    stability, fdr = np.array([[0.9, 0.5, 0.9, 1.0]]), np.array([[0.01, 0.01, 0.2, 0.01]])
    np.testing.assert_array_equal(selected_edges(weights, stability, fdr), [[True, False, False, False]])
    np.testing.assert_array_equal(selected_edges(weights, None, fdr), [[True, True, False, False]])
    np.testing.assert_array_equal(selected_edges(weights, None, None), weights != 0)
    # Both limits themselves are within.
    stability, fdr = np.array([[0.75, 0.7499, 1.0, 1.0]]), np.array([[0.05, 0.0, 0.0501, 0.0]])
    np.testing.assert_array_equal(selected_edges(weights, stability, fdr), [[True, False, False, False]])
    np.testing.assert_array_equal(selected_edges(weights, stability, fdr, max_fdr=0.1), [[True, False, True, False]])
