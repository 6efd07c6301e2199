from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.groups import groups_of
from landscape.network.evidence.confidence import MIN_SELECTED, bootstrap, n_selected, selected_edges, strongest


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
    assert found.stability[0, 1] == 1.0


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
