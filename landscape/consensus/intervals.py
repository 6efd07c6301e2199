"""Mean of a number over models, and the interval in which it would lie over as many other models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from landscape.dynamics.ensemble import INTERVAL


@dataclass(frozen=True, eq=False)
class Spread:
    """Numbers over models.

    Attributes
    ----------
    mean
        Mean over the models that have the number; NaN where none has.
    low, high
        Ends of the interval; NaN with fewer than two models.
    n_models
        Number of models that have it.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_models: NDArray[np.int64]


def spread_over_models(values: NDArray[np.float64], *, logarithmic: bool = False, coverage: float = INTERVAL) -> Spread:
    r"""Mean over models, and the interval that holds the mean over as many other models.

    .. math:: \bar y \pm t_{n-1}\, s \sqrt{2/n}

    with the standard deviation :math:`s` of :math:`n` models and the quantile of Student's t: both means have the error
    :math:`s / \sqrt n`. With three models quantiles of the values themselves would hold far less than they promise.

    Parameters
    ----------
    values
        Value of each model, shape ``(n_models, ...)``; NaN where a model has none.
    logarithmic
        Take mean and interval of the logarithm, for positive numbers that scatter by factors.
    coverage
        Probability that the interval holds the other mean, if models scatter normally.

    Returns
    -------
    Mean, interval and number of models, of the shape of one value. The width is zero where all models have the same value.

    Raises
    ------
    ValueError
        If a value is not positive and ``logarithmic``.
    """
    y = np.asarray(values, dtype=float)
    if logarithmic:
        if (y <= 0).any():
            msg = f"Expected positive numbers for a logarithmic scale, found {np.nanmin(y)}."
            raise ValueError(msg)
        y = np.log(y)
    known = np.isfinite(y)
    n = known.sum(0)
    # Differences from the smallest value, so that equal values have a spread of exactly zero.
    base = np.where(n > 0, np.where(known, y, np.inf).min(0, initial=np.inf), np.nan)
    above = np.where(known, y - np.where(n > 0, base, 0.0), 0.0)
    mean = np.divide(above.sum(0), n, out=np.full(n.shape, np.nan), where=n > 0)
    squares = np.where(known, (above - np.nan_to_num(mean)) ** 2, 0.0).sum(0)
    deviation = np.sqrt(np.divide(squares, n - 1, out=np.full(n.shape, np.nan), where=n > 1))
    reach = student.ppf((1 + coverage) / 2, np.maximum(n - 1, 1)) * deviation * np.sqrt(2 / np.maximum(n, 1))
    mean = base + mean
    low, high = mean - reach, mean + reach
    if logarithmic:
        mean, low, high = np.exp(mean), np.exp(low), np.exp(high)
    return Spread(mean, low, high, n)
