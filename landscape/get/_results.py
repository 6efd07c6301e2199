"""Results of the fitted model and of the directed chain as tidy tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, read_result, require_adata
from landscape.topography.fates.destinations import standard_error


def attractors(adata: AnnData, *, states: bool = False) -> pd.DataFrame:
    """Attractors of the fitted model, in decreasing order of their numbers of cells.

    Parameters
    ----------
    adata
        Annotated data with attractors.
    states
        Add a column for each regulator with its level in the state.

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


def terminal_states(adata: AnnData) -> pd.DataFrame:
    """Terminal states of the directed chain of cells.

    A rare fate may have a terminal state and no attractor.

    Parameters
    ----------
    adata
        Annotated data with terminal states.

    Returns
    -------
    One row per terminal state: ``terminal``, ``n_cells``, ``n_basin``, ``gathering``, ``arrival``, ``n_ends``, and, where
    attractors are known, the nearest ``attractor`` (see :func:`landscape.tl.terminal_states`).

    Raises
    ------
    KeyError
        If terminal states were not computed.
    """
    return _points(adata, _keys.TERMINAL_STATES, "terminal", states=False)


def structure(adata: AnnData) -> pd.DataFrame:
    """Tests of structure: whether the data support a landscape.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.structure`.

    Returns
    -------
    One row per test: ``test``, ``statistic``, ``by_chance`` (its mean under the null hypothesis), ``p_value``, ``passed``,
    ``note``.

    Raises
    ------
    KeyError
        If structure was not tested.
    """
    record = read_result(require_adata(adata), _keys.STRUCTURE, hint="run `landscape.tl.structure` first")
    return record["table"].rename_axis("test").reset_index()


def saddles(adata: AnnData, *, states: bool = False) -> pd.DataFrame:
    """Transition states: saddles between attractors.

    Parameters
    ----------
    adata
        Annotated data with barriers.
    states
        Add a column for each regulator with its level in the state.

    Returns
    -------
    One row per saddle: ``saddle``, the attractors ``first`` and ``second`` that it joins, ``leading_eigenvalue``,
    ``undecided_width``, ``residual``, ``converged`` (see :func:`landscape.tl.barriers`), and the ``diffusion`` for
    which the width holds.

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
    for which the height holds; it scales as its inverse.

    Raises
    ------
    KeyError
        If barriers were not computed.
    """
    return _with_noise(adata, _keys.BARRIERS, _table(adata, _keys.BARRIERS, "table"))


def rates(adata: AnnData) -> pd.DataFrame:
    """Mean first passage times and transition rates between attractors.

    Parameters
    ----------
    adata
        Annotated data with rates.

    Returns
    -------
    One row per ordered pair: ``from``, ``to``, ``time``, ``low``, ``high``, ``rate``, ``rate_low``, ``rate_high``, ``arrivals``,
    ``method``, ``valid``, ``reason`` (see :func:`landscape.tl.rates`), and the ``diffusion`` for which they hold.

    Raises
    ------
    KeyError
        If rates were not computed.
    """
    return _with_noise(adata, _keys.RATES, _table(adata, _keys.RATES, "table"))


