"""Reliability of counts: the share of their variance that is not sampling noise."""

from __future__ import annotations

import numpy as np

from landscape.network.data.arrays import FloatArray, looks_like_counts, rows_of
from landscape.network.data.expression import Expression

#: Below this share of the second moment a variance is rounding, and the count constant.
MIN_VARIANCE = 1e-12


def reliability(data: Expression) -> FloatArray:
    r"""Share of every target's variance that is not sampling noise, shape ``(q,)``; 1 if the response is not counts.

    A count :math:`c_{ij}` scaled by :math:`\kappa_i` (10,000 over the cell's total) has the sampling variance
    :math:`\kappa_i^2 \mu_{ij}` of a Poisson variable, for which :math:`\kappa_i^2 c_{ij}` is unbiased:

    .. math:: \rho_j = 1 - \frac{\sum_i \kappa_i^2 c_{ij} / n}{\operatorname{var}_i(\kappa_i c_{ij})},

    clipped to 0 and 1. It is computed on the linear scale, where it is exact, in one pass over the response. Counts
    that were multiplied by a number look deeper than they are.
    """
    if data.response is None or not looks_like_counts(data.response):
        return np.ones(data.n_genes)
    first, second, noise = (np.zeros(data.n_genes) for _ in range(3))
    for start in data.starts():
        stop = min(start + data.block_size, data.n_cells)
        counts = rows_of(data.response, start, stop)
        factor = np.ones(stop - start)
        if data.target_sum is not None:
            own = data.response_totals
            totals = np.asarray(counts.sum(axis=1)).ravel() if own is None else own[start:stop]
            factor = data.target_sum / np.where(totals > 0, totals, 1.0)
        squares = counts.multiply(counts) if hasattr(counts, "multiply") else counts**2
        first += np.asarray(counts.T @ factor).ravel()
        noise += np.asarray(counts.T @ factor**2).ravel()
        second += np.asarray(squares.T @ factor**2).ravel()
    variance = second / data.n_cells - (first / data.n_cells) ** 2
    varies = variance > MIN_VARIANCE * second / data.n_cells
    share = np.divide(noise / data.n_cells, variance, out=np.ones_like(noise), where=varies)
    return np.clip(1.0 - share, 0.0, 1.0)
