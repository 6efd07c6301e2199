"""Intervals and rates of sign errors on synthetic ensembles whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from landscape.perturbation import certainty, replicates_needed, smallest_lfsr

N = 4000


def ensembles(n_replicates, *, between, within, spread=3.0, seed=0):
    """Truths, and effects of the fit and its replicates, with errors of the fit and of the simulation."""
    rng = np.random.default_rng(seed)
    truth = spread * rng.normal(size=N)
    fit = truth + between * rng.normal(size=N)
    # Under common noise the error of the simulation is the same in all models.
    effect = np.vstack([fit[None], fit + between * rng.normal(size=(n_replicates, N))]) + within * rng.normal(size=N)
    return truth, effect, np.full(effect.shape, within)


@pytest.mark.parametrize("n_replicates", [2, 3, 10, 30])
@pytest.mark.parametrize(("between", "within"), [(1.0, 0.0), (1.0, 0.3), (0.7, 0.7), (0.0, 0.5)])
def test_the_interval_holds_the_truth_as_often_as_it_says(n_replicates, between, within):
    truth, effect, error = ensembles(n_replicates, between=between, within=within)
    found = certainty(effect, error)
    inside = int(((found.low <= truth) & (truth <= found.high)).sum())
    # Four binomial standard errors of .9 over 4,000: .019. Welch's degrees of freedom are an estimate, so that a few
    # replicates beside an error of the simulation may be off by one in a hundred more.
    assert inside / N == pytest.approx(0.9, abs=0.019 + (0.015 if between and within else 0.0))


def test_rates_of_sign_errors_are_not_smaller_than_sign_errors():
    truth, effect, error = ensembles(30, between=1.0, within=0.3, spread=10.0)
    found = certainty(effect, error)
    wrong = np.sign(effect[0]) != np.sign(truth)
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5)):
        chosen = (found.lfsr >= low) & (found.lfsr < high)
        assert chosen.sum() > 50
        expected, n = found.lfsr[chosen].mean(), int(chosen.sum())
        # At a flat prior the rate is calibrated or conservative; four standard errors.
        assert wrong[chosen].mean() <= expected + 4 * (expected * (1 - expected) / n) ** 0.5


def test_intervals_off_zero_rarely_have_the_wrong_sign():
    truth, effect, error = ensembles(3, between=1.0, within=0.2)
    found = certainty(effect, error)
    off = (found.low > 0) | (found.high < 0)
    assert off.sum() > 500
    assert (np.sign(effect[0]) != np.sign(truth))[off].mean() < 0.05


def test_numbers_by_hand():
    effect = np.array([1.0, 1.5, 0.5, 1.5])
    found = certainty(effect, np.zeros(4))
    # The replicates are .5 from the fit, so that the deviation is .5 with three degrees of freedom.
    assert found.error == pytest.approx(0.5)
    assert [found.low, found.high] == pytest.approx([1 - 0.5 * stats.t.ppf(0.95, 3), 1 + 0.5 * stats.t.ppf(0.95, 3)])
    assert found.lfsr == pytest.approx(1 / 5)  # three replicates agree; the tail of t is smaller
    assert certainty(np.array([1.0, 1.5, -0.5, 1.5]), np.zeros(4)).lfsr == pytest.approx(2 / 5)
    # An error of the simulation alone is known: the interval is normal.
    simulated = certainty(np.ones(4), np.full(4, 0.2))
    assert simulated.high == pytest.approx(1 + 0.2 * stats.norm.ppf(0.95))
    # The tail counts where replicates are many and scattered.
    many = certainty(np.concatenate([[1.0], np.tile([0.0001, 1.9999], 20)]), np.zeros(41))
    assert many.lfsr == pytest.approx(stats.t.sf(1 / 0.9999, 40))


def test_replicates_that_all_differ_from_the_fit_widen_the_interval():
    near = certainty(np.array([1.0, 0.9, 1.1, 0.9, 1.1]), np.zeros(5))
    apart = certainty(np.array([1.0, 0.4, 0.4, 0.4, 0.4]), np.zeros(5))
    assert near.low > 0
    assert apart.low < 0


def test_an_effect_of_zero_has_no_sign():
    found = certainty(np.zeros((4, 1)), np.zeros((4, 1)))
    assert found.low == found.high == 0
    assert found.lfsr == 1
    # A zero in the fit alone: every replicate counts against either sign.
    assert certainty(np.array([0.0, 0.1, 0.1, 0.1]), np.full(4, 0.1)).lfsr == pytest.approx(4 / 5)


@pytest.mark.parametrize("n", [0, 1])
def test_without_replicates_nothing_is_claimed(n):
    found = certainty(np.ones((1 + n, 2)), np.zeros((1 + n, 2)))
    assert np.isnan([found.low, found.high, found.lfsr]).all()
    assert np.isnan(smallest_lfsr(n))


def test_how_many_replicates_a_rate_takes():
    assert [replicates_needed(rate) for rate in (0.05, 0.1, 0.2, 0.9)] == [18, 8, 3, 2]
    for rate in (0.3, 0.05, 0.013):
        n = replicates_needed(rate)
        assert smallest_lfsr(n) <= rate + 1e-12
        assert n == 2 or smallest_lfsr(n - 1) > rate
    with pytest.raises(ValueError, match="between 0 and 1"):
        replicates_needed(0.0)
