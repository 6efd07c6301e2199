"""Saddles and minimum-action paths in the plane of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from landscape import _keys, get
from landscape._anndata import results_of
from landscape.pl.scene.places import Place

# Points of a drawn path.
_POINTS = 150
# Standard deviation of the smoothing of a drawn path, as a share of its points.
_SMOOTHING = 0.06


@dataclass(frozen=True)
class PlanePath:
    """Minimum-action path from one attractor towards another, in the plane of a drawing.

    Attributes
    ----------
    start, end, saddle
        Names of the attractors, and of the transition state that the path crosses.
    line
        Points of the plane from the first attractor to the transition state, shape ``(n, 2)``.
    near
        Whether cells are near each point, shape ``(n,)``; elsewhere the line is a guess.
    """

    start: str
    end: str
    saddle: str
    line: NDArray[np.float64]
    near: NDArray[np.bool_]


@dataclass(frozen=True)
class PlaneTransitions:
    """Transitions between attractors in the plane of a drawing.

    Attributes
    ----------
    saddles
        Point of each transition state, shape ``(2,)``, by name.
    paths
        Minimum-action paths.
    """

    saddles: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    paths: Sequence[PlanePath] = ()


def rows_of_path(table: pd.DataFrame, start: str, end: str, saddle: str) -> pd.DataFrame:
    """Rows of a table that belong to one path."""
    return table[(table[["from", "to", "saddle"]].astype(str) == [start, end, saddle]).all(axis=1)]


def segments_where(points: NDArray[np.float64], drawn: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Segments of a line, each from a point for which ``drawn`` holds to the next one."""
    return list(np.stack([points[:-1], points[1:]], axis=1)[drawn[:-1]])


def plane_transitions(
    adata: AnnData, where: NDArray[np.float64], places: Sequence[Place], *, every: bool = False
) -> PlaneTransitions:
    """Saddles and paths that :func:`landscape.tl.barriers` wrote, in the plane; empty where there are none.

    Parameters
    ----------
    adata
        Annotated data.
    where
        Places of the cells in the plane, shape ``(n_cells, 2)``.
    places
        Places of the attractors.
    every
        Keep paths without a transition state where there are others with one.
    """
    results = results_of(adata)
    if _keys.PATHS not in results or _keys.STATE not in adata.obsm:
        return PlaneTransitions()
    table = results[_keys.PATHS]["table"]
    genes = [name for name in adata.obsm[_keys.STATE].columns if name in table.columns]
    if not len(table) or len(genes) < adata.obsm[_keys.STATE].shape[1]:
        return PlaneTransitions()
    named = {p.name: p.point for p in places}
    saddles = _saddles(adata, where, genes)
    paths = []
    for (start, end, via), part in table.groupby(["from", "to", "saddle"], sort=False, observed=True):
        path = part.sort_values("step", kind="stable")
        rising = path[path["part"].astype(str) == "up"] if "part" in path else path
        line, near = get.values_at_states(adata, states=rising[genes], values=where)
        # Without a saddle the rising part is the whole path; a saddle that was not kept leaves the end where it is.
        whole = len(rising) == len(path) and str(via) not in saddles
        first, last = named.get(str(start)), named.get(str(end)) if whole else saddles.get(str(via))
        paths.append(PlanePath(str(start), str(end), str(via), *_smooth(line, near, first, last)))
    # Paths without a transition state are drawn only where there are no others.
    paths = paths if every else [path for path in paths if path.saddle in saddles] or paths
    used = {path.saddle for path in paths}
    return PlaneTransitions({name: point for name, point in saddles.items() if name in used}, paths)


def _saddles(adata: AnnData, where: NDArray[np.float64], genes: list[str]) -> dict[str, NDArray[np.float64]]:
    record = results_of(adata).get(_keys.SADDLES)
    if record is None or not len(record["states"]):
        return {}
    points, _ = get.values_at_states(adata, states=record["states"][genes], values=where)
    return dict(zip(map(str, record["states"].index), points, strict=True))


def _smooth(
    line: NDArray[np.float64],
    near: NDArray[np.bool_],
    first: NDArray[np.float64] | None,
    last: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Line at equal distances, fixed at its ends, without the steps where a neighbour is replaced by another."""
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
    soft = gaussian_filter1d(padded, _SMOOTHING * _POINTS, axis=0)[_POINTS - 1 : 2 * _POINTS - 1]
    soft[[0, -1]] = 0.0
    return chord + soft, np.interp(at, length, near.astype(float)) > 0.5
