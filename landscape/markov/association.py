"""Partial correlations over blocks of neighbouring cells: which genes rise or fall with a quantity of cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

from landscape._numbers import TINY
from landscape._random import RandomLike
from landscape.markov.bootstrap import CELLS_PER_BLOCK, blocks
from landscape.markov.pooling import TARGET_SUM

# Blocks beyond which more of them find only correlations below about .1, while finding the blocks takes ever longer.
MAX_BLOCKS = 1000
# Degrees of freedom below which an interval of a correlation is as wide as its range.
MIN_DEGREES = 3
# Genes whose block means are held as a dense array at once.
GENES_AT_ONCE = 512
CONFIDENCE = 0.95
# Share of a sum of squares that is rounding.
ROUNDING = 1e-10
# Singular values of a design below this share of the largest are rounding.
RANK_TOLERANCE = 1e-8
# Distance of a correlation from 1 at which its Fisher transform is cut, so that it stays finite.
UNIT_ROUNDING = 1e-15


class BlockMeans:
    r"""Means over blocks of cells, and what is left of them after a weighted regression on a design's means.

    With :math:`n_b` cells in block :math:`b` and the means :math:`\bar y_b` of a quantity, the residuals are those of the
    least squares :math:`\sum_b n_b (\bar y_b - \beta^\top \bar x_b)^2`.

    Parameters
    ----------
    block
        Block of each cell, shape ``(n,)``.
    design
        Covariates of each cell, the constant among them, shape ``(n, m)``.
    min_degrees
        Fewest degrees of freedom.

    Attributes
    ----------
    size
        Cells in each block, shape ``(n_blocks,)``.
    degrees_of_freedom
        Blocks less one less the rank of the design.
    constant
        For the columns of the last call of :meth:`residual`, whether nothing but rounding was left.

    Raises
    ------
    ValueError
        If fewer degrees of freedom are left.
    """

    def __init__(
        self, block: NDArray[np.int64], design: NDArray[np.float64], *, min_degrees: int = MIN_DEGREES
    ) -> None:
        self.size = np.bincount(block).astype(float)
        n = len(block)
        self._mean = sparse.csr_matrix((1 / self.size[block], (block, np.arange(n))), shape=(len(self.size), n))
        self._root = np.sqrt(self.size)[:, None]
        scaled = self._root * (self._mean @ design)
        scaled /= np.maximum(np.linalg.norm(scaled, axis=0), np.finfo(float).tiny)
        basis, values, _ = np.linalg.svd(scaled, full_matrices=False)
        self._basis = basis[:, values > RANK_TOLERANCE * values[0]]
        self.degrees_of_freedom = len(self.size) - 1 - self._basis.shape[1]
        self.constant = np.empty(0, dtype=bool)
        if self.degrees_of_freedom < min_degrees:
            needed = min_degrees + 1 + self._basis.shape[1]
            msg = (
                f"Expected at least {needed} blocks of neighbouring cells for {self._basis.shape[1] - 1} covariates (the log total "
                f"and other fates among them), found {len(self.size)} of {n} cells; use more cells, fewer covariates, or a larger `n_blocks`."
            )
            raise ValueError(msg)

    def mean(self, values: sparse.csr_matrix) -> NDArray[np.float64]:
        """Means over blocks, shape ``(n_blocks, k)``."""
        return np.asarray((self._mean @ values).todense())

    def residual(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Residuals times the root of the weights, scaled to length one; NaN where nothing is left."""
        scaled = self._root * means
        before = np.linalg.norm(scaled, axis=0)
        scaled -= self._basis @ (self._basis.T @ scaled)
        after = np.linalg.norm(scaled, axis=0)
        self.constant = after**2 <= ROUNDING * before**2
        return scaled / np.where(self.constant, np.nan, after)


