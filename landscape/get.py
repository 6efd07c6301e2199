"""Results in the form that other packages take: graphs of networkx and tidy tables of pandas."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, require_adata

__all__ = ["edges", "network"]

_HINT = "run `landscape.tl.network(adata)` first"


def edges(
    adata: AnnData, *, key: str = _keys.NETWORK, threshold: float | None = None, supported: bool = True
) -> pd.DataFrame:
    """Edges of a network as a table, strongest first.

    Parameters
    ----------
    adata
        Annotated data with a network.
    key
        Name of the network.
    threshold
        Smallest magnitude of the weight, ``None`` for all.
    supported
        Only edges of the support; ``False`` for all scores.

    Returns
    -------
    Table with one row per edge: ``source``, ``target``, ``weight``, ``sign`` (-1 or 1), ``supported``, and ``stability``,
    ``sd`` and ``fdr`` where they were computed.

    Raises
    ------
    KeyError
        If there is no network of that name.
    """
    adata = require_adata(adata)
    weights = read(adata, "varp", key, hint=_HINT).tocoo()
    kept = weights.data != 0
    if threshold is not None:
        kept &= np.abs(weights.data) >= threshold
    row, column, weight = weights.row[kept], weights.col[kept], weights.data[kept]
    support_key = key + _keys.SUPPORT_SUFFIX
    in_support = np.ones(len(row), dtype=bool)
    if support_key in adata.varp:
        in_support = _values(adata, support_key, row, column) > 0
    if supported:
        row, column, weight, in_support = (part[in_support] for part in (row, column, weight, in_support))
    names = adata.var_names.to_numpy()
    table: dict[str, Any] = {
        "source": names[row],
        "target": names[column],
        "weight": weight,
        "sign": np.sign(weight).astype(int),
        "supported": in_support,
    }
    for name in ("stability", "sd", "fdr"):
        if f"{key}_{name}" in adata.varp:
            table[name] = _values(adata, f"{key}_{name}", row, column)
    result = pd.DataFrame(table)
    return result.sort_values("weight", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def network(
    adata: AnnData, *, key: str = _keys.NETWORK, threshold: float | None = None, supported: bool = True
) -> nx.DiGraph:
    """Network as a graph from regulators to targets.

    Parameters
    ----------
    adata, key, threshold, supported
        As for :func:`edges`.

    Returns
    -------
    Graph whose nodes carry ``regulator`` (bool) and whose edges carry the columns of :func:`edges`.
    """
    table = edges(adata, key=key, threshold=threshold, supported=supported)
    flag = _keys.IN_NETWORK if key == _keys.NETWORK else f"regulator_in_{key}"
    regulators = set(adata.var_names[read(adata, "var", flag, hint=_HINT).to_numpy(dtype=bool)])
    graph = nx.DiGraph(name=key)
    graph.add_nodes_from((name, {"regulator": True}) for name in adata.var_names if name in regulators)
    attributes = [column for column in table.columns if column not in ("source", "target")]
    records = table[attributes].to_dict(orient="records")
    graph.add_edges_from(zip(table["source"], table["target"], records, strict=True))
    for name in graph:
        graph.nodes[name]["regulator"] = name in regulators
    return graph


def _values(adata: AnnData, key: str, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    if not len(row):  # scipy answers an empty request with a matrix
        return np.empty(0)
    return np.asarray(adata.varp[key].tocsr()[row, column]).ravel()
