"""Reading from and writing to AnnData objects: what is read is checked, what is written is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from landscape import _counts, _keys

logger = logging.getLogger(__name__)


def require_adata(adata: Any) -> AnnData:
    """The object itself, if it is an AnnData object in memory.

    Raises
    ------
    TypeError
        If it is another object.
    ValueError
        If it is backed by a file.
    """
    if not isinstance(adata, AnnData) and hasattr(adata, "mod") and hasattr(adata.mod, "keys"):
        names = list(map(str, adata.mod.keys()))
        msg = f"Expected an AnnData object, found {type(adata).__name__} with the modalities {names}; pass the one of gene expression, `mdata['rna']`."
        raise TypeError(msg)
    if not isinstance(adata, AnnData):
        msg = f"Expected an AnnData object, found {type(adata).__name__}; read a file with `anndata.read_h5ad(path)`."
        raise TypeError(msg)
    if adata.isbacked:
        msg = "Expected an AnnData object in memory, found a backed one; load it with `adata.to_memory()`."
        raise ValueError(msg)
    return adata


def read(adata: AnnData, slot: str, key: str, *, hint: str) -> Any:
    """Value of ``adata.<slot>[key]``.

    Raises
    ------
    KeyError
        If the key is missing; the message has the hint, such as the call that sets it, and the keys that are present.
    """
    store = getattr(adata, slot)
    if key not in store:
        msg = f"`adata.{slot}[{key!r}]` is missing; {hint}. Present: {sorted(map(str, store.keys()))}."
        raise KeyError(msg)
    return store[key]


def read_complete(adata: AnnData, key: str, *, hint: str) -> pd.Series:
    """Column ``adata.obs[key]``, in which every cell has a value.

    Raises
    ------
    KeyError
        If the column is missing, as for :func:`read`.
    ValueError
        If a cell has no value.
    """
    column = read(adata, "obs", key, hint=hint)
    if n_missing := int(column.isna().sum()):
        msg = f"{n_missing} of {adata.n_obs} cells have no value in `adata.obs[{key!r}]`; fill it in or drop them."
        raise ValueError(msg)
    return column


def require_unique(names: pd.Index, *, slot: str) -> None:
    """Check that names of cells (``slot="obs_names"``) or genes (``"var_names"``) are unique.

    Raises
    ------
    ValueError
        If a name is repeated.
    """
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        msg = (
            f"Expected unique names in `adata.{slot}`, found {len(repeated)} repeated, for instance "
            f"{list(repeated[:3])}; run `adata.{slot}_make_unique()`."
        )
        raise ValueError(msg)


def write(adata: AnnData, slot: str, key: str, value: Any, *, what: str) -> None:
    """Set ``adata.<slot>[key]`` and log it.

    Raises
    ------
    TypeError
        If the h5ad and zarr formats do not keep the value.
    """
    _require_storable(value, f"adata.{slot}[{key!r}]")
    getattr(adata, slot)[key] = value
    logger.info("added `adata.%s[%r]`, %s", slot, key, what)


def results_of(adata: AnnData) -> dict[str, Any]:
    """Records in ``adata.uns["landscape"]`` by name; empty without any.

    Raises
    ------
    ValueError
        If a version of the package with another schema wrote them.
    """
    stored = adata.uns.get(_keys.UNS, {})
    results = {name: record for name, record in stored.items() if name != _keys.SCHEMA}
    if results and int(stored.get(_keys.SCHEMA, 0)) != _keys.SCHEMA_VERSION:
        msg = (
            f"Expected results of schema {_keys.SCHEMA_VERSION} in `adata.uns[{_keys.UNS!r}]`, found schema "
            f"{int(stored.get(_keys.SCHEMA, 0))}: another version wrote them. Remove them with "
            f"`del adata.uns[{_keys.UNS!r}]` and run the tools again."
        )
        raise ValueError(msg)
    return results


def read_result(adata: AnnData, name: str, *, hint: str) -> dict[str, Any]:
    """Record ``adata.uns["landscape"][name]``.

    Raises
    ------
    KeyError
        If it is missing; the message has the hint and the records that are present.
    ValueError
        If a version of the package with another schema wrote it.
    """
    results = results_of(adata)
    if name not in results:
        msg = f"`adata.uns[{_keys.UNS!r}][{name!r}]` is missing; {hint}. Present: {sorted(results)}."
        raise KeyError(msg)
    return results[name]


def write_result(
    adata: AnnData, name: str, record: Mapping[str, Any], *, params: Mapping[str, Any], what: str = ""
) -> None:
    """Set ``adata.uns["landscape"][name]`` to a record with its parameters, and log it.

    Raises
    ------
    TypeError
        If the h5ad and zarr formats do not keep a value.
    ValueError
        If a version of the package with another schema wrote the other records.
    """
    results = results_of(adata)
    results[name] = {**record, "params": plain(params)}
    _require_storable(results[name], f"adata.uns[{_keys.UNS!r}][{name!r}]")
    adata.uns[_keys.UNS] = {_keys.SCHEMA: _keys.SCHEMA_VERSION, **results}
    logger.info("added `adata.uns[%r][%r]`%s", _keys.UNS, name, f", {what}" if what else "")


def forget_result(adata: AnnData, name: str) -> None:
    """Remove ``adata.uns["landscape"][name]``, if present, because it describes a result that was replaced."""
    if name in results_of(adata):
        adata.uns[_keys.UNS] = {key: value for key, value in adata.uns[_keys.UNS].items() if key != name}


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as types that every AnnData file format keeps; ``None`` becomes ``"none"``."""
    result: dict[str, Any] = {}
    for key, value in params.items():
        if value is None:
            result[key] = "none"
        elif isinstance(value, Mapping):
            result[key] = plain(value)
        elif isinstance(value, bool | int | float | str | np.ndarray):
            result[key] = value
        elif isinstance(value, np.generic):
            result[key] = value.item()
        elif isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            result[key] = np.array(value, dtype=object)
        elif isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value):
            result[key] = np.array(value)
        else:
            result[key] = str(value)
    return result