def paths(
    adata: AnnData, *, start: str | None = None, end: str | None = None, moving: bool = True, states: bool = False
) -> pd.DataFrame:
    """Genes along the minimum-action paths between attractors, in the order in which they change.

    Parameters
    ----------
    adata
        Annotated data with paths.
    start, end
        Return only paths from, or to, the attractor of this name.
    moving
        Return only genes that move.
    states
        Return the states along the paths instead: one row per point and one column per regulator.

    Returns
    -------
    One row per path and gene: ``from``, ``to``, ``saddle``, ``rank``, ``gene``, ``moves``, ``change``, ``travel``, ``half_step``,
    ``half_action`` (see :func:`landscape.tl.paths`); with ``states`` one row per point: ``from``, ``to``, ``saddle``, ``part``,
    ``step``, ``cost`` (action up to the point), and the levels of the regulators.

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
    """Fate probabilities of the chain and of the model in long form.

    Parameters
    ----------
    adata
        Annotated data with fates.
    key
        Name of the fates in :attr:`~anndata.AnnData.obsm`.

    Returns
    -------
    One row per cell and fate: ``cell``, ``fate``, ``probability`` on the directed chain of cells. If
    :func:`landscape.tl.fates` simulated the model, also ``model``, the probability by the model, its standard ``error``,
    and, by cell, ``disagreement`` (total variation between the two) and ``flag`` (``"agree"`` or ``"differ"``); these are
    missing in cells that were not simulated.

    Raises
    ------
    KeyError
        If there are no fates of that name.
    """
    adata = require_adata(adata)
    wide = read(adata, "obsm", key, hint="run `landscape.tl.fates(adata)` first")
    model_key, distance, flag = (f"{key}{suffix}" for suffix in _keys.FATES_COMPARED)
    model = adata.obsm.get(model_key)
    # The model may have attractors at which no cell is absorbed.
    names = list(wide.columns) if model is None else list(wide.columns.append(model.columns.difference(wide.columns)))
    n, k = len(wide), len(names)
    table = pd.DataFrame(
        {
            "cell": np.repeat(wide.index.to_numpy(), k),
            "fate": np.tile(np.array(names, dtype=object), n),
            "probability": wide.reindex(columns=names, fill_value=0.0).to_numpy(dtype=float).ravel(),
        }
    )
    if model is None:
        return table
    share = model.reindex(columns=names, fill_value=0.0).to_numpy(dtype=float)
    n_replicates = int(
        read_result(adata, _keys.FATES_PARAMS, hint="run `landscape.tl.fates`")["params"]["n_replicates"]
    )
    return table.assign(
        model=share.ravel(),
        error=standard_error(share, n_replicates).ravel(),
        disagreement=np.repeat(adata.obs[distance].to_numpy(), k),
        flag=adata.obs[flag].repeat(k).array,
    )


def drivers(adata: AnnData, *, fate: str | None = None, key: str = _keys.DRIVERS) -> pd.DataFrame:
    """Driver genes of each fate, in decreasing order of the contrast with its neighbouring fate.

    Parameters
    ----------
    adata
        Annotated data with drivers.
    fate
        Return this fate only.
    key
        Name of the result.

    Returns
    -------
    One row per gene and fate: ``gene``, ``fate``, ``neighbour``, ``contrast``, ``contrast_lower``, ``contrast_upper``,
    ``contrast_p``, ``contrast_q``, ``half_fate``, ``correlation``, ``lower``, ``upper``, ``p_value``, ``q_value``, ``regulator``
    (see :func:`landscape.tl.drivers`); genes of one contrast are in decreasing order of correlation, and those without
    variation come last.

    Raises
    ------
    KeyError
        If drivers were not computed.
    ValueError
        If there is no such fate.
    """
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.drivers(adata)` first")
    table = record["table"].copy()
    fates = list(dict.fromkeys(table["fate"].astype(str)))
    if fate is not None and fate not in fates:
        msg = f"Expected `fate` out of {fates}, found {fate!r}."
        raise ValueError(msg)
    order = table["fate"].astype(str).map(fates.index)
    sorted_ = table.assign(_order=order).sort_values(
        ["_order", "contrast", "correlation"], ascending=[True, False, False], kind="stable"
    )
    kept = sorted_ if fate is None else sorted_[sorted_["fate"].astype(str) == fate]
    return kept.drop(columns="_order").reset_index(drop=True)


# Tool that writes each result.
_TOOLS = {
    _keys.ATTRACTORS: "attractors",
    _keys.TERMINAL_STATES: "terminal_states",
    _keys.SADDLES: "barriers",
    _keys.BARRIERS: "barriers",
    _keys.RATES: "rates",
    _keys.PATHS: "paths",
}


def _record(adata: AnnData, key: str) -> dict[str, Any]:
    return read_result(require_adata(adata), key, hint=f"run `landscape.tl.{_TOOLS[key]}(adata)` first")


def _table(adata: AnnData, key: str, name: str) -> pd.DataFrame:
    """Copy of a table of a result, numbered."""
    record = _record(adata, key)
    if name not in record:
        msg = f"`adata.uns[{_keys.UNS!r}][{key!r}]` has no {name!r}; run `landscape.tl.{_TOOLS[key]}(adata)` again."
        raise KeyError(msg)
    return record[name].reset_index(drop=True).copy()


def _points(adata: AnnData, key: str, title: str, *, states: bool) -> pd.DataFrame:
    """Table of states with their names as a column; with ``states``, also their levels."""
    record = _record(adata, key)
    table = record["table"].join(record["states"]) if states else record["table"]
    return table.rename_axis(title).reset_index()


def _with_noise(adata: AnnData, key: str, table: pd.DataFrame) -> pd.DataFrame:
    """Table with the diffusion constant to which its numbers belong."""
    return table.assign(diffusion=float(_record(adata, key)["params"]["diffusion"]))
