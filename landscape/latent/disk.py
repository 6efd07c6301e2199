"""Counts that stay on disk: rows of a matrix in an h5ad file or a zarr store, read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape import _counts

# Rows at a time in the pass that checks every count: some 30 MB of a typical matrix.
SCAN_ROWS = 4096


@dataclass(frozen=True, slots=True)
class DiskCounts:
    """Rows of a count matrix on disk; only the row pointers and the total counts are in memory.

    Attributes
    ----------
    matrix
        Group (CSR) or array (dense) of h5py or zarr.
    indptr
        Entries ``indptr[i]:indptr[i + 1]`` belong to cell ``i``, shape ``(n + 1,)``; ``None`` for a dense matrix.
    shape
        Number of cells and of genes.
    totals
        Total count of each cell, shape ``(n,)``.
    columns
        Columns of the matrix that hold the model's genes; ``None``: all, in order.
    """

    matrix: Any
    indptr: NDArray[np.int64] | None
    shape: tuple[int, int]
    totals: NDArray[np.float64]
    columns: NDArray[np.integer] | None

    def read(self, rows: NDArray[np.integer]) -> sparse.csr_matrix:
        """Read some rows; neighbours are read together.

        Parameters
        ----------
        rows
            Ascending indices of the rows.

        Returns
        -------
        Canonical counts, shape ``(len(rows), n_genes)``.
        """
        return _read(self, rows)

    def __getitem__(self, rows: NDArray[np.integer]) -> sparse.csr_matrix:
        """Counts of rows, in any order."""
        ascending = np.unique(rows)
        return self.read(ascending)[np.searchsorted(ascending, rows)]


def open_counts(
    group: Any, *, where: str, cells: Sequence[str], genes: Sequence[str], columns: NDArray[np.integer] | None
) -> DiskCounts:
    """Counts in an open group or array, after one pass that checks all of them.

    Parameters
    ----------
    group
        The matrix, as :mod:`anndata` writes it.
    where
        Name of the matrix, for messages.
    cells, genes
        Names of the rows and of the model's genes, for messages.
    columns
        Columns of those genes; ``None``: all.

    Returns
    -------
    The counts, on disk.

    Raises
    ------
    TypeError
        If the matrix is stored by genes (CSC).
    ValueError
        If a value is no count or a cell is empty.
    """
    kind = group.attrs.get("encoding-type", "array")
    if kind == "csc_matrix":
        msg = (
            f"Expected the counts in `{where}` to be stored by cells (CSR), found them by genes (CSC); "
            "write the file again with `adata.layers[...] = counts.tocsr()`."
        )
        raise TypeError(msg)
    is_sparse = kind == "csr_matrix"
    shape = tuple(int(n) for n in (group.attrs["shape"] if is_sparse else group.shape))
    indptr = np.asarray(group["indptr"][:], dtype=np.int64) if is_sparse else None
    used = (shape[0], shape[1] if columns is None else len(columns))
    unchecked = DiskCounts(matrix=group, indptr=indptr, shape=used, totals=np.empty(0), columns=columns)
    totals = np.empty(shape[0])
    for rows in _runs(shape[0]):
        counts = unchecked.read(rows)
        names = [str(cells[row]) for row in rows]
        _counts.require_counts(counts, where=where, cells=names, genes=genes)
        _counts.require_filled(counts, where=where, cells=names)
        totals[rows] = np.asarray(counts.sum(1), dtype=np.float64).ravel()
    return DiskCounts(matrix=group, indptr=indptr, shape=used, totals=totals, columns=columns)


def _runs(n_rows: int) -> Iterator[NDArray[np.integer]]:
    for start in range(0, n_rows, SCAN_ROWS):
        yield np.arange(start, min(start + SCAN_ROWS, n_rows))


def _read(counts: DiskCounts, rows: NDArray[np.integer]) -> sparse.csr_matrix:
    gaps = np.flatnonzero(np.diff(rows) != 1) + 1
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, gaps)]
    if counts.indptr is None:
        result = sparse.csr_matrix(np.concatenate([counts.matrix[start:stop] for start, stop in runs]))
    else:
        spans = [(int(counts.indptr[start]), int(counts.indptr[stop])) for start, stop in runs]
        values = np.concatenate([counts.matrix["data"][a:b] for a, b in spans])
        indices = np.concatenate([counts.matrix["indices"][a:b] for a, b in spans])
        indptr = np.concatenate([[0], np.cumsum(np.diff(counts.indptr)[rows])])
        width = int(counts.matrix.attrs["shape"][1])
        result = sparse.csr_matrix((values, indices.astype(np.int32), indptr.astype(np.int32)), (len(rows), width))
    if counts.columns is not None:
        result = result[:, counts.columns]
    return _counts.canonical(result, where="the file")


def open_file(path: str | Path, layer: str | None) -> tuple[Any, Any, Any, str]:
    """Open an h5ad file or a zarr store.

    Parameters
    ----------
    path
        File or store, as :mod:`anndata` writes it.
    layer
        Layer of the counts; ``None``: ``X``.

    Returns
    -------
    Matrix of counts (open, on disk), table of cells, table of genes, and the name of the matrix for messages.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If it has no such layer.
    """
    import anndata
    import h5py
    import zarr

    path = Path(path)
    if not path.exists():
        msg = f"There is no file {path}; name an h5ad file or a zarr store."
        raise FileNotFoundError(msg)
    store: Any = zarr.open_group(path, mode="r") if path.is_dir() else h5py.File(path, "r")
    name = "X" if layer is None else f"layers/{layer}"
    if name not in store:
        present = [*store["layers"]] if "layers" in store else []
        msg = f"`{name}` is missing from {path}; pass `layer=` with the raw counts. Present: {present}."
        raise KeyError(msg)
    return store[name], anndata.io.read_elem(store["obs"]), anndata.io.read_elem(store["var"]), f"{path.name}/{name}"
