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

_SCANNED = 4096  # rows at once, where all are read in order


@dataclass(frozen=True, slots=True)
class DiskCounts:
    """Rows of a count matrix on disk; what is in memory are the starts of the rows and their totals.

    Attributes
    ----------
    matrix
        Group (CSR) or array (dense) of h5py or zarr.
    starts
        Start of each row in the stored values, shape ``(n + 1,)``; ``None`` for a dense matrix.
    shape
        Cells and genes.
    totals
        Total count of each cell.
    columns
        Columns of the matrix that are the model's genes; ``None``: all, in order.
    """

    matrix: Any
    starts: NDArray[np.int64] | None
    shape: tuple[int, int]
    totals: NDArray[np.float64]
    columns: NDArray[np.integer] | None

    def read(self, rows: NDArray[np.integer]) -> sparse.csr_matrix:
        """Canonical counts of some rows, which must ascend; neighbours are read in one go."""
        return _read(self, rows)

    def __getitem__(self, rows: NDArray[np.integer]) -> sparse.csr_matrix:
        """Counts of rows in any order."""
        ascending = np.unique(rows)
        return self.read(ascending)[np.searchsorted(ascending, rows)]


def open_counts(
    group: Any, *, where: str, cells: Sequence[str], genes: Sequence[str], columns: NDArray[np.integer] | None
) -> DiskCounts:
    """Counts in an open group or array, after one pass over all of them.

    Parameters
    ----------
    group
        The matrix, as :mod:`anndata` writes it.
    where
        Its name, for messages.
    cells, genes
        Names, for messages; ``genes`` are those of the model.
    columns
        Columns of those genes; ``None``: all.

    Raises
    ------
    TypeError
        If the matrix is stored by columns.
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
    starts = np.asarray(group["indptr"][:], dtype=np.int64) if is_sparse else None
    used = (shape[0], shape[1] if columns is None else len(columns))
    bare = DiskCounts(matrix=group, starts=starts, shape=used, totals=np.empty(0), columns=columns)
    totals = np.empty(shape[0])
    for rows in _runs(shape[0]):
        counts = bare.read(rows)
        names = [str(cells[row]) for row in rows]
        _counts.require_counts(counts, where=where, cells=names, genes=genes)
        _counts.require_filled(counts, where=where, cells=names)
        totals[rows] = np.asarray(counts.sum(1), dtype=np.float64).ravel()
    return DiskCounts(matrix=group, starts=starts, shape=used, totals=totals, columns=columns)


def _runs(n_rows: int) -> Iterator[NDArray[np.integer]]:
    for start in range(0, n_rows, _SCANNED):
        yield np.arange(start, min(start + _SCANNED, n_rows))


def _read(counts: DiskCounts, rows: NDArray[np.integer]) -> sparse.csr_matrix:
    gaps = np.flatnonzero(np.diff(rows) != 1) + 1
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, gaps)]
    if counts.starts is None:
        result = sparse.csr_matrix(np.concatenate([counts.matrix[start:stop] for start, stop in runs]))
    else:
        spans = [(int(counts.starts[start]), int(counts.starts[stop])) for start, stop in runs]
        values = np.concatenate([counts.matrix["data"][a:b] for a, b in spans])
        indices = np.concatenate([counts.matrix["indices"][a:b] for a, b in spans])
        starts = np.concatenate([[0], np.cumsum(np.diff(counts.starts)[rows])])
        width = int(counts.matrix.attrs["shape"][1])
        result = sparse.csr_matrix((values, indices.astype(np.int32), starts.astype(np.int32)), (len(rows), width))
    if counts.columns is not None:
        result = result[:, counts.columns]
    return _counts.canonical(result, where="the file")


def open_file(path: str | Path, layer: str | None) -> tuple[Any, Any, Any, str]:
    """Open an h5ad file or a zarr store: matrix, table of cells, table of genes, and a name of the matrix.

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
