"""Networks as tables of edges, matrices and graphs."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, read_result, require_adata
from landscape.dynamics.drift import hill_response
from landscape.network import degrees, differences

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
        Minimum absolute weight; ``None``: no limit.
    supported
        Return supported edges only.

    Returns
    -------
    Table with one row per edge: ``source``, ``target``, ``weight``, ``sign`` (-1 or 1), ``supported``, and ``stability``,
    ``sd`` and ``fdr`` if they were computed.

    Raises
    ------
    KeyError
        If there is no network of that name.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.get.edges(adata, threshold=0.1).head()  # doctest: +SKIP
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
    Graph. Its nodes have the attribute ``regulator`` and the columns of :func:`landscape.network.degrees`, its edges the
    columns of :func:`edges`.

    Raises
    ------
    KeyError
        If there is no network of that name.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> graph = ls.get.network(adata)  # doctest: +SKIP
    >>> list(graph.successors("Gata1"))  # doctest: +SKIP
    """
    table = edges(adata, key=key, threshold=threshold, supported=supported)
    regulators = set(adata.var_names[_is_regulator(adata, key)])
    graph = nx.DiGraph(name=key)
    graph.add_nodes_from((name, {"regulator": True}) for name in adata.var_names if name in regulators)
    attributes = [column for column in table.columns if column not in ("source", "target")]
    records = table[attributes].to_dict(orient="records")
    graph.add_edges_from(zip(table["source"], table["target"], records, strict=True))
    known = degrees(table).reindex(list(graph), fill_value=0).to_dict(orient="index")
    for name in graph:
        graph.nodes[name].update(known[name], regulator=name in regulators)
    return graph


def regulator_weights(adata: AnnData, *, key: str = _keys.NETWORK) -> pd.DataFrame:
    """Weights of the supported edges among the regulators of a network, as a square matrix.

    Parameters
    ----------
    adata
        Annotated data with a network.
    key
        Name of the network.

    Returns
    -------
    Table with sources in rows and targets in columns, zero where there is no supported edge.

    Raises
    ------
    KeyError
        If there is no network of that name.
    """
    table = edges(adata, key=key)
    names = adata.var_names[_is_regulator(adata, key)]
    inner = table[table["target"].isin(names)]
    matrix = inner.pivot_table(index="source", columns="target", values="weight", aggfunc="sum", fill_value=0.0)
    return matrix.reindex(index=names, columns=names, fill_value=0.0)


def regulation(adata: AnnData, *, supported: bool = False) -> pd.DataFrame:
    r"""Edges of the fitted model as a table, largest effect first.

    Edges of a network are statistical associations; edges of the model are the weights of its production rates.
    ``support`` measures how well the cells determine an edge: the share of regressions on resamples, each with other prior
    weights, in which the edge has the same sign. If regulators are correlated in all cells, the cells do not determine
    which of them acts, and the support is low.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).
    supported
        Return only edges with the same sign in all regressions; needs ``n_replicates`` of at least 2.

    Returns
    -------
    Table with one row per edge: ``source``, ``target``, ``weight`` :math:`W_{ij}`, ``sign``, ``effect``
    :math:`W_{ij}\,\mathrm{sd}\,\phi_j(x)`, the change of the input of the target when the response to the source changes by
    its standard deviation over cells, and ``support`` and ``sd`` of the weight if they were computed.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If ``supported`` is true and the model has no replicates.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.get.regulation(adata).query("target == 'Gata1'")  # doctest: +SKIP
    """
    hint = "run `landscape.tl.dynamics` first"
    record = read_result(require_adata(adata), _keys.DYNAMICS, hint=hint)
    if supported and "edge_support" not in record:
        msg = "Expected a model with replicates for `supported=True`, found none; run `landscape.tl.dynamics(n_replicates=10)`."
        raise ValueError(msg)
    weights = np.asarray(record["weights"], dtype=float)
    names = np.asarray(record["regulators"]).astype(str)
    target, source = np.nonzero(weights)
    x = read(adata, "obsm", _keys.STATE, hint=hint)[list(names)].to_numpy(dtype=float)
    threshold, hill = (torch.as_tensor(np.array(record[name], dtype=float)) for name in ("threshold", "hill"))
    spread = hill_response(torch.as_tensor(x), threshold, hill).std(0, correction=0).numpy()
    weight = weights[target, source]
    table = {
        "source": names[source],
        "target": names[target],
        "weight": weight,
        "sign": np.sign(weight).astype(int),
        "effect": weight * spread[source],
    }
    if "edge_support" in record:
        table["support"] = np.asarray(record["edge_support"])[target, source]
        table["sd"] = np.asarray(record["edge_sd"])[target, source]
    result = pd.DataFrame(table)
    if supported:
        result = result[result["support"] == 1]
    return result.sort_values("effect", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def state_edges(
    adata: AnnData, *, state: str | None = None, against: str | None = None, key: str = _keys.STATE_NETWORKS
) -> pd.DataFrame:
    """Edges of the networks of states, or differences between two states.

    Parameters
    ----------
    adata
        Annotated data with networks of states.
    state
        Return this state only.
    against
        Another state, with which ``state`` is compared.
    key
        Name of the networks.

    Returns
    -------
    Table with one row per state and edge: ``state``, ``source``, ``target``, ``weight``, ``sd``, ``shared``. With ``against``,
    one row per edge: ``source``, ``target``, ``weight``, ``weight_against``, ``difference``, ``sd``, ``t``, ``p_value``, ``fdr``
    (:func:`landscape.network.differences`), smallest p-value first.

    Raises
    ------
    KeyError
        If there are no networks of states.
    ValueError
        If there is no such state, or ``against`` is given without ``state``.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.get.state_edges(adata, state="Erythrocyte", against="Monocyte")  # doctest: +SKIP
    """
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.state_networks(adata, groupby=...)` first")
    table = record["edges"].reset_index(drop=True).copy()
    known = list(record["states"]["state"])
    named = [name for name in (state, against) if name is not None]
    if not set(named) <= set(known) or (against is not None and state is None):
        msg = f"Expected `state` out of {known}, and `against` only with `state`, found state={state!r}, against={against!r}."
        raise ValueError(msg)
    if against is None:
        return table if state is None else table[table["state"] == state].reset_index(drop=True)
    here, there = (table[table["state"] == name].reset_index(drop=True) for name in (state, against))
    found = differences(here["weight"], there["weight"], here["sd"], there["sd"])
    result = here[["source", "target", "weight"]].assign(
        weight_against=there["weight"], difference=found.difference, sd=found.sd, t=found.t, p_value=found.p_value,
        fdr=found.fdr,
    )  # fmt: skip
    return result.sort_values("p_value", kind="stable", ignore_index=True)


def _is_regulator(adata: AnnData, key: str) -> np.ndarray:
    """Whether each gene is a regulator of a network, shape ``(n_genes,)``."""
    flag = _keys.IN_NETWORK if key == _keys.NETWORK else f"regulator_in_{key}"
    return read(adata, "var", flag, hint=_HINT).to_numpy(dtype=bool)


def _values(adata: AnnData, key: str, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    if not len(row):  # scipy returns a matrix for empty indices
        return np.empty(0)
    return np.asarray(adata.varp[key].tocsr()[row, column]).ravel()
