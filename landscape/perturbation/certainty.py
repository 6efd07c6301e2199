"""How certain an effect is: an interval and the rate of sign errors, from replicates of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from landscape.dynamics.ensemble import INTERVAL

# Replicates below which there is neither an interval nor a rate of sign errors.
MIN_REPLICATES = 2


@dataclass(frozen=True, eq=False)
class Certainty:
    """Certainty of effects, NaN with fewer than two replicates.

    Attributes
    ----------
    low, high
        Ends of the interval that holds the effect with a probability of 90 %.
    lfsr
        Local false sign rate: probability that the effect is zero or has the other sign.
    error
        Standard deviation, of the fit and of the simulation together.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    lfsr: NDArray[np.float64]
    error: NDArray[np.float64]


def certainty(effect: NDArray[np.float64], error: NDArray[np.float64], *, coverage: float = INTERVAL) -> Certainty:
    r"""Interval and local false sign rate of effects, from the model's own uncertainty.

    Replicates :math:`r = 1 \dots R` scatter about the fit as the fit does about the truth (Bayesian bootstrap), and the
    simulation of the fit has an error of its own. With a flat prior, effect :math:`\theta_0` of the fit and its simulation
    error :math:`s_0`,

    .. math:: V = B + s_0^2, \qquad B = \frac1R \sum_r (\theta_r - \theta_0)^2, \qquad
              \frac{\theta - \theta_0}{\sqrt V} \sim t_\nu, \qquad \nu = R\, \frac{V^2}{B^2}.

    :math:`B` has :math:`R` degrees of freedom because it is about the fit and not about the mean of the replicates: where all
    replicates differ from the fit in one direction, this counts. :math:`\nu` is that of Welch and Satterthwaite [1]_.

    The local false sign rate [2]_ is the larger of two: the tail of :math:`t_\nu` beyond zero, and Laplace's rule of
    succession, :math:`(1 + z) / (R + 2)`, where :math:`z` replicates have the other sign or no effect. The second assumes
    no distribution, so that a few replicates never give a small rate (:func:`smallest_lfsr`).

    Parameters
    ----------
    effect
        Effect in the fit and in each replicate, shape ``(1 + r, ...)``.
    error
        Standard error of the simulation of each, same shape; NaN where it is unknown.
    coverage
        Probability of the interval.

    Returns
    -------
    Interval, rate and standard deviation, each of the shape of one effect.

    References
    ----------
    .. [1] Welch (1947), *Biometrika* 34, 28. https://doi.org/10.1093/biomet/34.1-2.28
    .. [2] Stephens (2017), *Biostatistics* 18, 275. https://doi.org/10.1093/biostatistics/kxw041

    Examples
    --------
    >>> import numpy as np
    >>> effect = np.array([1.0, 1.2, 0.9, 1.1])
    >>> found = certainty(effect, np.zeros(4))
    >>> bool(found.low > 0), round(float(found.lfsr), 2)
    (True, 0.2)
    """
    centre, replicates = effect[0], effect[1:]
    if len(replicates) < MIN_REPLICATES:
        unknown = np.full(centre.shape, np.nan)
        return Certainty(unknown, unknown, unknown, unknown)
    n = len(replicates)
    between = ((replicates - centre) ** 2).mean(0)
    variance = between + error[0] ** 2
    known = variance > 0
    width = np.sqrt(variance)
    ratio = np.divide(variance, between, out=np.full(variance.shape, np.inf), where=between > 0)
    freedom = n * ratio**2
    reach = student.ppf((1 + coverage) / 2, freedom) * width
    score = np.divide(np.abs(centre), width, out=np.where(centre == 0, 0.0, np.inf), where=known)
    differ = (np.sign(replicates) != np.sign(centre)).sum(0)
    lfsr = np.maximum(student.sf(score, freedom), (1 + np.where(centre == 0, n, differ)) / (n + 2))
    # An effect that is zero in all models has no sign.
    lfsr = np.where((centre == 0) & ~known, 1.0, lfsr)
    return Certainty(centre - reach, centre + reach, lfsr, width)


def s_values(lfsr: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected share of wrong signs among all effects at least as certain as each: the mean of their rates [1]_.

    What many effects claim together; a rate of sign errors is that of one of them. NaN where the rate is.

    References
    ----------
    .. [1] Stephens (2017), *Biostatistics* 18, 275. https://doi.org/10.1093/biostatistics/kxw041
    """
    flat = np.asarray(lfsr, dtype=float).ravel()
    found = np.full(flat.shape, np.nan)
    known = np.sort(flat[np.isfinite(flat)])
    if len(known):
        means = np.cumsum(known) / np.arange(1, len(known) + 1)
        # Equal rates are accepted together: the mean up to the last of them.
        last = np.searchsorted(known, flat[np.isfinite(flat)], side="right") - 1
        found[np.isfinite(flat)] = means[last]
    return found.reshape(np.shape(lfsr))


def smallest_lfsr(n_replicates: int) -> float:
    """Smallest local false sign rate that so many replicates can give, ``1 / (n_replicates + 2)``; NaN below two."""
    return 1 / (n_replicates + 2) if n_replicates >= MIN_REPLICATES else np.nan


def require_replicates(lfsr: float, n_replicates: int) -> None:
    """Raise if so many replicates cannot give a local false sign rate as small as this.

    Raises
    ------
    ValueError
        If there are too few; the message says how many it takes.
    """
    needed, smallest = replicates_needed(lfsr), smallest_lfsr(n_replicates)
    if n_replicates < needed:
        found = f"give no lfsr below {smallest:.2f}" if np.isfinite(smallest) else "give none"
        msg = (
            f"Expected at least {needed} replicates of the model for an lfsr of {lfsr:g}, found {n_replicates}, which {found}; "
            f"fit with `landscape.tl.dynamics(..., n_replicates={needed})`."
        )
        raise ValueError(msg)


def replicates_needed(lfsr: float) -> int:
    """Number of replicates from which a local false sign rate can be as small as this.

    Raises
    ------
    ValueError
        If the rate is not between 0 and 1.
    """
    if not 0 < lfsr < 1:
        msg = f"Expected a local false sign rate between 0 and 1, found {lfsr}."
        raise ValueError(msg)
    return max(MIN_REPLICATES, int(np.ceil(1 / lfsr - 2 - 1e-9)))
