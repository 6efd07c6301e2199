"""Results in the form that other packages take: graphs of networkx and tidy tables of pandas."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, read_result, require_adata
from landscape.network import differences, hubs

__all__ = ["attractors", "barriers", "edges", "fates", "network", "paths", "rates", "saddles", "state_edges"]

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
    Graph whose nodes carry ``regulator`` and the columns of :func:`landscape.network.hubs`, its edges those of :func:`edges`.
    """
    table = edges(adata, key=key, threshold=threshold, supported=supported)
    flag = _keys.IN_NETWORK if key == _keys.NETWORK else f"regulator_in_{key}"
    regulators = set(adata.var_names[read(adata, "var", flag, hint=_HINT).to_numpy(dtype=bool)])
    graph = nx.DiGraph(name=key)
    graph.add_nodes_from((name, {"regulator": True}) for name in adata.var_names if name in regulators)
    attributes = [column for column in table.columns if column not in ("source", "target")]
    records = table[attributes].to_dict(orient="records")
    graph.add_edges_from(zip(table["source"], table["target"], records, strict=True))
    known = hubs(table).reindex(list(graph), fill_value=0).to_dict(orient="index")
    for name in graph:
        graph.nodes[name].update(known[name], regulator=name in regulators)
    return graph


def state_edges(
    adata: AnnData, *, state: str | None = None, against: str | None = None, key: str = _keys.STATE_NETWORKS
) -> pd.DataFrame:
    """Edges of the networks of states, or how those of two states differ.

    Parameters
    ----------
    adata
        Annotated data with networks of states.
    state
        Only this state.
    against
        Another state to compare it with.
    key
        Name of the networks.

    Returns
    -------
    ``state``, ``source``, ``target``, ``weight``, ``sd``, ``shared``; with ``against``: ``source``, ``target``, the weights in
    both states, ``difference``, ``sd``, ``t``, ``p_value``, ``fdr`` (:func:`landscape.network.differences`), surest first.

    Raises
    ------
    KeyError
        If there are no networks of states.
    ValueError
        If there is no such state, or ``against`` comes without ``state``.
    """
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.state_networks(adata, groupby=...)` first")
    table = record["edges"].reset_index(drop=True).copy()
    known = list(record["states"]["state"])
    asked = [name for name in (state, against) if name is not None]
    if not set(asked) <= set(known) or (against is not None and state is None):
        msg = f"Expected `state`, and `against` only beside it, out of {known}, found state={state!r}, against={against!r}."
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


def attractors(adata: AnnData, *, states: bool = False) -> pd.DataFrame:
    """Attractors, the one with most cells first.

    Parameters
    ----------
    adata
        Annotated data with attractors.
    states
        Add one column per regulator with its level there.

    Returns
    -------
    One row per attractor: ``attractor``, ``n_cells``, ``leading_eigenvalue`` (per unit of time), ``index``, ``residual``,
    ``converged``, ``distance``, ``observed``, ``support`` (see :func:`landscape.tl.attractors`).

    Raises
    ------
    KeyError
        If there are no attractors.
    """
    return _points(adata, _keys.ATTRACTORS, "attractor", states=states)


def saddles(adata: AnnData, *, states: bool = False) -> pd.DataFrame:
    """Saddles between attractors.

    Parameters
    ----------
    adata
        Annotated data with barriers.
    states
        Add one column per regulator with its level there.

    Returns
    -------
    One row per saddle: ``saddle``, the attractors ``first`` and ``second`` that it joins, ``leading_eigenvalue``,
    ``undecided_width``, ``residual``, ``converged`` (see :func:`landscape.tl.barriers`), and the ``diffusion`` to which the
    width belongs.

    Raises
    ------
    KeyError
        If barriers were not computed.
    """
    return _with_noise(adata, _keys.SADDLES, _points(adata, _keys.SADDLES, "saddle", states=states))


def barriers(adata: AnnData) -> pd.DataFrame:
    """Barriers between attractors, in both directions.

    Parameters
    ----------
    adata
        Annotated data with barriers.

    Returns
    -------
    One row per ordered pair: ``from``, ``to``, ``height``, ``low``, ``high``, ``saddle``, ``converged``, and the ``diffusion``
    with which a height is stated: it scales as its inverse.

    Raises
    ------
    KeyError
        If barriers were not computed.
    """
    return _with_noise(adata, _keys.BARRIERS, _table(adata, _keys.BARRIERS, "table"))


def rates(adata: AnnData) -> pd.DataFrame:
    """Mean first passage times and rates between attractors.

    Parameters
    ----------
    adata
        Annotated data with rates.

    Returns
    -------
    One row per ordered pair: ``from``, ``to``, ``time``, ``low``, ``high``, ``rate``, ``rate_low``, ``rate_high``, ``arrivals``,
    ``method``, ``valid``, ``reason`` (see :func:`landscape.tl.rates`), and the ``diffusion`` with which they are stated.

    Raises
    ------
    KeyError
        If rates were not computed.
    """
    return _with_noise(adata, _keys.RATES, _table(adata, _keys.RATES, "table"))


def paths(
    adata: AnnData, *, start: str | None = None, end: str | None = None, moving: bool = True, states: bool = False
) -> pd.DataFrame:
    """Genes along the paths between attractors, in the order in which they move.

    Parameters
    ----------
    adata
        Annotated data with paths.
    start, end
        Only paths from, or to, an attractor of this name.
    moving
        Only genes that move.
    states
        The states along the paths instead: one row per point and one column per regulator.

    Returns
    -------
    One row per path and gene: ``from``, ``to``, ``saddle``, ``rank``, ``gene``, ``moves``, ``change``, ``travel``, ``half_step``,
    ``half_action`` (see :func:`landscape.tl.paths`); with ``states`` one row per point: ``from``, ``to``, ``saddle``, ``part``,
    ``step``, ``cost`` (action spent), and the levels of the regulators.

    Raises
    ------
    KeyError
        If paths were not computed.
    ValueError
        If no path leads from ``start`` to ``end``.
    """
    table = _table(adata, _keys.PATHS, "table" if states else "genes")
    if states:
        place = table.columns.get_loc("step") + 1
        table.insert(place, "cost", _table(adata, _keys.PATHS, "cost")["cost"].to_numpy())
    for column, name in (("from", start), ("to", end)):
        if name is not None:
            table = table[table[column].astype(str) == name]
    if table.empty and (start is not None or end is not None):
        known = _table(adata, _keys.PATHS, "summary")
        pairs = [f"{a} to {b}" for a, b in zip(known["from"], known["to"], strict=True)]
        msg = f"Expected a path from {start or 'anywhere'} to {end or 'anywhere'}, found none; there are {pairs}."
        raise ValueError(msg)
    if moving and not states:
        table = table[table["moves"].astype(bool)]
    return table.reset_index(drop=True)


def fates(adata: AnnData, *, key: str = _keys.FATES) -> pd.DataFrame:
    """Fate probabilities in long form, as plotting libraries take them.

    Parameters
    ----------
    adata
        Annotated data with fates.
    key
        Name of the fates in :attr:`~anndata.AnnData.obsm`.

    Returns
    -------
    One row per cell and fate: ``cell``, ``fate``, ``probability``.

    Raises
    ------
    KeyError
        If there are no fates of that name.
    """
    adata = require_adata(adata)
    wide = read(adata, "obsm", key, hint="run `landscape.tl.fates(adata)` first")
    n, k = wide.shape
    return pd.DataFrame(
        {
            "cell": np.repeat(wide.index.to_numpy(), k),
            "fate": np.tile(wide.columns.to_numpy(), n),
            "probability": wide.to_numpy(dtype=float).ravel(),
        }
    )


_MAKERS = {
    _keys.ATTRACTORS: "attractors",
    _keys.SADDLES: "barriers",
    _keys.BARRIERS: "barriers",
    _keys.RATES: "rates",
    _keys.PATHS: "paths",
}


def _record(adata: AnnData, key: str) -> dict[str, Any]:
    return read_result(require_adata(adata), key, hint=f"run `landscape.tl.{_MAKERS[key]}(adata)` first")


def _table(adata: AnnData, key: str, name: str) -> pd.DataFrame:
    """Copy of a table of a result, numbered."""
    record = _record(adata, key)
    if name not in record:
        msg = f"`adata.uns[{_keys.UNS!r}][{key!r}]` has no {name!r}; run `landscape.tl.{_MAKERS[key]}(adata)` again."
        raise KeyError(msg)
    return record[name].reset_index(drop=True).copy()


def _points(adata: AnnData, key: str, title: str, *, states: bool) -> pd.DataFrame:
    """Table of states with their names as a column, and their levels beside it if asked for."""
    record = _record(adata, key)
    table = record["table"].join(record["states"]) if states else record["table"]
    return table.rename_axis(title).reset_index()


def _with_noise(adata: AnnData, key: str, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(diffusion=float(_record(adata, key)["params"]["diffusion"]))


def _values(adata: AnnData, key: str, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    if not len(row):  # scipy answers an empty request with a matrix
        return np.empty(0)
    return np.asarray(adata.varp[key].tocsr()[row, column]).ravel()
