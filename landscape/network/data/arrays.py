"""Matrices of cells by genes in memory: their types, reading rows, and what one cell's values say."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TINY

FloatArray = NDArray[np.float64]
Matrix: TypeAlias = Any  # csr_matrix or array of float64

#: Cells whose values decide what kind of matrix it is.
SAMPLE_CELLS = 4096
#: An empty cell counts as half a molecule, so that its total has a logarithm.
MIN_TOTAL = 0.5
#: Significant digits of a fingerprint: few enough that logarithms rounded by another processor give the same number.
FINGERPRINT_DIGITS = 9
# Bits of a squared value within a fingerprint, at most those of double precision, and bits of their sum.
_VALUE_BITS, _SUM_BITS = 52, 62
# Limits that keep the rounding of fingerprints within the range of double precision.
_MAX_EXPONENT = 290


def rows_of(matrix: Any, start: int, stop: int) -> Matrix:
    """Read consecutive cells into memory, in double precision.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    part = matrix[start:stop]
    if hasattr(part, "compute"):
        part = part.compute()
    if sparse.issparse(part):
        part = sparse.csr_matrix(part, dtype=np.float64)
        values = part.data
    else:
        part = values = np.asarray(part, dtype=np.float64)
    if not np.isfinite(values).all():
        msg = f"Expected finite values, found NaN or infinity in cells {start} to {stop - 1}."
        raise ValueError(msg)
    return part


def dense(matrix: Matrix) -> FloatArray:
    """The matrix as an array."""
    result: FloatArray = matrix.toarray() if sparse.issparse(matrix) else matrix
    return result


def looks_like_counts(matrix: Any) -> bool:
    """Whether the first cells hold non-negative integers only."""
    sample = _sample(matrix)
    data = sample.data if sparse.issparse(sample) else sample
    return bool((data >= 0).all() and (data == np.round(data)).all())


def effective_genes(matrix: Any) -> float:
    """Effective number of genes that carry the total: exponential of the entropy of the mean profile."""
    mean = np.asarray(np.abs(_sample(matrix)).mean(axis=0), dtype=np.float64).ravel()
    share = mean[mean > 0] / max(mean.sum(), np.finfo(float).tiny)
    return float(np.exp(-(share * np.log(share)).sum()))


def _sample(matrix: Any) -> Matrix:
    return rows_of(matrix, 0, min(int(matrix.shape[0]), SAMPLE_CELLS))


def totals_of(matrix: Matrix) -> FloatArray:
    """Sum over the genes of every cell."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def log_totals(totals: FloatArray) -> FloatArray:
    """Logarithm of the totals, of an empty cell too."""
    return np.log(np.maximum(totals, MIN_TOTAL))


def detected_genes(matrix: Matrix) -> FloatArray:
    """Number of genes above zero in every cell."""
    return np.asarray((matrix > 0).sum(axis=1), dtype=np.float64).ravel()


def fingerprints(matrix: Matrix) -> FloatArray:
    r"""A number computed from the values of every cell, :math:`m \sum_g (x_g / m)^2` with :math:`m = \max_g |x_g|`.

    Squares are summed as integers, which is exact: genes in another order give the same number.
    """
    largest = abs(matrix).max(axis=1)
    largest = np.asarray(largest.todense() if sparse.issparse(largest) else largest, dtype=np.float64).ravel()
    scale = np.where(largest > 0, largest, 1.0)
    unit = 2.0 ** min(_VALUE_BITS, _SUM_BITS - int(matrix.shape[1]).bit_length())
    if sparse.issparse(matrix):
        squares = sparse.csr_matrix(matrix, copy=True)
        squares.data = np.rint(unit * (squares.data / np.repeat(scale, np.diff(squares.indptr))) ** 2).astype(np.int64)
    else:
        squares = np.rint(unit * (matrix / scale[:, None]) ** 2).astype(np.int64)
    values = largest * (np.asarray(squares.sum(axis=1), dtype=np.float64).ravel() / unit)
    digits = FINGERPRINT_DIGITS - 1 - np.floor(np.log10(np.maximum(values, TINY)))
    scale = 10.0 ** np.clip(digits, -_MAX_EXPONENT, _MAX_EXPONENT)
    return np.round(values * scale) / scale
