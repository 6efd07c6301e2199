"""Whether two answers to the question where a state ends are the same, up to the error of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest, norm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Share of states that may be flagged by chance where the two agree to within the tolerance.
FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Agreement:
    r"""How far estimated probabilities are from reference ones.

    Attributes
    ----------
    distance
        Total variation :math:`\tfrac12 \sum_k |p_k - q_k|` of each state, shape ``(n,)``; NaN where either is unknown.
    threshold
        Distance above which a state is flagged: the tolerance and the sampling error, shape ``(n,)``.
    differs
        Whether the distance is above the threshold, shape ``(n,)``.
    share, low, high
        Share of the known states that differ, with Wilson's interval of 95 %.
    """

    distance: NDArray[np.float64]
    threshold: NDArray[np.float64]
    differs: NDArray[np.bool_]
    share: float
    low: float
    high: float


def agreement(estimate: ArrayLike, reference: ArrayLike, error: ArrayLike, *, tolerance: float = 0.1) -> Agreement:
    r"""Compare estimated fate probabilities with reference ones.

    A state differs when

    .. math:: \tfrac12 \sum_k |p_k - q_k| > \tau + z\, \tfrac12 \sum_k \sigma_k, \qquad z = 1.96.

    :math:`\tfrac12 \sum_k \sigma_k` bounds the standard deviation of the distance that sampling alone makes, and is equal to
    the error of the one probability where there are two fates. So states whose true distance is within the tolerance
    :math:`\tau` are flagged in at most about 5 % of cases, fewer the more fates there are.

    Parameters
    ----------
    estimate
        Estimated probabilities, shape ``(n, k)``; what rows lack to one is a fate of its own, that of no attractor.
    reference
        Probabilities taken to be exact, shape ``(n, k)``.
    error
        Standard error of each estimated probability, shape ``(n, k)``.
    tolerance
        :math:`\tau`: total variation that does not count, between 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ or the tolerance is out of its range.
    """
    p, q, sigma = (np.asarray(value, dtype=float) for value in (estimate, reference, error))
    if p.ndim != 2 or p.shape != q.shape or p.shape != sigma.shape:
        msg = f"Expected three arrays of one shape (n, k), found {p.shape}, {q.shape} and {sigma.shape}."
        raise ValueError(msg)
    if not 0 <= tolerance < 1:
        msg = f"Expected `tolerance` from 0 to below 1, found {tolerance}."
        raise ValueError(msg)
    elsewhere = np.abs(p.sum(1) - q.sum(1))
    distance = 0.5 * (np.abs(p - q).sum(1) + elsewhere)
    z = norm.ppf(1 - FALSE_ALARMS / 2)
    threshold = tolerance + z * 0.5 * sigma.sum(1)
    known = np.isfinite(distance)
    differs = np.zeros(len(p), dtype=bool)
    differs[known] = distance[known] > threshold[known]
    low, high = wilson(int(differs.sum()), int(known.sum()))
    return Agreement(distance, threshold, differs, float(differs[known].mean()) if known.any() else np.nan, low, high)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share; from 0 to 1 where nothing was seen."""
    if not n:
        return 0.0, 1.0
    interval = binomtest(successes, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
