"""Matrices that stay on disk and are read in slices of cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class OnDisk:
    """A csr or dense matrix in an h5ad file or a zarr store, opened for every slice of rows.

    It holds no open file, so it can be sent to other processes, and to machines that see the same path.

    Attributes
    ----------
    path
        File or store.
    key
        Path of the matrix in the file: ``"X"``, ``"layers/counts"``.
    shape
        Numbers of cells and genes.
    """

    path: str
    key: str
    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> Any:
        """Consecutive rows as a ``csr_matrix`` or an array."""
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            msg = f"Expected a slice of consecutive rows, found step {step}."
            raise ValueError(msg)
        with _Open(self.path) as root:
            node = root[self.key]
            if not hasattr(node, "keys"):
                return np.asarray(node[start:stop])
            bounds = np.asarray(node["indptr"][start : stop + 1])
            inside = slice(int(bounds[0]), int(bounds[-1]))
            data, indices = np.asarray(node["data"][inside]), np.asarray(node["indices"][inside])
        return sparse.csr_matrix((data, indices, bounds - bounds[0]), shape=(stop - start, self.shape[1]))


def on_disk(path: str | Path, key: str = "X") -> OnDisk:
    """Describe a matrix on disk, without reading it.

    Parameters
    ----------
    path
        An h5ad file or a zarr store.
    key
        Path of the matrix in it.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    KeyError
        If the matrix is not in the file.
    ValueError
        If the matrix is stored by columns.
    """
    path = Path(path)
    if not path.exists():
        msg = f"Expected a file or store at {path}, found none."
        raise FileNotFoundError(msg)
    with _Open(str(path)) as root:
        if key not in root:
            msg = f"Expected `{key}` in {path.name}, found {sorted(root.keys())}."
            raise KeyError(msg)
        node = root[key]
        if not hasattr(node, "keys"):
            return OnDisk(str(path), key, (int(node.shape[0]), int(node.shape[1])))
        if "csr" not in str(node.attrs.get("encoding-type", "csr_matrix")):
            msg = f"Expected `{key}` stored by cells (csr), found {node.attrs['encoding-type']}; rewrite it as csr_matrix."
            raise ValueError(msg)
        n_cells, n_genes = (int(n) for n in node.attrs["shape"])
    return OnDisk(str(path), key, (n_cells, n_genes))


class _Open:
    """Context that opens an h5ad file or, if the path is a folder, a zarr store."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> Any:
        if Path(self.path).is_dir():
            import zarr

            self.file = None
            return zarr.open_group(self.path, mode="r")
        import h5py

        self.file = h5py.File(self.path, "r")
        return self.file

    def __exit__(self, *error: object) -> None:
        if self.file is not None:
            self.file.close()
