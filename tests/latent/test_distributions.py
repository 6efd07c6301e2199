from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from landscape.latent.distributions import NegativeBinomial, Poisson, ZeroInflated, mean_and_variance


@pytest.mark.parametrize("theta", [None, 0.7])
@pytest.mark.parametrize("zero_probability", [None, 0.0, 0.3])
def test_distributions_are_scipys(theta, zero_probability):
    mean = np.random.default_rng(0).gamma(1.0, 3.0, size=(4, 5))
    x = np.arange(-1, 2000)[:, None, None] + 0 * mean
    base = stats.poisson(mean) if theta is None else stats.nbinom(theta, theta / (theta + mean))
    found = Poisson(mean) if theta is None else NegativeBinomial(mean, np.full_like(mean, theta))
    if zero_probability is not None:
        found = ZeroInflated(found, np.full_like(mean, zero_probability))
    extra = zero_probability or 0.0
    expected = np.where(x < 0, 0, extra + (1 - extra) * base.cdf(x))
    np.testing.assert_allclose(found.cdf(x), expected, rtol=1e-9, atol=1e-12)
    probability, counts = np.diff(found.cdf(x), axis=0), x[1:]
    found_mean, found_variance = mean_and_variance(found)
    # 2000 counts hold all but e^-100 of the mass
    np.testing.assert_allclose((probability * counts).sum(0), found_mean, rtol=1e-6)
    np.testing.assert_allclose((probability * (counts - found_mean) ** 2).sum(0), found_variance, rtol=1e-6)
