"""Agreement of two estimates of fate probabilities, up to the sampling error of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest, norm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Share of states that may be flagged by chance if the two agree to within the tolerance.
FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Agreement:
    r"""Distance of estimated fate probabilities from reference ones.

    Attributes
    ----------
    distance
        Total variation :math:`\tfrac12 \sum_k |p_k - q_k|` of each state, shape ``(n,)``; NaN if either is unknown.
    threshold
        Distance above which a state differs: the tolerance plus the bound on the sampling error, shape ``(n,)``.
    differs
        Whether the distance is above the threshold, shape ``(n,)``.
    share, low, high
        Share of the known states that differ, with its Wilson interval of 95 %.
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

    :math:`\tfrac12 \sum_k \sigma_k` bounds the standard deviation of the distance that is due to sampling. For two fates it
    is the standard error of either probability. States whose true distance is within the tolerance :math:`\tau` are
    therefore flagged in at most about 5 % of cases, and in fewer with more fates.

    Parameters
    ----------
    estimate
        Estimated probabilities, shape ``(n, k)``; one minus the sum of a row counts as a further fate, that of no attractor.
    reference
        Reference probabilities, without error, shape ``(n, k)``.
    error
        Standard error of each estimated probability, shape ``(n, k)``.
    tolerance
        :math:`\tau`: total variation that counts as agreement, from 0 to below 1.

    Returns
    -------
    Record with the distance, the threshold and the verdict for each state, and the share of states that differ.

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
    distance = total_variation(p, q)
    z = norm.ppf(1 - FALSE_ALARMS / 2)
    threshold = tolerance + z * 0.5 * sigma.sum(1)
    known = np.isfinite(distance)
    differs = np.zeros(len(p), dtype=bool)
    differs[known] = distance[known] > threshold[known]
    low, high = wilson(int(differs.sum()), int(known.sum()))
    return Agreement(distance, threshold, differs, float(differs[known].mean()) if known.any() else np.nan, low, high)


def total_variation(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Total variation :math:`\tfrac12 \sum_k |p_k - q_k|` of fate probabilities along the last axis.

    One minus the sum of the probabilities counts as a further fate, that of no attractor.
    """
    elsewhere = np.abs(p.sum(-1) - q.sum(-1))
    return np.asarray(0.5 * (np.abs(p - q).sum(-1) + elsewhere))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson interval of 95 % for a share; from 0 to 1 without observations."""
    if not n:
        return 0.0, 1.0
    interval = binomtest(successes, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
