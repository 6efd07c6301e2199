"""Sparse matrices that stay on disk, read a run of cells at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class OnDisk:
    """A csr or dense matrix inside an h5ad file or a zarr store, opened anew for every slice of rows.

    It holds no open file, so it travels to other processes and machines that see the same path.

    Attributes
    ----------
    path
        File or store.
    key
        Where the matrix lies in it: ``"X"``, ``"layers/counts"``.
    shape
        Cells by genes.
    """

    path: str
    key: str
    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> Any:
        """Rows as a ``csr_matrix`` or array."""
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
    """Describe a matrix on disk.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If the file has no such matrix.
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
    """An h5ad file or a zarr store, whichever the path is."""

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
