"""The landscape before and after a perturbation: two reliefs with the same view and the same heights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import results_of
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.painting import CORNER, frame, front, paint, surface_cmap
from landscape.pl.scene.places import attractor_places, development_direction
from landscape.pl.scene.relief import Camera, Relief
from landscape.pl.scene.transitions import PlaneTransitions
from landscape.pl.scene.view import HEIGHT_LABEL
from landscape.pl.style.figure import DOWN, INK, axes_scale, label_colorbar, width_scale
from landscape.pl.style.labels import LabelRow, arrange_rows

# Drawn height of the reliefs, where half of the plane's width is 1, and facets along a side.
_RISE, _RESOLUTION = 0.5, 180
# Names below a relief in a narrow figure; more of them would leave no room for the relief, and numbers take their place.
_NARROW_NAMES = 5
# Largest number of rounds in which names are placed and both reliefs get one size.
_ROUNDS = 3
# Attractors of a relief: points of the plane, names, and "kept", "lost", "new" or "" where that is unknown.
Marks = tuple[NDArray[np.float64], list[str], list[str]]
_NOTHING = np.empty((0, 2)), np.empty((0, 4))


def before_and_after(
    figure: Figure,
    spec: Any,
    adata: AnnData,
    record: Mapping[str, Any],
    drawn: Mapping[str, Any],
    colours: Mapping[str, str],
    elevation: float,
    notes: list[str],
    *,
    wide: bool,
) -> tuple[list[Axes], list[LabelRow]]:
    """Draw both landscapes with the same camera and the same scale of heights, into a part of a figure.

    ``drawn`` is the record of the heights after the perturbation, with those before it as ``drawn["before"]``; ``wide`` sets
    both side by side. Notes for the caption are appended to ``notes``.

    Returns
    -------
    Axes before and after, and the rows of names, which :func:`arrange_alike` places.
    """
    basis = str(drawn.get("basis") or drawn["before"].get("basis") or "")
    where = np.asarray(adata.obsm[basis], dtype=float)[:, :2] if basis in adata.obsm else _NOTHING[0]
    before, after = HeightMap.from_record(drawn["before"]), HeightMap.from_record(drawn)
    top = before.cut_above(where).highest if len(where) else before.highest
    ends = (min(before.lowest, after.lowest), top)
    before, after = (replace(g, ceiling=top, scale=ends) for g in (before, after))
    marks = [_before(adata, record, drawn["before"]), _after(record, drawn)]
    turn, development = development_direction(adata, where, basis) if len(where) else (-np.pi / 2, "")
    keep = np.concatenate([where, *[points for points, _, _ in marks]])
    camera = Camera.on(before.cropped(), azimuth=turn, elevation=elevation, rise=_RISE, keep=keep)
    inner = GridSpecFromSubplotSpec(*((1, 2) if wide else (2, 1)), subplot_spec=spec)
    axes = [figure.add_subplot(inner[i]) for i in (0, 1)]
    key = [] if wide else _numbers([names for _, names, _ in marks])
    rows: list[LabelRow] = []
    text = width_scale(float(figure.get_size_inches()[0]))
    for ax, heights, (points, names, status), name in zip(
        axes, (before, after), marks, ("before", "after"), strict=True
    ):
        relief = Relief(heights, camera, _RESOLUTION)
        paint(ax, relief, *_NOTHING, size=1.0, transitions=PlaneTransitions())
        front(ax, relief)
        frame(ax, relief, development)
        ax.set_title(name, color=INK, fontsize=10 * text)
        rows += _attractors(ax, relief, points, names, status, colours, key)
    bar = figure.colorbar(ScalarMappable(Normalize(*ends), surface_cmap()), ax=axes, shrink=0.55, aspect=18, pad=0.01)
    label_colorbar(bar, str(drawn.get("label") or drawn["before"].get("label") or HEIGHT_LABEL), size=8 * text)
    if key:
        notes += [f"{number} {name}" for number, name in enumerate(key, 1)]
    if not (before.support.all() and after.support.all()):
        notes.append("hatched: height unknown")
    if before.is_cut or after.is_cut:
        notes.append(f"plateau: above {top:.3g}")
    return axes, rows


def _before(adata: AnnData, record: Mapping[str, Any], drawn: Mapping[str, Any]) -> Marks:
    """Attractors without the perturbation, each with the name of the known attractor nearest to it in the plane."""
    points = _points(drawn)
    basis = str(drawn.get("basis") or "")
    status = record["attractors"]["status"].astype(str)
    if basis not in adata.obsm or not len(points):
        return points, [""] * len(points), [""] * len(points)
    known = results_of(adata).get(_keys.OCCUPANCY)
    places = attractor_places(adata, np.asarray(adata.obsm[basis], dtype=float)[:, :2], known)
    if not places:
        return points, [""] * len(points), [""] * len(points)
    apart = np.linalg.norm(points[:, None] - np.array([place.point for place in places])[None], axis=-1)
    names = [places[i].name for i in apart.argmin(1)]
    return points, names, [str(status.get(name, "")) for name in names]


def _after(record: Mapping[str, Any], drawn: Mapping[str, Any]) -> Marks:
    """Attractors with the perturbation, with the names of the rows of ``states``; those that were not kept are new."""
    points = _points(drawn)
    states = record.get("states")
    if not isinstance(states, pd.DataFrame) or len(states) != len(points):
        return points, [""] * len(points), [""] * len(points)
    names = [str(name) for name in states.index]
    status = record["attractors"]["status"].astype(str)
    return points, names, ["kept" if status.get(name) == "kept" else "new" for name in names]


def _numbers(names: list[list[str]]) -> list[str]:
    """Names whose positions stand for them, where one relief has too many for a narrow figure; else none."""
    if max(map(len, names)) <= _NARROW_NAMES:
        return []
    return list(dict.fromkeys(name for each in names for name in each if name))


def _points(drawn: Mapping[str, Any]) -> NDArray[np.float64]:
    points = np.asarray(drawn.get("attractors", _NOTHING[0]), dtype=float).reshape(-1, 2)
    return np.where(np.isfinite(points), points, 0.0)


def _attractors(
    ax: Axes,
    relief: Relief,
    points: NDArray[np.float64],
    names: list[str],
    status: list[str],
    colours: Mapping[str, str],
    key: list[str],
) -> list[LabelRow]:
    """Rings around the attractors, crosses on lost ones, and below the relief their names, or their numbers in a key."""
    if not len(points):
        return []
    at = relief.camera.project(points, relief.heights.at(points))
    edges = [colours.get(name, INK) for name in names]
    t = axes_scale(ax)
    ax.scatter(*at.T, s=60 * t**3, facecolors="none", edgecolors="white", linewidths=2.6 * t, zorder=9e5)
    rings = ax.scatter(*at.T, s=60 * t**3, facecolors="none", edgecolors=edges, linewidths=1.4 * t, zorder=9.1e5)
    rings.set_gid("attractors")
    if gone := [i for i, state in enumerate(status) if state == "lost"]:
        ax.scatter(*at[gone].T, s=130 * t**3, marker="x", c=DOWN, linewidths=1.8 * t, zorder=9.2e5).set_gid("lost")
    shown = [str(1 + key.index(name)) if name in key else name for name in names]
    texts = [name if state in ("kept", "") else f"{name}\n({state})" for name, state in zip(shown, status, strict=True)]
    named = [i for i, text in enumerate(texts) if text]
    if not named:
        return []
    bottom = float(relief.camera.see(CORNER, np.array([-0.03]))[0][0, 1])
    return [LabelRow(ax, at[named], [texts[i] for i in named], [edges[i] for i in named], bottom, True)]


def arrange_alike(rows: list[LabelRow], axes: list[Axes]) -> None:
    """Place the names, and keep both reliefs at one size, since they are to be compared."""
    for _ in range(_ROUNDS):
        for row in rows:
            arrange_rows(row.ax, [row])
        ends = np.array([ax.get_ylim() for ax in axes])
        if not len(ends) or (ends == ends[0]).all():
            return
        for ax in axes:
            ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())
