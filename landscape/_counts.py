"""Count matrices in one canonical sparse form, and checks of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse


def canonical(matrix: Any, *, where: str) -> sparse.csr_matrix:
    """Any real matrix as a ``csr_matrix`` with sorted, unique indices; the input is never changed.

    ``csr_array`` becomes ``csr_matrix`` (some functions of other packages fail on the former), ``float16`` becomes
    ``float32`` (which products of scipy require), 64-bit indices become 32-bit ones where they fit, and duplicate
    entries are summed.

    Raises
    ------
    TypeError
        If the values are objects, strings or complex numbers, or the matrix is on disk or lazy.
    ValueError
        If there is no matrix.
    """
    if matrix is None:
        msg = f"`{where}` is empty; pass `layer=` with the raw counts."
        raise ValueError(msg)
    if not (sparse.issparse(matrix) or isinstance(matrix, np.ndarray)):
        msg = (
            f"Expected a numpy array or a scipy sparse matrix in `{where}`, found {type(matrix).__name__}; "
            "load the data with `adata = adata.to_memory()`."
        )
        raise TypeError(msg)
    if matrix.dtype.kind not in "biuf":
        msg = f"Expected numbers in `{where}`, found dtype {matrix.dtype}; convert with `.astype('float32')`."
        raise TypeError(msg)
    values = matrix.astype(np.float32) if matrix.dtype == np.float16 else matrix
    result = sparse.csr_matrix(values)
    shared = sparse.issparse(matrix) and np.shares_memory(result.data, matrix.data)
    if not result.has_canonical_format:
        result = result.copy() if shared else result
        result.sum_duplicates()
    # Index arrays in h5ad files may have different types, and scipy then copies one of them at every selection.
    wide = result.indices.dtype != np.int32 or result.indptr.dtype != np.int32
    if wide and max(result.nnz, *result.shape) < np.iinfo(np.int32).max:
        parts = (result.data, result.indices.astype(np.int32), result.indptr.astype(np.int32))
        result = sparse.csr_matrix(parts, shape=result.shape)
    return result


def require_counts(
    counts: sparse.csr_matrix,
    *,
    where: str,
    cells: Sequence[str],
    genes: Sequence[str],
) -> None:
    """Check that every stored value is a non-negative integer.

    Raises
    ------
    TypeError
        If the values are booleans.
    ValueError
        If a value is negative, not finite or not an integer; the message counts each kind and gives the first value.
    """
    data = counts.data
    if data.dtype == bool:
        msg = f"Expected counts in `{where}`, found booleans; pass `layer=` with the raw counts."
        raise TypeError(msg)
    bad = bad_values(data)
    if not bad.any():
        return
    first = int(np.argmax(bad))
    cell = int(np.searchsorted(counts.indptr, first, side="right") - 1)
    values = data[bad]
    finite = np.isfinite(values)
    kinds = {
        "not finite": int(np.count_nonzero(~finite)),
        "negative": int(np.count_nonzero(values[finite] < 0)),
        "not integer": int(np.count_nonzero(values[finite] >= 0)),
    }
    found = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    msg = (
        f"Expected non-negative integer counts in `{where}`, found other values ({found}) among {data.size} stored; "
        f"the first is {data[first].item()!r} for cell {cells[cell]!r}, gene {genes[int(counts.indices[first])]!r}. "
        "Pass `layer=` with the raw counts."
    )
    raise ValueError(msg)


def require_filled(counts: sparse.csr_matrix, *, where: str, cells: Sequence[str]) -> None:
    """Check that every cell has counts.

    Raises
    ------
    ValueError
        If cells have none; the message counts them and gives the first.
    """
    empty = np.flatnonzero(np.asarray(counts.sum(1)).ravel() == 0)
    if len(empty):
        msg = (
            f"{len(empty)} of {counts.shape[0]} cells have no counts in `{where}`, for instance {cells[empty[0]]!r}; "
            "drop them with `landscape.pp.select_genes(adata, drop_empty=True)`."
        )
        raise ValueError(msg)


def bad_values(data: np.ndarray) -> np.ndarray:
    """Mask of values that are negative, not finite or not integers."""
    if data.dtype.kind == "u":
        return np.zeros(data.shape, dtype=bool)
    if data.dtype.kind == "i":
        return data < 0
    with np.errstate(invalid="ignore"):
        return ~np.isfinite(data) | (data < 0) | (data != np.rint(data))
