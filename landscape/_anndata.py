"""The only door between arrays and AnnData: everything read is checked, everything written is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from landscape import _counts, _keys

logger = logging.getLogger(__name__)


def require_adata(adata: Any) -> AnnData:
    """Refuse anything but an AnnData object held in memory."""
    if not isinstance(adata, AnnData):
        msg = f"Expected an AnnData object, found {type(adata).__name__}; read a file with `anndata.read_h5ad(path)`."
        raise TypeError(msg)
    if adata.isbacked:
        msg = "Expected an AnnData object in memory, found a backed one; load it with `adata.to_memory()`."
        raise ValueError(msg)
    return adata


def read(adata: AnnData, slot: str, key: str, *, hint: str) -> Any:
    """Value of ``adata.<slot>[key]``, or a KeyError that says what is there and which call makes it."""
    store = getattr(adata, slot)
    if key not in store:
        msg = f"`adata.{slot}[{key!r}]` is missing; {hint}. Present: {sorted(map(str, store.keys()))}."
        raise KeyError(msg)
    return store[key]


def write(adata: AnnData, slot: str, key: str, value: Any, *, what: str) -> None:
    """Set ``adata.<slot>[key]`` and log it."""
    getattr(adata, slot)[key] = value
    logger.info("added `adata.%s[%r]`, %s", slot, key, what)


def read_result(adata: AnnData, name: str, *, hint: str) -> dict[str, Any]:
    """Record ``adata.uns["landscape"][name]``."""
    results = adata.uns.get(_keys.UNS, {})
    if name not in results:
        msg = f"`adata.uns[{_keys.UNS!r}][{name!r}]` is missing; {hint}. Present: {sorted(results)}."
        raise KeyError(msg)
    return results[name]


def write_result(
    adata: AnnData, name: str, record: Mapping[str, Any], *, params: Mapping[str, Any], what: str = ""
) -> None:
    """Set ``adata.uns["landscape"][name]`` to ``record`` with its parameters beside it, and log it."""
    results = dict(adata.uns.get(_keys.UNS, {}))
    results[name] = {**record, "params": plain(params)}
    adata.uns[_keys.UNS] = results
    logger.info("added `adata.uns[%r][%r]`%s", _keys.UNS, name, f", {what}" if what else "")


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as types that every AnnData file format keeps (``None`` becomes ``"none"``)."""
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


def count_matrix(adata: AnnData, layer: str | None = _keys.COUNTS, *, check: bool = True) -> sparse.csr_matrix:
    """Counts of a layer (``None``: ``adata.X``) as a canonical ``csr_matrix``, every stored value checked.

    Raises
    ------
    KeyError
        If the layer does not exist.
    ValueError
        If a value is negative, not finite or not an integer; the message names the first one.
    """
    require_adata(adata)
    where = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    matrix = adata.X if layer is None else read(adata, "layers", layer, hint="pass `layer=` with the raw counts")
    counts = _counts.canonical(matrix, where=where)
    if check:
        _counts.require_counts(counts, where=where, cells=adata.obs_names, genes=adata.var_names)
    return counts
