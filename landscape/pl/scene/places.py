"""Places of attractors on an embedding, and the direction of development there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import results_of
from landscape.pl.style.figure import counted

# Cells of a basin whose median is the place of the attractor: this share of it, and at least this number.
NEAREST_SHARE, MIN_NEAREST = 0.1, 5


@dataclass(frozen=True)
class Place:
    """An attractor on a drawing: its name, its point in the plane, shape ``(2,)``, and the label beside it."""

    name: str
    point: NDArray[np.float64]
    text: str


def attractor_places(
    adata: AnnData, where: NDArray[np.float64], record: Mapping[str, Any] | None = None
) -> list[Place]:
    """Place of each attractor: the one in ``record``, else the median place of the cells nearest to it.

    The nearest cells are the tenth of its basin, at least five, whose regulators differ least from the attractor's.
    Attractors without cells have no place unless the record has one.
    """
    stated = None if record is None else record.get("attractors")
    results = results_of(adata)
    if _keys.ATTRACTORS not in results or _keys.BASIN not in adata.obs:
        return []
    found = results[_keys.ATTRACTORS]
    table, states = found["table"], found["states"]
    basin = adata.obs[_keys.BASIN].astype(str).to_numpy()
    places = []
    for number, name in enumerate(table.index):
        text = f"{name}\n{counted(table.loc[name, 'n_cells'], 'cell')}" if "n_cells" in table else str(name)
        if stated is not None and len(stated) == len(table) and np.isfinite(stated[number]).all():
            places.append(Place(str(name), np.asarray(stated[number], dtype=float), text))
            continue
        members = np.flatnonzero(basin == str(name))
        if not len(members):
            continue
        if _keys.STATE in adata.obsm:
            state = adata.obsm[_keys.STATE]
            gap = state.iloc[members].to_numpy(dtype=float) - states.loc[name, state.columns].to_numpy(dtype=float)
            members = members[
                np.argsort((gap**2).sum(1), kind="stable")[: max(MIN_NEAREST, round(NEAREST_SHARE * len(members)))]
            ]
        places.append(Place(str(name), np.median(where[members], axis=0), text))
    return places


def unobserved(table: pd.DataFrame) -> list[str]:
    """Names of attractors that no cell is near, whether or not cells flow there."""
    if "observed" not in table:
        return []
    return [str(name) for name in table.index[~table["observed"].to_numpy(dtype=bool)]]


def development_direction(adata: AnnData, where: NDArray[np.float64], basis: str = "") -> tuple[float, str]:
    """Direction of development in the plane, as an angle in radians, and its name.

    It is the slope of a plane that is fitted by least squares to the clock of all cells: real time, pseudotime, distance
    from the start, or falling fate entropy. Without a clock it points down the page and has no name.
    """
    if basis == _keys.DRAWING:  # made with progress as its second coordinate
        return np.pi / 2, "development"
    clock, name = _clock(adata)
    if clock is None:
        return -np.pi / 2, ""
    use = np.isfinite(clock)
    centred = where[use] - where[use].mean(0)
    slope = np.linalg.lstsq(centred, clock[use] - clock[use].mean(), rcond=None)[0]
    if not np.isfinite(slope).all() or not np.linalg.norm(slope) > 0:
        return -np.pi / 2, ""
    return float(np.arctan2(slope[1], slope[0])), name


def _clock(adata: AnnData) -> tuple[NDArray[np.float64] | None, str]:
    run = results_of(adata).get(_keys.DYNAMICS, {}).get("params", {})
    named = [run[key] for key in ("time_key", "pseudotime_key") if isinstance(run.get(key), str)]
    for key in (*named, "day", "dpt_pseudotime"):
        if key in adata.obs:
            return pd.to_numeric(adata.obs[key].astype(object), errors="coerce").to_numpy(dtype=float), "development"
    if _keys.START in adata.obs and adata.obs[_keys.START].any():
        return 1.0 - adata.obs[_keys.START].to_numpy(dtype=float), "development"
    if _keys.FATE_ENTROPY in adata.obs:
        return -adata.obs[_keys.FATE_ENTROPY].to_numpy(dtype=float), "commitment"
    return None, ""
