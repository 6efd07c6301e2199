"""Variances of many edges with few degrees of freedom each, moderated by what they have in common."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from landscape.network.data.expression import FloatArray


def moderated(variance: FloatArray, freedom: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Variances pulled towards a common value, and the degrees of freedom that they then have.

    .. math:: \tilde s^2 = \frac{d_0 s_0^2 + d s^2}{d_0 + d}, \qquad \tilde d = d_0 + d,

    with :math:`d_0` and :math:`s_0^2` from the mean and spread of :math:`\log s^2` over edges, as limma has it [1]_. Without,
    the edges whose variance happens to be small would come out as the surest. Where variances spread no more than chance makes
    them, :math:`d_0` is infinite and all are equal.

    Parameters
    ----------
    variance, freedom
        Positive variances and their degrees of freedom, shape ``(n,)``.

    References
    ----------
    .. [1] Smyth (2004), *Stat Appl Genet Mol Biol* 3(1), 3. https://doi.org/10.2202/1544-6115.1027
    """
    if len(variance) < 2:
        return variance, freedom
    half = freedom / 2
    level = np.log(variance) - special.digamma(half) + np.log(half)
    excess = float(level.var(ddof=1) - special.polygamma(1, half).mean())
    if excess <= 0:
        return np.full_like(variance, np.exp(level.mean())), np.full_like(freedom, np.inf)
    prior = 2.0 * _inverse_trigamma(excess)
    common = np.exp(level.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return (prior * common + freedom * variance) / (prior + freedom), prior + freedom


def _inverse_trigamma(value: float) -> float:
    """Where the trigamma function, which falls from infinity to 0, has this value."""
    found = optimize.brentq(lambda x: np.log(special.polygamma(1, np.exp(x)) / value), -20.0, 20.0)
    return float(np.exp(found))
