"""Which way development runs: what a data set offers to tell it, and the choice among the offers."""

from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._run.settings import Settings
from landscape.dynamics import (
    Combination,
    Direction,
    from_pseudotime,
    from_root,
    from_time,
    from_unspliced,
    from_velocity,
)
from landscape.tl._clock import pseudotimes, time_points

logger = logging.getLogger(__name__)

# More distinct values than this are a clock of single cells, not the days on which samples were taken.
MOST_TIME_POINTS = 50
_TIME = re.compile(r"^(day|days|time|age|hour|hours|hpf|dpf|timepoint|time[_. ].*)$", re.IGNORECASE)
_PSEUDOTIME = re.compile(r"pseudo_?time|^latent_time$", re.IGNORECASE)


_WORDS = {
    "time": ("real time points in obs[{!r}]", "--time-key"),
    "unspliced": ("unspliced counts in layers[{!r}]", "--unspliced"),
    "velocity": ("the velocity in layers[{!r}]", "--velocity-layer"),
    "pseudotime": ("the pseudotime in obs[{!r}]", "--pseudotime-key"),
    "root": ("the root {!r}", "--root"),
    "transitions": ("transitions between cells in obsp[{!r}]", ""),
}


def describe(direction: Direction) -> str:
    """Source of direction in words."""
    if direction.genes:
        return f"a root where {', '.join(direction.genes)} are high"
    return _WORDS[direction.source][0].format(direction.key)


def option(direction: Direction) -> str:
    """Command-line option that asks for a source."""
    return f"{_WORDS[direction.source][1]} {direction.key}"


def offers(adata: AnnData) -> list[Direction]:
    """Sources of direction in the data, the most telling first."""
    found = [from_time(name) for name in time_columns(adata)]
    if _keys.UNSPLICED in adata.layers:
        found.append(from_unspliced(_keys.UNSPLICED))
    if "velocity" in adata.layers:
        found.append(from_velocity("velocity"))
    found += [
        from_pseudotime(str(name))
        for name in adata.obs.columns
        if _PSEUDOTIME.search(str(name)) and _is_clock(adata.obs[name])
    ]
    if "iroot" in adata.uns:
        found.append(from_root(str(adata.obs_names[int(adata.uns["iroot"])])))
    return found


def time_columns(adata: AnnData) -> list[str]:
    """Columns of ``adata.obs`` that hold a few numeric time points, ``day`` first."""
    names = [str(name) for name in adata.obs.columns if _TIME.match(str(name)) and _is_time(adata.obs[name])]
    return sorted(names, key=lambda name: (name.lower() != "day", adata.obs.columns.get_loc(name)))


def choose(adata: AnnData, settings: Settings) -> tuple[Direction, ...]:
    """Sources that the settings name, else the most telling one that the data offer.

    Raises
    ------
    KeyError
        If a named column or layer is missing.
    ValueError
        If nothing is named and nothing is offered; the message lists what there is.
    """
    asked = _asked(adata, settings)
    if asked:
        for direction in asked:
            logger.info("direction: %s, as asked", describe(direction))
        return tuple(asked)
    found = offers(adata)
    if not found:
        raise ValueError(_nothing_found(adata))
    others = f" (not used: {'; '.join(map(describe, found[1:]))})" if found[1:] else ""
    logger.info("direction: %s, found in the data%s", describe(found[0]), others)
    return (found[0],)


def combined(directions: tuple[Direction, ...]) -> Direction | Combination:
    """Record for :func:`landscape.tl.dynamics` that holds all of the sources."""
    return directions[0] if len(directions) == 1 else Combination(directions)


def _asked(adata: AnnData, settings: Settings) -> list[Direction]:
    asked: list[Direction] = []
    for key, slot, make in (
        (settings.time_key, "obs", from_time),
        (settings.unspliced, "layers", from_unspliced),
        (settings.velocity_layer, "layers", from_velocity),
        (settings.pseudotime_key, "obs", from_pseudotime),
    ):
        if key is None:
            continue
        if key not in getattr(adata, slot):
            msg = f"`adata.{slot}[{key!r}]` is missing. Present: {sorted(map(str, getattr(adata, slot).keys()))}."
            raise KeyError(msg)
        if slot == "obs":
            # A clock that tells no direction is refused before anything is computed.
            (time_points if make is from_time else pseudotimes)(adata, key)
        asked.append(make(key))
    if settings.root is not None:
        asked.append(from_root(_checked_root(adata, settings.root)))
    if settings.root_genes is not None:
        if missing := [gene for gene in settings.root_genes if gene not in adata.var_names]:
            msg = f"Root genes {missing} are not among the genes (for instance {list(adata.var_names[:3])})."
            raise KeyError(msg)
        asked.append(from_root(genes=settings.root_genes))
    return asked


def _checked_root(adata: AnnData, root: str) -> str:
    if root in adata.obs_names:
        return root
    column, equals, value = root.partition("=")
    if not equals:
        msg = f"No cell is named {root!r}; name a cell (for instance {adata.obs_names[0]!r}) or a group as `column=value`."
        raise KeyError(msg)
    if column not in adata.obs:
        msg = f"`adata.obs[{column!r}]` is missing. Present: {sorted(map(str, adata.obs.columns))}."
        raise KeyError(msg)
    present = adata.obs[column].astype(str)
    if not (present == value).any():
        msg = f"No cell has {value!r} in `adata.obs[{column!r}]`; its values are {sorted(present.unique())[:12]}."
        raise ValueError(msg)
    return root


def _is_time(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    values = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=float)
    return bool(np.isfinite(values).all()) and 2 <= len(np.unique(values)) <= MOST_TIME_POINTS


def _is_clock(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(np.isfinite(column.to_numpy(dtype=float)).all())


def _nothing_found(adata: AnnData) -> str:
    groups = [str(c) for c in adata.obs.columns if 2 <= adata.obs[c].nunique() <= MOST_TIME_POINTS]
    example = f", for instance `--root {groups[0]}={adata.obs[groups[0]].iloc[0]}`" if groups else ""
    return (
        "Nothing in the data tells which way development runs, and counts alone cannot. Looked for real time "
        "(obs['day'], obs['time'], ...), layers['unspliced'], layers['velocity'], a pseudotime, uns['iroot']. The data "
        f"offer: obs {sorted(map(str, adata.obs.columns))}, layers {sorted(map(str, adata.layers.keys()))}. Say it with "
        f"--time-key, --root CELL or column=value{example}, --root-genes, --pseudotime-key, --unspliced or "
        "--velocity-layer (in Python: `direction=ls.dynamics.from_root(...)`)."
    )
