"""Where attractors are drawn on an embedding, and which way development runs there."""

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
from landscape.pl._figure import counted


@dataclass(frozen=True)
class Place:
    """An attractor on the drawing: name, point of the plane, and the text beside it."""

    name: str
    point: NDArray[np.float64]
    text: str


def attractor_places(
    adata: AnnData, where: NDArray[np.float64], record: Mapping[str, Any] | None = None, *, share: float = 0.1
) -> list[Place]:
    """Place of each attractor: the one that ``record`` states, else the median place of the cells nearest to it.

    Nearest are the tenth (at least five) of its basin whose regulators differ least from the attractor's; without a
    stated place, attractors without cells have none.
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
            members = members[np.argsort((gap**2).sum(1), kind="stable")[: max(5, round(share * len(members)))]]
        places.append(Place(str(name), np.median(where[members], axis=0), text))
    return places


def unobserved(table: pd.DataFrame) -> list[str]:
    """Attractors near which no cell was seen, whatever flows there."""
    if "observed" not in table:
        return []
    return [str(name) for name in table.index[~table["observed"].to_numpy(dtype=bool)]]


def downhill(adata: AnnData, where: NDArray[np.float64], basis: str = "") -> tuple[float, str]:
    """Direction of development in the plane, as an angle, and its name; without a clock: down the page, and no name.

    It is the direction in which the clock (real time, pseudotime, distance from the start, or falling fate entropy) rises
    most steeply in a plane fitted to all cells.
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
