"""Count matrices in one canonical sparse form, and checks of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

#: Integers above are not all exact in double precision.
LARGEST = 2.0**53
#: Cells whose values tell what a matrix that holds no counts is.
SAMPLE = 50
#: Above, values are no logarithms of counts: e^20 is 5e8.
MAX_LOG = 20.0
#: Relative error of stored multiples, and the share of values or cells that must be multiples.
PRECISION, WHOLE = 1e-4, 0.9
#: Largest error of a multiple that tells an integer from another number.
TELLING = 0.05
#: Largest relative range of totals that are one.
ROUNDING = 2e-3
#: Values of a cell that tell what one count is by their differences.
MANY = 10


def canonical(matrix: Any, *, where: str) -> sparse.csr_matrix:
    """Any real matrix as a ``csr_matrix`` with sorted, unique indices; the input is never changed.

    ``csr_array`` becomes ``csr_matrix`` (some functions of other packages fail on the former), ``float16`` becomes
    ``float32`` (which products of scipy require), 64-bit indices become 32-bit ones where they fit, and duplicate
    entries are summed.

    Raises
    ------
    TypeError
        If the values are objects, strings or complex numbers, or the matrix is masked, on disk or lazy.
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
    if isinstance(matrix, np.ma.MaskedArray):
        msg = (
            f"Expected numbers for every cell and gene in `{where}`, found a masked array ({int(np.ma.count_masked(matrix)):,} values masked); "
            "fill it with `.filled(0)`, or drop the genes or cells concerned."
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
        if (largest := float(data.max(initial=0))) > LARGEST:
            msg = (
                f"Expected counts in `{where}` of at most {LARGEST:.0e}, found {largest:.3g}: such integers are no longer exact. Pass "
                "`layer=` with the raw counts."
            )
            raise ValueError(msg)
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
        f"{KINDS[what_they_look_like(counts)]} Pass `layer=` with the raw counts."
    )
    raise ValueError(msg)


#: What values that are no counts look like, and what to do.
KINDS = {
    "not finite": "Values that are not finite are no counts: check what made the matrix.",
    "negative": "Negative counts are an error of what made the matrix.",
    "scaled": "They look scaled or centred, as after `scanpy.pp.scale`: take the file from before preprocessing.",
    "logarithms": "They look like logarithms of normalised counts, as after `scanpy.pp.log1p`: take the file from before preprocessing.",
    "normalised": "They look normalised, as after `scanpy.pp.normalize_total`: take the file from before preprocessing.",
    "fractions": (
        "They look like fractions of molecules, as CellBender, SoupX, DecontX, alevin, RSEM or kallisto leave them: round them to whole counts, "
        "in Python with `numpy.rint` (of a sparse matrix `matrix.rint()`), on the command line with `--round`."
    ),
}


def what_they_look_like(counts: sparse.csr_matrix) -> str:
    """What values that are no counts probably are, a key of :data:`KINDS`.

    Normalised counts are whole multiples of one number within a cell, that of one count, or have the same total in all cells; so have, after
    ``expm1``, logarithms of them. Fractions of molecules, as of tools that remove ambient RNA or share reads between genes, do not. The cells
    with most genes tell, up to 50 of them.
    """
    data = counts.data
    finite = data[np.isfinite(data)]
    if len(finite) < len(data):
        return "not finite"
    whole = finite == np.rint(finite)
    if finite.min(initial=0) < 0:
        return "negative" if whole.all() else "scaled"
    cells = np.argsort(-np.diff(counts.indptr), kind="stable")[:SAMPLE]
    rows = [counts.data[counts.indptr[i] : counts.indptr[i + 1]].astype(np.float64) for i in cells]
    rows = [row[row > 0] for row in rows if (row > 0).any()]
    if whole.mean() > 1 / 2:
        return "fractions"
    small = [row for row in rows if row.max(initial=0) < MAX_LOG]
    if any(_are_normalised([inverse(row) for row in small]) for inverse in (np.expm1, _exp2m1)):
        return "logarithms"
    if small and all(_are_whole(np.expm1(row)) for row in small):
        return "logarithms"
    return "normalised" if _are_normalised(rows) else "fractions"


def rounded(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Values to the nearest integer, halves to the even one; a new matrix without stored zeros."""
    result = counts.copy()
    result.data = np.rint(result.data)
    result.eliminate_zeros()
    return result


def _exp2m1(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp2(values) - 1)


def _are_normalised(rows: Sequence[np.ndarray]) -> bool:
    """Whether all rows have one total, or the values of each are whole multiples of its smallest one, in nine of ten rows."""
    totals = np.array([row.sum() for row in rows])
    if len(totals) > 2 and totals.max() - totals.min() < ROUNDING * totals.max():
        return True
    several = [row for row in rows if len(row) > 2 and row.max() > (1 + PRECISION) * row.min()]
    return (
        bool(several)
        and float(np.mean([any(_are_whole(row / unit) for unit in _units(row)) for row in several])) > WHOLE
    )


def _units(row: np.ndarray) -> list[float]:
    """Values that one count may have in a row: its smallest one, or the smallest difference, where there are values enough to tell."""
    units = [float(row.min())]
    if len(row) > MANY:
        ordered = np.sort(row)
        gaps = np.diff(ordered)
        gap = float(gaps[gaps > PRECISION * ordered[1:]].min(initial=np.inf))
        # Of a tiny unit everything is a multiple.
        units += [gap] if PRECISION * ordered[-1] < gap * TELLING else []
    return units


def _are_whole(values: np.ndarray) -> bool:
    """Whether values are integers, up to the error of stored numbers: 24 bits, of which logarithms lose some."""
    return float((np.abs(values - np.rint(values)) <= PRECISION * values).mean()) > WHOLE


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
