"""Second moments of regulators and targets with covariates regressed out: the input of linear methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from landscape.network.data.arrays import FloatArray
from landscape.network.data.block import Block
from landscape.network.data.device import products
from landscape.network.data.expression import Expression
from landscape.network.data.reliability import reliability

#: A column is constant if covariates leave less than this share of its raw second moment. The subtraction that finds
#: the residual loses digits, so that the residual of a constant column is rounding, not zero.
MIN_RESIDUAL = 1e-10
#: Combinations of covariates below this share of the largest eigenvalue are collinear, and left out.
COLLINEAR = 1e-10
#: Above this share of non-zero values a dense product is faster than a sparse one.
MAX_SPARSE_DENSITY = 0.1


@dataclass(frozen=True)
class Sums:
    r"""Sums over cells, with :math:`A = [Z, X]` (covariates, then features) and targets :math:`Y`.

    Attributes
    ----------
    aa, ay
        :math:`A^\top A` and :math:`A^\top Y`.
    yy
        Diagonal of :math:`Y^\top Y`.
    n_cells
        Sum of the weights of the cells.
    n_covariates
        Number of columns of :math:`Z`.
    """

    aa: FloatArray
    ay: FloatArray
    yy: FloatArray
    n_cells: float
    n_covariates: int

    def __mul__(self, weight: float) -> Sums:
        return Sums(self.aa * weight, self.ay * weight, self.yy * weight, self.n_cells * weight, self.n_covariates)


@dataclass(frozen=True)
class Moments:
    r"""Correlations after covariates are regressed out.

    Features are the regulators and, for methods that use them, stumps: indicators ``regulator > threshold``.

    Attributes
    ----------
    xx
        Correlations among features, shape ``(m, m)``. Rows of constant features are zero.
    xy
        Correlations of features (rows) with targets (columns), shape ``(m, q)``.
    x_sd, y_sd
        Residual standard deviations; zero for constant columns.
    n_cells
        Sum of the weights of the cells.
    reverse
        Moments of the reversed regression, where response and expression are exchanged. ``None`` if they are the same.
    n_regulators
        Number of features that are regulators; the others are stumps. -1: all.
    contemporaneous
        Moments of the same regulators with the expression of the targets in the place of their response. ``None`` if
        they are the same.
    reliability
        Reliability of the response of every target (:func:`landscape.network.data.reliability.reliability`), shape ``(q,)``.
    """

    xx: FloatArray
    xy: FloatArray
    x_sd: FloatArray
    y_sd: FloatArray
    n_cells: float
    reverse: Moments | None = None
    n_regulators: int = -1
    contemporaneous: Moments | None = None
    reliability: FloatArray | None = None

    def linear(self) -> Moments:
        """Moments of the regulators, without stumps."""
        return self._part(slice(0, self.n_regulators)) if self.has_stumps else self

    def stumps(self) -> Moments:
        """Moments of the stumps: all regulators with their first threshold, then with the next."""
        return self._part(slice(self.n_regulators, None))

    @property
    def has_stumps(self) -> bool:
        """Whether stumps follow the regulators."""
        return 0 <= self.n_regulators < len(self.xx)

    def regulators_only(self, rows: NDArray[np.integer]) -> Moments:
        """Moments of these regulators only, with their stumps."""
        if not self.has_stumps:
            return replace(self._part(np.asarray(rows)), n_regulators=len(rows))
        offsets = np.arange(0, len(self.xx), self.n_regulators)
        part = self._part((offsets[:, None] + np.asarray(rows)).ravel())
        reverse, contemporaneous = (
            None if other is None else replace(other, n_regulators=len(rows))
            for other in (part.reverse, part.contemporaneous)
        )
        return replace(part, reverse=reverse, contemporaneous=contemporaneous, n_regulators=len(rows))

    def _part(self, rows: slice | NDArray[np.integer]) -> Moments:
        reverse, contemporaneous = (
            None if other is None else other._part(rows) for other in (self.reverse, self.contemporaneous)
        )
        return Moments(
            self.xx[rows][:, rows], self.xy[rows], self.x_sd[rows], self.y_sd, self.n_cells, reverse,
            contemporaneous=contemporaneous, reliability=self.reliability,
        )  # fmt: skip


def sums_of(
    block: Block, *, features: FloatArray | None = None, weights: FloatArray | None = None, device: Any = None
) -> Sums:
    """Sums of one block.

    Parameters
    ----------
    block
        Cells.
    features
        Cells by features, in the place of the regulators.
    weights
        Weight of every cell. ``None``: one.
    device
        Device of torch for the products. ``None``: numpy and scipy.
    """
    x = block.regulators if features is None else features
    a = np.concatenate([block.covariates, x], axis=1)
    y = block.targets
    if device is not None:
        size = float(len(a)) if weights is None else float(weights.sum())
        aa, ay, yy = products(a, y, weights, device)
        return Sums(aa, ay, yy, size, block.covariates.shape[1])
    weighted = a if weights is None else a * weights[:, None]
    total = float(len(a)) if weights is None else float(weights.sum())
    if sparse.issparse(y) and y.nnz > MAX_SPARSE_DENSITY * np.prod(y.shape):
        y = y.toarray()
    if sparse.issparse(y):
        ay = _sparse_product(weighted, y)
        squares = y.multiply(y)
        yy = np.asarray(squares.sum(axis=0) if weights is None else weights @ squares, dtype=np.float64).ravel()
    else:
        ay = weighted.T @ y
        yy = np.einsum("ij,ij->j", y, y) if weights is None else np.einsum("i,ij,ij->j", weights, y, y)
    return Sums(weighted.T @ a, np.ascontiguousarray(ay), yy, total, block.covariates.shape[1])


def _sparse_product(a: FloatArray, y: sparse.csr_matrix) -> FloatArray:
    left = sparse.csr_matrix(a.T)
    if left.nnz > MAX_SPARSE_DENSITY * np.prod(left.shape):
        return np.ascontiguousarray((y.T.tocsr() @ a).T)
    return (left @ y).toarray()


def total_sums(parts: Iterable[Sums], weights: Iterable[float] | None = None) -> Sums:
    """Weighted total of sums, added in the order given, so that every engine gives the same digits.

    Raises
    ------
    ValueError
        If there are no sums.
    """
    factors = repeat(1.0) if weights is None else iter(weights)
    total: Sums | None = None
    for part, factor in zip(parts, factors, strict=False):
        if total is None:
            total = part * factor
            continue
        for name in ("aa", "ay", "yy"):
            _add_scaled(getattr(total, name), getattr(part, name), factor)
        total = replace(total, n_cells=total.n_cells + factor * part.n_cells)
    if total is None:
        msg = "Expected at least one block of cells, found none."
        raise ValueError(msg)
    return total


def _add_scaled(total: FloatArray, part: FloatArray, factor: float) -> None:
    """Add in place, ``total += factor * part``, without a temporary array."""
    if total.flags.c_contiguous and part.flags.c_contiguous:
        linalg.blas.daxpy(part.ravel(), total.ravel(), a=factor)
    else:
        total += factor * part


def moments_of(sums: Sums) -> Moments:
    r"""Correlations from sums: the scaled Schur complement :math:`X^\top X - X^\top Z (Z^\top Z)^+ Z^\top X`.

    Correlating the residuals of a regression on the covariates gives the same numbers (Frisch-Waugh-Lovell theorem), but
    reads every cell twice and needs a dense matrix.
    """
    k = sums.n_covariates
    scale = np.sqrt(np.maximum(np.diag(sums.aa)[:k], np.finfo(float).tiny))
    zz = sums.aa[:k, :k] / np.outer(scale, scale)
    inverse = linalg.pinvh(zz, atol=0.0, rtol=COLLINEAR)
    zx, zy = sums.aa[:k, k:] / scale[:, None], sums.ay[:k] / scale[:, None]
    xx = sums.aa[k:, k:] - zx.T @ inverse @ zx
    xy = sums.ay[k:] - zx.T @ inverse @ zy
    yy = sums.yy - np.einsum("kj,kj->j", zy, inverse @ zy)
    x_sd = _sd(np.diag(xx), np.diag(sums.aa)[k:], sums.n_cells)
    y_sd = _sd(yy, sums.yy, sums.n_cells)
    x_unit, y_unit = _reciprocal(x_sd * np.sqrt(sums.n_cells)), _reciprocal(y_sd * np.sqrt(sums.n_cells))
    correlation = xx * x_unit[:, None] * x_unit
    correlation = (correlation + correlation.T) / 2
    return Moments(correlation, xy * x_unit[:, None] * y_unit, x_sd, y_sd, sums.n_cells)


def _sd(residual: FloatArray, raw: FloatArray, n_cells: float) -> FloatArray:
    kept = residual > MIN_RESIDUAL * np.maximum(raw, np.finfo(float).tiny)
    return np.where(kept, np.sqrt(np.maximum(residual, 0.0) / n_cells), 0.0)


def _reciprocal(values: FloatArray) -> FloatArray:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def moments(data: Expression, *, weights: NDArray[np.floating] | None = None) -> Moments:
    """Correlations of all cells, in one pass per regression.

    Parameters
    ----------
    data
        Expression.
    weights
        Weight of every cell. ``None``: one.
    """

    def collect(view: Callable[[Block], Block]) -> Moments:
        def weights_of(block: Block) -> FloatArray | None:
            return None if weights is None else np.asarray(weights[block.start : block.stop], dtype=np.float64)

        return moments_of(total_sums(sums_of(view(block), weights=weights_of(block)) for block in data.blocks()))

    forward = collect(lambda block: block)
    if data.response is None:
        return forward
    return replace(
        forward,
        reverse=collect(Block.reversed),
        contemporaneous=collect(Block.contemporaneous),
        reliability=reliability(data),
    )
