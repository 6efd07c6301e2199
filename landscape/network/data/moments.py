"""Second moments of regulators and targets with covariates regressed out: all that linear methods need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from landscape.network.data.device import products
from landscape.network.data.expression import Block, Expression, FloatArray
from landscape.network.data.reliability import reliability

#: A column is constant when covariates leave less than this share of its raw second moment.
_CONSTANT = 1e-10
#: Above this share of non-zero values a dense product is faster than a sparse one.
_DENSE = 0.1


@dataclass(frozen=True)
class Sums:
    r"""Additive sums over cells, with :math:`A = [Z, X]` (covariates, then features) and targets :math:`Y`.

    ``aa`` is :math:`A^\top A`, ``ay`` is :math:`A^\top Y`, ``yy`` the diagonal of :math:`Y^\top Y`.
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

    Attributes
    ----------
    xx
        Correlations among features, shape ``(m, m)``. Rows of constant features are zero.
    xy
        Correlations of features (rows) and targets (columns), shape ``(m, q)``.
    x_sd, y_sd
        Residual standard deviations, zero where a column is constant.
    n_cells
        Sum of the cells' weights.
    n_regulators
        Features that are the regulators themselves; further ones are steps of them. -1: all.
    reverse
        The same with response and expression exchanged, where the response differs from the expression.
    steady
        The same regulators with the expression of targets in the place of their response.
    reliability
        Of the response of every target (:func:`landscape.network.data.reliability.reliability`), shape ``(q,)``.
    """

    xx: FloatArray
    xy: FloatArray
    x_sd: FloatArray
    y_sd: FloatArray
    n_cells: float
    reverse: Moments | None = None
    n_regulators: int = -1
    steady: Moments | None = None
    reliability: FloatArray | None = None

    def linear(self) -> Moments:
        """Moments of the regulators themselves, without the steps."""
        return self._part(slice(0, self.n_regulators)) if self.has_steps else self

    def steps(self) -> Moments:
        """Moments of the steps ``regulator > threshold``, all regulators for the first threshold, then for the next."""
        return self._part(slice(self.n_regulators, None))

    @property
    def has_steps(self) -> bool:
        """Whether the features hold steps after the regulators."""
        return 0 <= self.n_regulators < len(self.xx)

    def regulators_only(self, rows: NDArray[np.integer]) -> Moments:
        """Only these regulators, with their steps."""
        if not self.has_steps:
            return replace(self._part(np.asarray(rows)), n_regulators=len(rows))
        offsets = np.arange(0, len(self.xx), self.n_regulators)
        every = (offsets[:, None] + np.asarray(rows)).ravel()
        part = self._part(every)
        reverse, steady = (
            None if other is None else replace(other, n_regulators=len(rows)) for other in (part.reverse, part.steady)
        )
        return replace(part, reverse=reverse, steady=steady, n_regulators=len(rows))

    def _part(self, rows: slice | NDArray[np.integer]) -> Moments:
        reverse, steady = (None if other is None else other._part(rows) for other in (self.reverse, self.steady))
        return Moments(
            self.xx[rows][:, rows], self.xy[rows], self.x_sd[rows], self.y_sd, self.n_cells, reverse,
            steady=steady, reliability=self.reliability,
        )  # fmt: skip


def sums_of(
    block: Block, *, features: FloatArray | None = None, weights: FloatArray | None = None, device: Any = None
) -> Sums:
    """Sums of one block, with ``features`` in the place of the regulators and ``weights`` for the cells, on a device of torch."""
    x = block.regulators if features is None else features
    a = np.concatenate([block.covariates, x], axis=1)
    y = block.targets
    if device is not None:
        size = float(len(a)) if weights is None else float(weights.sum())
        aa, ay, yy = products(a, y, weights, device)
        return Sums(aa, ay, yy, size, block.covariates.shape[1])
    weighted = a if weights is None else a * weights[:, None]
    total = float(len(a)) if weights is None else float(weights.sum())
    if sparse.issparse(y) and y.nnz > _DENSE * np.prod(y.shape):
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
    if left.nnz > _DENSE * np.prod(left.shape):
        return np.ascontiguousarray((y.T.tocsr() @ a).T)
    return (left @ y).toarray()


def total_sums(parts: Iterable[Sums], weights: Iterable[float] | None = None) -> Sums:
    """Weighted sum of sums, added in the order given so that every engine gives the same digits."""
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
    """``total += factor * part`` without a temporary array."""
    if total.flags.c_contiguous and part.flags.c_contiguous:
        linalg.blas.daxpy(part.ravel(), total.ravel(), a=factor)
    else:
        total += factor * part


def moments_of(sums: Sums) -> Moments:
    r"""Correlations from sums: the Schur complement :math:`X^\top X - X^\top Z (Z^\top Z)^+ Z^\top X`, scaled.

    Regressing covariates out of every column first and correlating the residuals gives the same
    numbers (Frisch-Waugh-Lovell), but needs every cell twice and a dense matrix.
    """
    k = sums.n_covariates
    scale = np.sqrt(np.maximum(np.diag(sums.aa)[:k], np.finfo(float).tiny))
    zz = sums.aa[:k, :k] / np.outer(scale, scale)
    inverse = linalg.pinvh(zz, atol=0.0, rtol=1e-10)
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
    kept = residual > _CONSTANT * np.maximum(raw, np.finfo(float).tiny)
    return np.where(kept, np.sqrt(np.maximum(residual, 0.0) / n_cells), 0.0)


def _reciprocal(values: FloatArray) -> FloatArray:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def turned(block: Block) -> Block:
    """The block with time turned round: responses of regulators explain the expression of targets."""
    if block.reverse is None:
        msg = "Expected a response that differs from the expression, found none."
        raise ValueError(msg)
    regulators, targets = block.reverse
    return replace(block, regulators=regulators, targets=targets, reverse=None)


def steadied(block: Block) -> Block:
    """The block with the expression of targets in the place of their response."""
    if block.reverse is None:
        msg = "Expected a response that differs from the expression, found none."
        raise ValueError(msg)
    return replace(block, targets=block.reverse[1], reverse=None)


def moments(data: Expression, *, weights: NDArray[np.floating] | None = None) -> Moments:
    """Correlations of all cells in one pass, each cell counted ``weights`` times."""

    def collect(part: Callable[[Block], Block]) -> Moments:
        def weigh(block: Block) -> FloatArray | None:
            return None if weights is None else np.asarray(weights[block.start : block.stop], dtype=np.float64)

        return moments_of(total_sums(sums_of(part(block), weights=weigh(block)) for block in data.blocks()))

    forward = collect(lambda block: block)
    if data.response is None:
        return forward
    return replace(forward, reverse=collect(turned), steady=collect(steadied), reliability=reliability(data))
