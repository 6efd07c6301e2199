"""Are values of cells alike among neighbours? Moran's I against permutations of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from landscape.structure.residuals import scores
from landscape.structure.strata import strata

N_NEIGHBORS = 15
N_PERMUTATIONS = 999
# Share of the variance of values below which library size and batch explain them all.
_ROUNDING = 1e-10
# Largest number of distinct numbers that are taken as levels without an order.
MAX_LEVELS = 12


@dataclass(frozen=True)
class Smoothness:
    """Likeness of neighbours.

    Attributes
    ----------
    moran
        Moran's I: correlation between the values of a cell and the mean of its neighbours.
    by_chance
        Its mean over permutations of cells.
    p_value
        One-sided permutation p-value; NaN where exchange of cells changes nothing.
    """

    moran: float
    by_chance: float
    p_value: float


def smoothness(
    counts: sparse.csr_matrix, values: NDArray[np.float64], batch: NDArray[np.int64], rng: np.random.Generator
) -> Smoothness:
    r"""Test whether values of cells are alike among neighbours in the space of counts.

    .. math:: I = \frac{\sum_{cd} w_{cd}\, z_c \cdot z_d}{\sum_c |z_c|^2}

    with what library size and batch leave of the values, :math:`z`, and :math:`w_{cd} = 1/k` for the nearest :math:`k` neighbours in the leading components
    of the residuals of counts. Cells are permuted within strata of like library size and batch; where values have nothing
    to do with state and size, the p-value is exact.

    Parameters
    ----------
    counts
        Counts of the genes that define neighbours, shape ``(n, g)``. The values come from elsewhere.
    values
        Values of cells, shape ``(n, m)``.
    batch
        Batch of each cell: 0, 1, ...
    rng
        Generator.

    References
    ----------
    Moran (1950), *Biometrika* 37, 17. https://doi.org/10.1093/biomet/37.1-2.17
    """
    cells = strata(np.asarray(counts.sum(1)).ravel(), batch)
    z = values - cells.nuisance @ (cells.nuisance.T @ values)
    if not cells.varies_within(values) or (z**2).sum() <= _ROUNDING * ((values - values.mean(0)) ** 2).sum():
        return Smoothness(np.nan, np.nan, np.nan)
    weights = _neighbors(scores(counts, cells, rng))
    total = float((z**2).sum())

    def moran(order: NDArray[np.int64] | slice) -> float:
        return float(np.einsum("cm,cm->", z[order], weights @ z[order])) / total

    observed = moran(slice(None))
    null = np.array([moran(order) for order in cells.permutations(N_PERMUTATIONS, rng)])
    # Sums of the same numbers in another order differ in their last digits.
    exceeded = int((null >= observed - 1e-9 * abs(observed)).sum())
    return Smoothness(observed, float(null.mean()), (1 + exceeded) / (1 + N_PERMUTATIONS))


def coded(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of cells as values: an indicator of each if they are few, else their ranks; shape ``(n, m)``.

    Missing numbers have the middle rank.
    """
    known = np.isfinite(column)
    distinct = np.unique(column[known])
    if len(distinct) <= MAX_LEVELS:
        return np.asarray((column[:, None] == distinct).astype(float))
    rank = np.searchsorted(np.sort(column[known]), column).astype(float)
    return np.asarray(np.where(known, rank, known.sum() / 2)[:, None])


def _neighbors(coordinates: NDArray[np.float64]) -> sparse.csr_matrix:
    n = len(coordinates)
    k = min(N_NEIGHBORS, n - 1)
    index = cKDTree(coordinates).query(coordinates, k + 1)[1]
    rows = np.repeat(np.arange(n), k + 1)
    graph = sparse.csr_matrix((np.full(rows.size, 1 / k), (rows, index.ravel())), shape=(n, n))
    graph.setdiag(0)
    return graph
