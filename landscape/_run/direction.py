"""Which way development runs: what a data set offers to tell it, and the choice among the offers."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._run.settings import Settings

logger = logging.getLogger(__name__)

# More distinct values than this are a clock of single cells, not the days on which samples were taken.
MOST_TIME_POINTS = 50
_TIME = re.compile(r"^(day|days|time|age|hour|hours|hpf|dpf|timepoint|time[_. ].*)$", re.IGNORECASE)
_PSEUDOTIME = re.compile(r"pseudo_?time|^latent_time$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Direction:
    """A source of direction.

    Attributes
    ----------
    source
        ``"time"``, ``"unspliced"``, ``"velocity"``, ``"pseudotime"`` or ``"root"``.
    key
        Its column, layer, or root; genes separated by commas for ``"root_genes"``.
    grade
        Identifiability that it can reach: ``"B"`` time series, ``"C"`` velocity or directed pseudotime.
    """

    source: str
    key: str
    grade: str

    def __str__(self) -> str:
        return {
            "time": f"real time points in obs[{self.key!r}]",
            "unspliced": f"unspliced counts in layers[{self.key!r}]",
            "velocity": f"the velocity in layers[{self.key!r}]",
            "pseudotime": f"the pseudotime in obs[{self.key!r}]",
            "root": f"the root {self.key}",
            "root_genes": f"a root where {self.key} are high",
        }[self.source]

    @property
    def option(self) -> str:
        """Command-line option that asks for it."""
        option = {
            "time": "--time-key",
            "unspliced": "--unspliced",
            "velocity": "--velocity-layer",
            "pseudotime": "--pseudotime-key",
            "root": "--root",
            "root_genes": "--root-genes",
        }[self.source]
        return f"{option} {self.key}"


def offers(adata: AnnData) -> list[Direction]:
    """Sources of direction in the data, the most telling first."""
    found = [Direction("time", name, "B") for name in time_columns(adata)]
    if _keys.UNSPLICED in adata.layers:
        found.append(Direction("unspliced", _keys.UNSPLICED, "C"))
    if "velocity" in adata.layers:
        found.append(Direction("velocity", "velocity", "C"))
    found += [
        Direction("pseudotime", str(name), "C")
        for name in adata.obs.columns
        if _PSEUDOTIME.search(str(name)) and pd.api.types.is_numeric_dtype(adata.obs[name])
    ]
    if "iroot" in adata.uns:
        found.append(Direction("root", str(adata.obs_names[int(adata.uns["iroot"])]), "C"))
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
            logger.info("direction: %s, as asked", direction)
        return tuple(asked)
    found = offers(adata)
    if not found:
        raise ValueError(_nothing_found(adata))
    others = f" (not used: {'; '.join(map(str, found[1:]))})" if found[1:] else ""
    logger.info("direction: %s, found in the data%s", found[0], others)
    return (found[0],)


def record(directions: tuple[Direction, ...]) -> Any:
    """Direction record of :mod:`landscape.dynamics` for the sources, combined if there are several."""
    from landscape import dynamics

    makers: dict[str, Any] = {
        "time": lambda key: dynamics.from_time(key),
        "unspliced": lambda key: dynamics.from_unspliced(key),
        "velocity": lambda key: dynamics.from_velocity(key),
        "pseudotime": lambda key: dynamics.from_pseudotime(key),
        "root": lambda key: dynamics.from_root(key),
        "root_genes": lambda key: dynamics.from_root(genes=tuple(key.split(","))),
    }
    records = [makers[d.source](d.key) for d in directions]
    combined = records[0]
    for other in records[1:]:
        combined = combined + other
    return combined


def _asked(adata: AnnData, settings: Settings) -> list[Direction]:
    asked = []
    for source, key, grade, slot in (
        ("time", settings.time_key, "B", "obs"),
        ("unspliced", settings.unspliced, "C", "layers"),
        ("velocity", settings.velocity_layer, "C", "layers"),
        ("pseudotime", settings.pseudotime_key, "C", "obs"),
    ):
        if key is None:
            continue
        if key not in getattr(adata, slot):
            msg = f"`adata.{slot}[{key!r}]` is missing. Present: {sorted(map(str, getattr(adata, slot).keys()))}."
            raise KeyError(msg)
        asked.append(Direction(source, key, grade))
    if settings.root is not None:
        asked.append(Direction("root", _checked_root(adata, settings.root), "C"))
    if settings.root_genes is not None:
        if missing := [gene for gene in settings.root_genes if gene not in adata.var_names]:
            msg = f"Root genes {missing} are not among the genes (for instance {list(adata.var_names[:3])})."
            raise KeyError(msg)
        asked.append(Direction("root_genes", ",".join(settings.root_genes), "C"))
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