def association_blocks(coordinates: NDArray[np.float64], n_blocks: int | None, rng: RandomLike) -> NDArray[np.int64]:
    """Blocks of neighbouring cells, nearly independent observations; by default one per 30 cells, at most 1,000.

    Parameters
    ----------
    coordinates
        Coordinates in which cells are neighbours, shape ``(n, k)``.
    n_blocks
        Number of blocks.
    rng
        Seed or generator.

    Raises
    ------
    ValueError
        If the number is not positive or a coordinate is not finite.
    """
    if n_blocks is not None and n_blocks < 1:
        msg = f"Expected `n_blocks` of at least 1, found {n_blocks}."
        raise ValueError(msg)
    if not np.isfinite(coordinates).all():
        msg = "Expected finite coordinates of the cells, found NaN or infinity; leave those cells out with `cells=`."
        raise ValueError(msg)
    default = max(1, min(MAX_BLOCKS, len(coordinates) // CELLS_PER_BLOCK))
    return blocks(coordinates, n_blocks=default if n_blocks is None else n_blocks, rng=rng)


def log_expression(counts: sparse.csr_matrix, totals: NDArray[np.float64]) -> Iterator[tuple[slice, sparse.csc_matrix]]:
    r"""Sparse :math:`\log(1 + 10^4 c_{ig} / t_i)`, some genes at a time with their places."""
    by_gene = counts.tocsc()
    for start in range(0, counts.shape[1], GENES_AT_ONCE):
        place = slice(start, min(start + GENES_AT_ONCE, counts.shape[1]))
        part = by_gene[:, place].astype(np.float64)
        part.data = np.log1p(part.data / totals[part.indices] * TARGET_SUM)
        yield place, part


def gene_correlations(
    regressions: Sequence[tuple[BlockMeans, NDArray[np.float64]]],
    counts: sparse.csr_matrix,
    totals: NDArray[np.float64],
) -> NDArray[np.float64]:
    r"""Partial correlations of all genes with quantities of cells, shape ``(genes, k)``; counts stay sparse.

    Parameters
    ----------
    regressions
        Covariates of the same blocks, each with the residuals of quantities as :meth:`BlockMeans.residual` gives them, shape
        ``(n_blocks, k_j)``; the results are side by side, :math:`k = \sum_j k_j`.
    counts
        Counts, cells x genes; :math:`\log(1 + 10^4 c_{ig} / t_i)` is correlated.
    totals
        Total :math:`t_i` of each cell, shape ``(n,)``.
    """
    result = np.empty((counts.shape[1], sum(residuals.shape[1] for _, residuals in regressions)))
    for place, part in log_expression(counts, totals):
        means = regressions[0][0].mean(part)
        result[place] = np.hstack([blocked.residual(means).T @ residuals for blocked, residuals in regressions])
    return np.clip(result, -1.0, 1.0)


def two_sided(correlation: NDArray[np.float64], degrees: int | NDArray[np.int64]) -> NDArray[np.float64]:
    r"""p-values of :math:`t = r \sqrt{\nu / (1 - r^2)}` with :math:`\nu` degrees of freedom."""
    t = correlation * np.sqrt(degrees / np.maximum(1 - correlation**2, TINY))
    return 2 * stats.t.sf(np.abs(t), degrees)


def adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """q-values of Benjamini and Hochberg for each column of p-values, shape ``(genes, k)``; NaN do not count."""
    q = np.full(p.shape, np.nan)
    for own, known, column in zip(q.T, np.isfinite(p).T, p.T, strict=True):
        if known.any():
            own[known] = stats.false_discovery_control(column[known])
    return q


def fisher_interval(
    correlation: NDArray[np.float64], degrees: int | NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Interval :math:`\tanh(\operatorname{artanh} r \pm z / \sqrt{\nu - 1})` of 95 %."""
    z = np.arctanh(np.clip(correlation, -1 + UNIT_ROUNDING, 1 - UNIT_ROUNDING))
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(degrees - 1)
    return np.tanh(z - half), np.tanh(z + half)


def association_table(
    correlation: NDArray[np.float64],
    genes: NDArray[np.object_],
    fates: Sequence[str],
    degrees: int,
    regulators: Collection[str],
) -> pd.DataFrame:
    r"""Tidy table of correlations with p-values, q-values within a fate, and intervals.

    :math:`t = r \sqrt{\nu / (1 - r^2)}` with :math:`\nu` degrees of freedom, two-sided; Benjamini-Hochberg over the genes of
    a fate; Fisher's interval :math:`\tanh(\operatorname{artanh} r \pm z / \sqrt{\nu - 1})`.

    Parameters
    ----------
    correlation
        Shape ``(genes, fates)``, NaN where a gene does not vary.
    genes
        Names, shape ``(genes,)``.
    fates
        Names of the columns.
    degrees
        :math:`\nu`.
    regulators
        Names of the regulators of the model.
    """
    p = two_sided(correlation, degrees)
    lower, upper = fisher_interval(correlation, degrees)
    n, k = correlation.shape
    return pd.DataFrame(
        {
            "gene": np.tile(genes, k),
            "fate": np.repeat(np.array(fates, dtype=object), n),
            "correlation": correlation.T.ravel(),
            "lower": lower.T.ravel(),
            "upper": upper.T.ravel(),
            "p_value": p.T.ravel(),
            "q_value": adjusted(p).T.ravel(),
            "regulator": np.tile([str(gene) in regulators for gene in genes], k),
        },
        index=[str(row) for row in range(n * k)],
    )
