"""Moderated variances: those of many edges, each with few degrees of freedom, share a prior distribution."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from landscape.network.data.arrays import FloatArray

#: Bracket of the logarithm of the inverse trigamma function: values from 2e-9 to 2e17.
MAX_LOG = 20.0


def moderated(variance: FloatArray, freedom: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Variances shrunk towards a common value, and their degrees of freedom.

    .. math:: \tilde s^2 = \frac{d_0 s_0^2 + d s^2}{d_0 + d}, \qquad \tilde d = d_0 + d,

    with :math:`d_0` and :math:`s_0^2` estimated from the mean and variance of :math:`\log s^2` over the edges, as in limma
    [1]_. Without moderation the edges whose variance is small by chance would seem the most certain. If variances vary no
    more than by chance, :math:`d_0` is infinite and all are equal.

    Parameters
    ----------
    variance, freedom
        Variances, positive, and their degrees of freedom, shape ``(n,)``.

    Returns
    -------
    :math:`\tilde s^2` and :math:`\tilde d`, shape ``(n,)``.

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
    """Inverse of the trigamma function, which decreases from infinity to 0."""
    found = optimize.brentq(lambda x: np.log(special.polygamma(1, np.exp(x)) / value), -MAX_LOG, MAX_LOG)
    return float(np.exp(found))
