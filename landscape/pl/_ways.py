"""Saddles and least-action paths, laid onto the plane of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from landscape import _keys
from landscape._anndata import results_of
from landscape._random import generator
from landscape.pl._places import Place
from landscape.topography.occupancy import place

# Cells against which states are placed: the search for neighbours grows with their square in many dimensions.
MOST_REFERENCE = 4000
_POINTS = 150


@dataclass(frozen=True)
class Way:
    """Least-action path from one attractor towards another.

    Attributes
    ----------
    start, end, saddle
        Names of the attractors, and of the saddle that it climbs to.
    line
        Points of the plane, shape ``(n, 2)``.
    near
        Whether cells are near each of them, shape ``(n,)``; elsewhere the line is a guess.
    """

    start: str
    end: str
    saddle: str
    line: NDArray[np.float64]
    near: NDArray[np.bool_]


@dataclass(frozen=True)
class Ways:
    """What joins the attractors on a drawing."""

    saddles: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    lines: Sequence[Way] = ()


def reference(adata: AnnData, most: int = MOST_REFERENCE) -> NDArray[np.int64]:
    """Cells against which states are placed, the same ones every time."""
    if adata.n_obs <= most:
        return np.arange(adata.n_obs)
    return np.sort(generator(0).choice(adata.n_obs, size=most, replace=False))


def lay(
    adata: AnnData, states: NDArray[np.float64], genes: Sequence[str], where: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Points of the plane for states, shape ``(n, 2)``, and whether cells are near them."""
    cells = reference(adata)
    known = adata.obsm[_keys.STATE].iloc[cells][list(genes)].to_numpy(dtype=float)
    return place(states, known, where[cells], n_neighbors=40)


def of_way(table: pd.DataFrame, start: str, end: str, saddle: str) -> pd.DataFrame:
    """Rows of a table that belong to one path."""
    return table[(table[["from", "to", "saddle"]].astype(str) == [start, end, saddle]).all(axis=1)]


def pieces(points: NDArray[np.float64], drawn: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Pieces between successive points of a line where ``drawn`` holds for the first one."""
    return list(np.stack([points[:-1], points[1:]], axis=1)[drawn[:-1]])


def ways(adata: AnnData, where: NDArray[np.float64], places: Sequence[Place]) -> Ways:
    """Saddles and paths that :func:`landscape.tl.barriers` wrote, in the plane; empty where there are none."""
    results = results_of(adata)
    if _keys.PATHS not in results or _keys.STATE not in adata.obsm:
        return Ways()
    table = results[_keys.PATHS]["table"]
    genes = [name for name in adata.obsm[_keys.STATE].columns if name in table.columns]
    if not len(table) or len(genes) < adata.obsm[_keys.STATE].shape[1]:
        return Ways()
    named = {p.name: p.point for p in places}
    saddles = _saddles(adata, where, genes)
    lines = []
    for (start, end, via), part in table.groupby(["from", "to", "saddle"], sort=False, observed=True):
        path = part.sort_values("step", kind="stable")
        rising = path[path["part"].astype(str) == "up"] if "part" in path else path
        line, near = lay(adata, rising[genes].to_numpy(dtype=float), genes, where)
        # Without a saddle the rising part is the whole path; a saddle that was not kept leaves the end where it is.
        whole = len(rising) == len(path) and str(via) not in saddles
        first, last = named.get(str(start)), named.get(str(end)) if whole else saddles.get(str(via))
        lines.append(Way(str(start), str(end), str(via), *_smooth(line, near, first, last)))
    # Ways that cross no saddle run around all of them; they are drawn where there is nothing else.
    lines = [way for way in lines if way.saddle in saddles] or lines
    used = {way.saddle for way in lines}
    return Ways({name: point for name, point in saddles.items() if name in used}, lines)


def _saddles(adata: AnnData, where: NDArray[np.float64], genes: list[str]) -> dict[str, NDArray[np.float64]]:
    record = results_of(adata).get(_keys.SADDLES)
    if record is None or not len(record["states"]):
        return {}
    points, _ = lay(adata, record["states"][genes].to_numpy(dtype=float), genes, where)
    return dict(zip(map(str, record["states"].index), points, strict=True))


def _smooth(
    line: NDArray[np.float64],
    near: NDArray[np.bool_],
    first: NDArray[np.float64] | None,
    last: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Line without the steps that neighbours entering and leaving make, fixed at its ends."""
    ends = [line[0] if first is None else first, line[-1] if last is None else last]
    line = np.vstack([ends[0], line[1:-1], ends[1]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, max(length[-1], 1e-12), _POINTS)
    even = np.stack([np.interp(at, length, column) for column in line.T], axis=-1)
    share = np.linspace(0, 1, _POINTS)[:, None]
    chord = (1 - share) * even[0] + share * even[-1]
    # The distance from the chord is zero at both ends and is continued there as an odd function.
    bent = even - chord
    padded = np.concatenate([-bent[1:][::-1], bent, -bent[:-1][::-1]])
    soft = gaussian_filter1d(padded, 0.06 * _POINTS, axis=0)[_POINTS - 1 : 2 * _POINTS - 1]
    soft[[0, -1]] = 0.0
    return chord + soft, np.interp(at, length, near.astype(float)) > 0.5
