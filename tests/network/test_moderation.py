from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from landscape.network.evidence.moderation import moderated


@pytest.mark.parametrize("prior", [4.0, 20.0])
def test_the_prior_of_simulated_variances_is_found(prior):
    """s^2 = sigma^2 chi^2_d / d with sigma^2 = d0 s0^2 / chi^2_d0: the moderated degrees of freedom are d0 + d."""
    rng = np.random.default_rng(0)
    n, freedom, common = 20_000, 8.0, 2.5
    true = prior * common / rng.chisquare(prior, n)
    variance = true * rng.chisquare(freedom, n) / freedom
    found, left = moderated(variance, np.full(n, freedom))
    # The variance of log s^2 of 20,000 edges is known to 1 to 2 %, of which d0 = 20 magnifies the error threefold.
    assert left[0] - freedom == pytest.approx(prior, rel=0.15)
    expected = (prior * common + freedom * variance) / (prior + freedom)
    np.testing.assert_allclose(found, expected, rtol=0.1)
    t = rng.normal(size=n) * np.sqrt(true) / np.sqrt(found)
    p = 2 * stats.t.sf(np.abs(t), left)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_equal_variances_are_put_together():
    rng = np.random.default_rng(1)
    variance = 3.0 * rng.chisquare(8.0, 50) / 8.0
    spread = np.log(variance)
    variance = np.exp(spread.mean() + 0.5 * (spread - spread.mean()))  # less spread than chance gives
    found, left = moderated(variance, np.full(50, 8.0))
    assert np.isinf(left).all()
    assert len(np.unique(found)) == 1
    assert found[0] == pytest.approx(
        3.0, rel=0.3
    )  # 50 x 8 degrees of freedom: 7 %, and the mean of logarithms a little more


def test_a_single_variance_stays():
    found, left = moderated(np.array([2.0]), np.array([8.0]))
    assert (found[0], left[0]) == (2.0, 8.0)
