"""The verdict rule, the band of a null, and the interval."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.assays.finding import Finding, judge, null_band, spread


@pytest.mark.parametrize(
    ("found", "direction", "verdict"),
    [
        ((0.5, 0.6), "above", "supported"),
        ((0.5, 0.6), "below", "contradicted"),
        ((-0.3, -0.2), "above", "contradicted"),
        ((-0.3, -0.2), "below", "supported"),
        ((0.35, 0.6), "above", "undecided"),  # the interval reaches into the band
        ((-1.0, 1.0), "above", "undecided"),
        ((np.nan, np.nan), "above", "undecided"),
    ],
)
def test_the_whole_interval_has_to_lie_beyond_the_band(found, direction, verdict):
    assert judge(found, (0.0, 0.4), direction) == verdict


def test_without_a_null_nothing_is_decided():
    assert judge((0.5, 0.6), (np.nan, np.nan), "above") == "undecided"


def test_one_of_twenty_draws_of_the_null_lies_above_the_band():
    """By exchangeability the largest of m + 1 draws is any of them; at m = 39 the upper end is the 38th, which two of forty exceed."""
    draws = np.random.default_rng(0).standard_normal((20_000, 40))
    for m, expected in ((19, 1 / 20), (39, 2 / 40)):
        above = np.mean([row[m] > null_band(row[:m])[1] for row in draws[:5000]])
        assert above == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 5000))


def test_a_band_needs_nineteen_draws_and_an_interval_five_replicates():
    assert np.isnan(null_band(np.arange(18.0))).all()
    assert np.isfinite(null_band(np.arange(19.0))).all()
    assert np.isnan(null_band([*range(18), np.nan, np.inf])).all()
    assert np.isnan(spread(1.0, 0.0, [1.0] * 4)).all()
    assert spread(1.0, 0.0, [0.0, 1.0, 2.0, 3.0, 4.0]) == pytest.approx((0.2, 3.8))
    # A known model has the error of its simulation alone.
    assert spread(1.0, 0.1, None) == pytest.approx((0.8355, 1.1645))


def test_a_finding_without_a_number_is_not_testable():
    finding = Finding(
        name="a", claim="", section="", row="", statistic="", value=np.nan, low=np.nan, high=np.nan, null="", null_low=0.0, null_high=1.0,
        direction="above", needs="C", grade="C",
    )  # fmt: skip
    assert finding.verdict == "not testable here"
