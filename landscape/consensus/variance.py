"""Shares of variance of nested sources, such as the latent model and a resample of cells within it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def nested_components(values: ArrayLike, factors: Sequence[ArrayLike]) -> NDArray[np.float64]:
    r"""Components of variance of a nested random-effects model, by the analysis of variance.

    .. math:: y = \mu + a_{g_1} + b_{g_2} + \dots + e

    with groups :math:`g_2` within :math:`g_1`, and so on; numbers of members may differ. With
    :math:`T_l = \sum_{g \in l} n_g \bar y_g^2` at level :math:`l`, the expectation of :math:`T_l` has the coefficient
    :math:`N` of the components of the levels up to :math:`l`, and
    :math:`\sum_{g \in l} \sum_{h \subset g} n_h^2 / n_g` of the component of a finer level with groups :math:`h`. The differences
    :math:`T_l - T_{l-1}` are solved for the components (Henderson's method 1 [1]_).

    Parameters
    ----------
    values
        Observations, shape ``(n, ...)``.
    factors
        Group of each observation at each level, the outermost first; each of shape ``(n,)``. Groups of a level are told apart
        together with those of the levels above: they may be numbered from 0 within each.

    Returns
    -------
    Component of each level, and of the observations within the last one, shape ``(n_levels + 1, ...)``. They are unbiased, so
    that one near zero may be negative.

    Raises
    ------
    ValueError
        If a level cannot be told from the next one, because each of its groups holds one group, or observation.

    References
    ----------
    .. [1] Searle, Casella & McCulloch (1992), *Variance Components*, Wiley, chapter 5 and appendix F.
    """
    y = np.asarray(values, dtype=float)
    y = y - y[0]
    n = len(y)
    groups = _nested(factors, n)
    counts = [int(group.max()) + 1 for group in groups]
    for level, (outer, inner) in enumerate(zip(counts[:-1], counts[1:], strict=True)):
        if inner == outer:
            which = "there is one group only" if level == 0 else "each of its groups has one member"
            msg = f"Expected repeats within level {max(level, 1)} of {len(factors)}, but {which}; leave this level out."
            raise ValueError(msg)
    sizes = [np.bincount(group) for group in groups]
    totals = np.array([_square_of_means(y, group, size) for group, size in zip(groups, sizes, strict=True)])
    levels = range(len(groups))
    coefficient = np.array([[_coefficient(groups, sizes, i, j) for j in levels] for i in levels])
    # The outermost level is that of all observations, whose component is the mean.
    found = np.linalg.solve(np.diff(coefficient, axis=0)[:, 1:], np.diff(totals, axis=0).reshape(len(groups) - 1, -1))
    return found.reshape(len(groups) - 1, *y.shape[1:])


def variance_shares(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each component in their sum, negative ones counted as zero; NaN where all are zero.

    Parameters
    ----------
    components
        Shape ``(n_components, ...)``.
    """
    positive = np.maximum(components, 0.0)
    total = positive.sum(0)
    return np.divide(positive, total, out=np.full(positive.shape, np.nan), where=total > 0)


def _nested(factors: Sequence[ArrayLike], n: int) -> list[NDArray[np.int64]]:
    """Codes of all observations as one group, of the groups of each level, and of single observations."""
    codes = [np.zeros(n, dtype=np.int64)]
    for factor in factors:
        own = np.unique(np.asarray(factor), return_inverse=True)[1]
        codes.append(np.unique(codes[-1] * (own.max() + 1) + own, return_inverse=True)[1])
    return [*codes, np.arange(n)]


def _square_of_means(y: NDArray[np.float64], group: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.float64]:
    total = np.zeros((len(size), *y.shape[1:]))
    np.add.at(total, group, y)
    return (total**2 / size.reshape(-1, *[1] * (y.ndim - 1))).sum(0)


def _coefficient(groups: list[NDArray[np.int64]], sizes: list[NDArray[np.int64]], level: int, source: int) -> float:
    """Coefficient of the component of ``source`` in the expectation of the squares of the means of ``level``."""
    if source <= level:
        return float(sizes[level].sum())
    parent = np.zeros(len(sizes[source]), dtype=np.int64)
    parent[groups[source]] = groups[level]
    return float((sizes[source] ** 2 / sizes[level][parent]).sum())
