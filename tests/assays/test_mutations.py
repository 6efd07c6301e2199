"""Mutations: closed forms, and first-order effects against mutants that are solved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from landscape import evolution
from landscape.assays import (
    Subject,
    autonomy,
    developmental_bias,
    epistasis,
    evolvabilities,
    mutational_effects,
    mutational_robustness,
    participation,
    pleiotropy,
    polygenicity,
)
from landscape.assays.autonomy import mutational_covariance
from landscape.assays.developmental_bias import mutational_spread, share_along
from landscape.assays.mutational_effects import additive_share, top_share
from landscape.assays.mutational_robustness import states_kept
from landscape.assays.mutations import axes_of, mutate, settle_mutants, trait_slopes
from landscape.dynamics import Model, RegulatoryDrift
from tests.assays.conftest import toggles

LOWER, UPPER = 4.847772, np.inf  # folds of the switch; the upper one lies far above


def switch(w: float) -> Subject:
    drift = RegulatoryDrift.from_arrays([[w]], bias=-3.0, hill=4.0)
    return Subject(Model(drift, 0.01, ("A",)), np.linspace(0, 1, 50)[:, None], np.array([[0.05], [0.9]]))


@pytest.mark.parametrize(("w", "sd", "expected"), [(6.0, 0.5, 0.9894), (5.0, 0.5, 0.6196), (6.0, 1.0, 0.8754)])
def test_a_switch_keeps_both_states_between_its_folds(w, sd, expected):
    """P(kept) = Phi((w - 4.84777) / sd), the share of mutants on this side of the fold."""
    assert norm.cdf((w - LOWER) / sd) == pytest.approx(expected, abs=2e-4)
    n = 3000
    view = switch(w).view
    kept = states_kept(view, mutate(np.array([[w]]), sd / w, n, np.random.default_rng(0))).all(1)
    # A mutant within a hundredth of the fold has not left its lost state in forty lifetimes.
    slow = norm.pdf((w - LOWER) / sd) / sd * 0.01
    assert kept.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / n) + slow)


def test_first_order_effects_are_those_of_small_mutants():
    view = toggles(2, crosstalk=0.4).view
    slopes = trait_slopes(view)
    weights = view.model.drift.weights.numpy()
    h, axes = 1e-4, axes_of(view.states)
    for i, j in [(0, 1), (2, 2), (3, 0)]:
        pair = np.repeat(weights[None], 2, axis=0)
        pair[:, i, j] *= [1 + h, 1 - h]
        up, down = settle_mutants(view, pair, view.states)
        # The flow stops where a state moves by less than 1e-4 of the spread in a lifetime: its end is off by as much.
        assert np.einsum("kd,kd->k", up - down, axes) / (2 * h) == pytest.approx(slopes[:, i, j], rel=0.02, abs=2e-3)


def test_evolvabilities_agree_with_those_of_values():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 4))
    found = evolvabilities(np.cov(values.T))
    np.testing.assert_allclose(found["autonomy"], evolution.autonomy(values), rtol=1e-9)
    np.testing.assert_allclose(found["evolvability"], values.var(0, ddof=1), rtol=1e-9)
    # Hansen and Houle: c = 1 / (M^-1)_ii along a trait.
    np.testing.assert_allclose(found["conditional"], 1 / np.diag(np.linalg.inv(np.cov(values.T))), rtol=1e-8)
    bound = evolvabilities([[1.0, 1.0], [1.0, 1.0]])
    assert bound["autonomy"].max() < 1e-12


def test_autonomy_is_that_of_mutants():
    """States of two switches share a half with one another, so that traits of neighbours vary together."""
    view = toggles(2, crosstalk=0.4).view
    covariance = mutational_covariance(view)
    assert covariance is not None
    n = 600
    mutants = mutate(view.model.drift.weights.numpy(), 0.01, n, np.random.default_rng(0))
    traits = np.einsum("mkd,kd->mk", settle_mutants(view, mutants, view.states) - view.states, axes_of(view.states))
    expected = np.corrcoef(traits.T)
    np.testing.assert_allclose(
        covariance / np.sqrt(np.outer(*[np.diag(covariance)] * 2)), expected, atol=4 / np.sqrt(n)
    )
    pairs = expected[np.triu_indices(4, 1)] ** 2
    assert pairs.mean() > 0.05
    # An error e of r is one of 2 r e of its square.
    found = autonomy(toggles(2, crosstalk=0.4), rng=0)
    assert found.value == pytest.approx(1 - pairs.mean(), abs=4 * 2 * np.sqrt(pairs.max() / n / len(pairs)))


def test_spread_by_mutations_is_that_of_mutants():
    view = toggles(2, crosstalk=0.4).view
    expected = mutational_spread(view)
    size, n = 0.01, 500
    mutants = mutate(view.model.drift.weights.numpy(), size, n, np.random.default_rng(0))
    moved = settle_mutants(view, mutants, view.states) - view.states
    for k in range(len(expected)):
        found = np.cov(moved[:, k].T) / size**2
        assert np.trace(found) == pytest.approx(np.trace(expected[k]), rel=4 * np.sqrt(2 / n) + 0.02)
    assert share_along(np.diag([3.0, 1.0]), np.array([[2.0, 0.0]])) == pytest.approx(0.75)
    assert share_along(np.eye(4), np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])) == pytest.approx(0.25)


@pytest.mark.parametrize("w", [1.0, 3.0])
def test_spread_of_one_gene_is_the_slope_of_its_level(w):
    """A gene that activates itself at a level where its response is neither 0 nor 1: variance (w dx/dw)^2."""
    drift = RegulatoryDrift.from_arrays([[w]], bias=-1.0, hill=1.0)
    view = Subject(Model(drift, 0.01, ("A",)), np.linspace(0, 1, 50)[:, None], np.array([[0.5]])).view
    h = 1e-5
    ends = [
        brentq(lambda x, v=v: 1 / (1 + np.exp(-(v * x / (0.5 + x) - 1))) - x, 0, 1, xtol=1e-14)
        for v in (w * (1 + h), w * (1 - h))
    ]
    assert mutational_spread(view)[0, 0, 0] == pytest.approx(((ends[0] - ends[1]) / (2 * h)) ** 2, rel=1e-5)


def test_participation_of_blocks_and_of_all():
    assert participation([2.0, 1.0]) == pytest.approx((4 + 1) ** 2 / (2 * (16 + 1)))
    blocks = np.kron(np.eye(4), np.ones((3, 3)))
    np.testing.assert_allclose(participation(blocks), 1 / 4)
    np.testing.assert_allclose(participation(np.ones((5, 7))), 1.0)
    np.testing.assert_allclose(participation(np.zeros((2, 3))), 0.0)


def test_a_gene_of_one_switch_pulls_at_the_states_of_all_and_not_beyond():
    """With two switches apart, a trait of the whole state depends on both halves: all four genes, and none of a third, idle gene."""
    subject = toggles(2)
    many, wide = polygenicity(subject, rng=0), pleiotropy(subject, rng=0)
    assert 0.25 < many.value <= 1.0
    assert 0.25 < wide.value <= 1.0
    effects = many.details["effects"].to_numpy()
    slopes = trait_slopes(subject.view)
    np.testing.assert_allclose(effects.T, slopes.sum(1))
    assert np.abs(slopes[:, :2, 2:]).max() == 0  # edges that are not there have no effect


def test_shares_of_effects():
    effects = np.array([10.0] + [1.0] * 99)
    assert top_share(effects, 0.01) == pytest.approx(100 / 199)
    assert top_share(np.ones(200), 0.01) == pytest.approx(0.01)
    rng = np.random.default_rng(0)
    a = rng.standard_normal(4000)
    noisy = a + rng.standard_normal(4000)
    assert additive_share(noisy, a) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(1000))
    assert additive_share(2 * a, a) == pytest.approx(1.0)


@pytest.mark.parametrize("assay", [mutational_robustness, autonomy, developmental_bias, epistasis, mutational_effects])
def test_each_has_its_null(assay):
    found = assay(toggles(2, crosstalk=0.3), rng=0)
    assert np.isfinite([found.value, found.null_low, found.null_high]).all(), found.reason