def _require_storable(value: Any, where: str) -> None:
    """Check that the h5ad and zarr formats keep a value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or "/" in key or not key:
                msg = f"Expected keys that are names without '/' in `{where}`, found {key!r}."
                raise TypeError(msg)
            _require_storable(inner, f"{where}[{key!r}]")
    elif isinstance(value, pd.DataFrame):
        if value.columns.inferred_type not in ("string", "empty"):
            msg = f"Expected names as columns of `{where}`, found {value.columns.inferred_type} ones."
            raise TypeError(msg)
        for column in value:
            _require_storable(value[column], f"{where}[{column!r}]")
    elif pd.api.types.is_object_dtype(getattr(value, "dtype", float)):
        kind = pd.api.types.infer_dtype(np.ravel(value), skipna=True)
        if kind not in ("string", "empty"):
            msg = f"Expected numbers or names in `{where}`, found {kind} objects."
            raise TypeError(msg)
    elif not (hasattr(value, "dtype") or sparse.issparse(value) or isinstance(value, bool | int | float | str)):
        msg = f"Expected arrays, tables, numbers or names in `{where}`, found {type(value).__name__}."
        raise TypeError(msg)


def count_matrix(
    adata: AnnData, layer: str | None = _keys.COUNTS, *, check: bool = True, filled: bool = False
) -> sparse.csr_matrix:
    """Counts of a layer (``None`` or ``"X"`` for ``adata.X``) as a canonical ``csr_matrix``.

    Parameters
    ----------
    adata
        Annotated data.
    layer
        Layer of raw counts.
    check
        Check every stored value.
    filled
        Check also that every cell has counts.

    Raises
    ------
    KeyError
        If the layer does not exist.
    TypeError
        If the values are no numbers, are on disk, or are in a lazy array.
    ValueError
        If there are no cells or no genes, gene names are repeated, or a value is negative, not finite or not an
        integer; the message gives the first such value.
    """
    require_adata(adata)
    if check and not (adata.n_obs and adata.n_vars):
        msg = f"Expected cells and genes, found {adata.n_obs} cells and {adata.n_vars} genes; check earlier filters."
        raise ValueError(msg)
    if layer is None or layer == _keys.MAIN:
        matrix, where = adata.X, "adata.X"
    else:
        matrix = read(adata, "layers", layer, hint="pass `layer=` with the raw counts, 'X' for `adata.X`")
        where = f"adata.layers[{layer!r}]"
    counts = _counts.canonical(matrix, where=where)
    if check:
        require_unique(adata.var_names, slot="var_names")
        _counts.require_counts(counts, where=where, cells=adata.obs_names, genes=adata.var_names)
    if filled:
        _counts.require_filled(counts, where=where, cells=adata.obs_names)
    return counts
