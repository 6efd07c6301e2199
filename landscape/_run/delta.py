"""The results that a stage adds to an AnnData object: collected, written to a file, read back, spread to all genes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from landscape import _keys
from landscape._files import write_atomic

_SLOTS = ("obs", "var", "obsm", "varm", "obsp", "varp", "layers")


def snapshot(adata: AnnData) -> dict[tuple[str, str], Any]:
    """Contents of an object by slot and key, for a later comparison.

    Columns are copied and arrays are not: a stage adds or replaces arrays, and does not change them in place.
    """
    held: dict[tuple[str, str], Any] = {}
    for slot in _SLOTS:
        store = getattr(adata, slot)
        for key in store:
            held[slot, key] = store[key].copy() if slot in ("obs", "var") else store[key]
    for key, value in adata.uns.items():
        if key != _keys.UNS:
            held["uns", key] = value
    for name, value in adata.uns.get(_keys.UNS, {}).items():
        held[_keys.UNS, name] = value
    return held


def difference(before: dict[tuple[str, str], Any], adata: AnnData) -> AnnData:
    """Object without a main matrix that holds everything new or replaced since ``before``."""
    delta = AnnData(obs=pd.DataFrame(index=adata.obs_names), var=pd.DataFrame(index=adata.var_names))
    results = {}
    for (slot, key), value in snapshot(adata).items():
        old = before.get((slot, key))
        if old is value or (slot in ("obs", "var") and old is not None and value.equals(old)):
            continue
        if slot == _keys.UNS:
            results[key] = value
        else:
            getattr(delta, slot)[key] = value
    if results:
        delta.uns[_keys.UNS] = results
    return delta


def apply(delta: AnnData, adata: AnnData) -> None:
    """Set everything that ``delta`` holds in ``adata``.

    On genes that are not in ``delta``, flags are false, numbers of ``var`` and ``varm`` are missing, and rows and columns
    of ``varp`` are empty.
    """
    columns = adata.var_names.get_indexer(delta.var_names)
    if (columns < 0).any() or not delta.obs_names.equals(adata.obs_names):
        msg = "Expected results of the same cells, and of genes among those of the data; run again with `--force`."
        raise ValueError(msg)
    whole = adata.n_vars == delta.n_vars and bool((columns == np.arange(adata.n_vars)).all())
    for key in delta.obs:
        adata.obs[key] = delta.obs[key]
    for slot in ("obsm", "obsp"):
        for key, value in getattr(delta, slot).items():
            getattr(adata, slot)[key] = value
    for key in delta.var:
        column = delta.var[key]
        adata.var[key] = column if whole else _spread_column(column, adata.var_names)
    for key, value in delta.varp.items():
        adata.varp[key] = value if whole else _spread_pairs(value, columns, adata.n_vars)
    for key, value in delta.varm.items():
        adata.varm[key] = value if whole else _spread_rows(value, columns, adata.var_names)
    for key, value in delta.layers.items():
        adata.layers[key] = value if whole else _spread_layer(value, columns, adata.n_vars)
    for key, value in delta.uns.items():
        if key == _keys.UNS:
            adata.uns[key] = {**adata.uns.get(key, {}), **value}
        else:
            adata.uns[key] = value


def write(delta: AnnData, path: Path) -> None:
    """Write a delta atomically."""
    write_atomic(path, delta.write_h5ad)


def read(path: Path) -> AnnData:
    """Read a delta."""
    return ad.read_h5ad(path)


def _spread_column(column: pd.Series, names: pd.Index) -> pd.Series:
    if column.dtype == bool:
        return column.reindex(names, fill_value=False)
    return column.reindex(names)


def _spread_pairs(matrix: Any, columns: np.ndarray, n: int) -> sparse.csr_matrix:
    small = sparse.coo_matrix(matrix)
    return sparse.csr_matrix((small.data, (columns[small.row], columns[small.col])), shape=(n, n))


def _spread_rows(value: Any, columns: np.ndarray, names: pd.Index) -> Any:
    if isinstance(value, pd.DataFrame):
        return value.reindex(names)
    spread = np.full((len(names), *np.asarray(value).shape[1:]), np.nan)
    spread[columns] = value
    return spread


def _spread_layer(value: Any, columns: np.ndarray, n: int) -> sparse.csr_matrix:
    small = sparse.coo_matrix(value)
    return sparse.csr_matrix((small.data, (small.row, columns[small.col])), shape=(small.shape[0], n))
