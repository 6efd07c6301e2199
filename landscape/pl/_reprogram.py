"""Reprogramming: the way of the cells on the surface, the sets that were found, and the levels of genes over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from scipy.ndimage import gaussian_filter1d

from landscape import _keys, get
from landscape._anndata import read_result, require_adata, results_of
from landscape.dynamics.ensemble import INTERVAL
from landscape.pl._landscape import CELL_AREA, name_attractors
from landscape.pl.scene.painting import frame, front, paint
from landscape.pl.scene.relief import Relief
from landscape.pl.scene.transitions import PlaneTransitions, segments_where
from landscape.pl.scene.view import ELEVATION, View, basin_view, relief_of
from landscape.pl.style.figure import (
    DOWN,
    INK,
    LEVEL_LABEL,
    PAGE,
    axes_scale,
    caption,
    finish,
    hide_spines,
    label_colorbar,
    width_scale,
)

_HINT = "run `landscape.tl.reprogram(adata, source, target)` first"
MAX_GENES, MAX_SETS = 12, 8
# Width from which parts stand beside one another, in inches; and facets of the relief along a side.
_BESIDE, _RESOLUTION = 5.5, 180
# Cells that are drawn; standard deviation of the smoothing of a way as a share of its points; and its place above all else.
_N_CELLS, _SMOOTHING, _ABOVE = 2000, 0.02, 8e5
# Half the height of a tick, in rows.
_TICK = 0.3
_KEYS_OF_RELIEF = {_keys.OCCUPANCY}
# Colour of what is held; grey of a share without a hold.
HELD, _WITHOUT = "#b45309", "#8c959f"
# Columns of a table of ways that are no levels.
_NO_LEVELS = ("set", "time", "held")


def reprogram(
    adata: AnnData,
    *,
    name: str | None = None,
    set_name: str | None = None,
    key: str = _keys.REPROGRAMMING,
    n_genes: int = MAX_GENES,
    n_sets: int = MAX_SETS,
    elevation: float = ELEVATION,
    cmap: str = "mako_r",
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw a reprogramming: the way on the surface, the sets that were found, and the levels of genes over time.

    On the surface, the way starts at the source (ring). It is brown while genes are held and dark after their release
    (diamond). It is the noise-free flow, placed by the cells nearest to its states; where it is thin no cells are near. Beside it
    stand the sets, with the share of the cells that end in the target, its interval over the replicates, and the share without a
    hold (grey tick). Below are the levels over time; held genes come first.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.reprogram`.
    name
        Name of the search, such as ``"monocyte to erythrocyte"``; ``None``: the last one.
    set_name
        Name of the set whose way is drawn, one of the first five, such as ``"Eklf=0"``; ``None``: the best one.
    key
        Key of the results.
    n_genes
        Largest number of genes drawn: those that are held, and those that change most.
    n_sets
        Largest number of sets drawn.
    elevation
        Angle of the view of the relief, in degrees.
    cmap
        Colour map of the levels.
    width
        Width of the figure in inches; the height follows. In a narrow figure the parts stand below one another.
    title
        Title; ``None``: the name of the search.
    show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (relief, where heights were computed; sets; levels), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no such search or set.
    ValueError
        If no set was found: there is nothing to draw, and the message is the answer.
    """
    require_adata(adata)
    name, record = _find(adata, key, name)
    chosen, way = _way(record, set_name)
    wide, text = width >= _BESIDE, width_scale(width)
    drawn = results_of(adata).keys() >= _KEYS_OF_RELIEF and _keys.STATE in adata.obsm
    sets = record["sets"].head(n_sets)
    rows = _genes(way, _held(record, chosen), n_genes)
    room = _room(sets)
    parts = ([max(0.5 * width, room)] if wide else [0.9 * width, room]) if drawn else [room]
    heights = [*parts, 0.19 * len(rows) + 0.95]
    figure = plt.figure(figsize=(width, sum(heights) + 0.6), layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    places = [grid[k] for k in range(len(parts))]
    if drawn and wide:
        beside = grid[0].subgridspec(1, 2, width_ratios=[1.7, 1.0])
        places = [beside[0], beside[1]]
    axes = [figure.add_subplot(place) for place in (*places, grid[len(heights) - 1])]
    scene = _scene(adata, elevation) if drawn else None
    notes = [] if scene is None else _draw_way(axes[0], *scene, way)
    notes += _sets(axes[-2], sets, record, chosen, text)
    _levels(axes[-1], way, rows, _held(record, chosen), cmap, text)
    axes[-1].set_title(chosen, color=INK, fontsize=9.5 * text, loc="left")
    figure.suptitle(title or name, color=INK, fontsize=12 * text)
    caption(figure, [*notes, str(record["answer"])])
    if scene is not None:
        name_attractors(axes[0], scene[1], scene[0])
    return finish(figure, axes, show=show, return_fig=return_fig)


def _find(adata: AnnData, key: str, name: str | None) -> tuple[str, Mapping[str, Any]]:
    records = read_result(adata, key, hint=_HINT)
    known = [title for title in records if title != "params"]
    if name is not None and name not in known:
        msg = f"Expected a search out of {known}, found {name!r}; {_HINT}."
        raise KeyError(msg)
    found = known[-1] if name is None else name
    return found, records[found]


def _way(record: Mapping[str, Any], wanted: str | None) -> tuple[str, pd.DataFrame]:
    """Name of a set, and the states along its way."""
    ways = record["ways"]
    known = list(dict.fromkeys(ways["set"].astype(str)))
    if not known:
        msg = f"Expected a set to draw, found none: {record['answer']}."
        raise ValueError(msg)
    if wanted is not None and wanted not in known:
        msg = f"Expected a set with a way out of {known}, found {wanted!r}."
        raise KeyError(msg)
    chosen = known[0] if wanted is None else wanted
    return chosen, ways[ways["set"].astype(str) == chosen].sort_values("time", kind="stable")


def _held(record: Mapping[str, Any], chosen: str) -> list[str]:
    levels = record["levels"]
    return [str(gene) for gene in levels.loc[levels["set"].astype(str) == chosen, "gene"]]


def _genes(way: pd.DataFrame, held: list[str], n_genes: int) -> list[str]:
    """Held genes, then those whose levels vary most."""
    others = [gene for gene in way.columns if gene not in {*_NO_LEVELS, *held}]
    span = np.ptp(way[others].to_numpy(dtype=float), axis=0)
    order = np.argsort(-span, kind="stable")[: max(n_genes - len(held), 0)]
    return [*held, *(others[k] for k in order)]


def _scene(adata: AnnData, elevation: float) -> tuple[View, Relief, str]:
    view = basin_view(adata, n_cells=_N_CELLS, paths=False)
    relief, _, development = relief_of(view, elevation=elevation, resolution=_RESOLUTION)
    return view, relief, development


def _draw_way(ax: Axes, view: View, relief: Relief, development: str, way: pd.DataFrame) -> list[str]:
    """The relief with cells, and the way on it; returns notes for the caption."""
    t = axes_scale(ax)
    shown = view.chosen
    paint(ax, relief, view.where[shown], view.painted.rgba[shown], 0.6 * CELL_AREA * t**4, PlaneTransitions())
    front(ax, relief)
    frame(ax, relief, development)
    genes = [name for name in view.adata.obsm[_keys.STATE].columns if name in way.columns]
    line, near = get.values_at_states(view.adata, states=way[genes], values=view.where)
    line = gaussian_filter1d(np.asarray(line, dtype=float), _SMOOTHING * len(line), axis=0, mode="nearest")
    at = relief.camera.project(line, relief.heights.at(line))
    held = way["held"].to_numpy(dtype=bool)
    last = int(np.flatnonzero(held)[-1])
    for part, colour, gid in ((slice(0, last + 1), HELD, "held"), (slice(last, None), INK, "released")):
        ax.plot(*at[part].T, color="#ffffffd0", lw=5.0 * t, zorder=_ABOVE, solid_capstyle="round")
        for close in (True, False):
            lines = segments_where(at[part], np.asarray(near, dtype=bool)[part] == close)
            width = (2.6 if close else 1.1) * t
            ax.add_collection(
                LineCollection(lines, colors=colour, linewidths=width, zorder=_ABOVE + 1, gid=gid, capstyle="round"),
                autolim=False,
            )
    for point, marker, gid in ((0, "o", "source"), (last, "D", "release")):
        ax.scatter(
            *at[point], s=52 * t**3, marker=marker, facecolors="white", edgecolors=HELD, linewidths=1.8 * t,
            zorder=_ABOVE + 2, gid=gid,
        )  # fmt: skip
    notes = ["ring: source", f"brown: held for {way['time'].to_numpy()[last]:.3g}, until the diamond", "dark: released"]
    return notes if near.all() else [*notes, "thin: no cells near"]


def _sets(ax: Axes, sets: pd.DataFrame, record: Mapping[str, Any], chosen: str, text: float) -> list[str]:
    """Share of the cells that each set carries, with its interval; returns notes for the caption."""
    rows = np.arange(len(sets))
    share, low, high, without = (sets[name].to_numpy(dtype=float) for name in ("share", "low", "high", "without"))
    works = sets["works"].to_numpy(dtype=bool)
    colours = [HELD if yes else _WITHOUT for yes in works]
    ax.hlines(rows, np.clip(low, 0, 1), np.clip(high, 0, 1), color="#9aa3ad", lw=5, alpha=0.55, zorder=1).set_gid(
        "intervals"
    )
    ax.vlines(without, rows - _TICK, rows + _TICK, color=_WITHOUT, lw=1.6 * text, zorder=2).set_gid("without")
    ax.scatter(share, rows, s=42 * text, color=colours, zorder=3).set_gid("shares")
    ax.set_yticks(rows, [_broken(str(name)) for name in sets.index], fontsize=8 * text)
    for label, name, inside in zip(ax.get_yticklabels(), sets.index, sets["inside"], strict=True):
        label.set_fontweight("bold" if str(name) == chosen else "normal")
        label.set_color(INK if inside else DOWN)
    ax.set_ylim(len(sets) - 0.4, -0.6)
    ax.set_xlim(-0.04, 1.04)
    ax.set_xlabel("share of the cells in the target", fontsize=8 * text)
    ax.set_title("sets", fontsize=9.5 * text, color=INK, loc="left")
    ax.grid(axis="x", color="#e4e7eb", lw=0.8, zorder=0)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelsize=7.5 * text)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")
    n_replicates = int(record["params"]["n_replicates"])
    bars = (
        f"bar: {100 * INTERVAL:.0f} % interval, {n_replicates} replicates"
        if np.isfinite(low).any()
        else "no replicates, no interval"
    )
    notes = ["dot: share with noise, grey where fewer than asked for", "tick: without a hold", bars]
    if not sets["inside"].all():
        notes.append("red: a level outside the data")
    more = len(record["sets"]) - len(sets)
    return [*notes, f"{more} more sets"] if more else notes


def _levels(ax: Axes, way: pd.DataFrame, rows: list[str], held: list[str], cmap: str, text: float) -> None:
    """Levels over time, with the release as a dashed line."""
    time, levels = way["time"].to_numpy(dtype=float), way[rows].to_numpy(dtype=float)
    scale = Normalize(0.0, max(1.0, float(levels.max())))
    edges = np.concatenate([time[:1], (time[1:] + time[:-1]) / 2, time[-1:]])
    lines = np.arange(len(rows) + 1) - 0.5
    ax.pcolormesh(edges, lines, levels.T, norm=scale, cmap=cmap, rasterized=True).set_gid("levels")
    for line in lines[1:-1]:
        ax.axhline(line, color="white", lw=0.6)
    release = float(time[way["held"].to_numpy(dtype=bool)][-1])
    ax.axvline(release, color=HELD, lw=1.4 * text, ls=(0, (3, 2))).set_gid("release")
    ax.set_ylim(lines[-1], lines[0])
    ax.set_yticks(np.arange(len(rows)), rows, fontsize=8 * text)
    for label, gene in zip(ax.get_yticklabels(), rows, strict=True):
        label.set_color(HELD if gene in held else INK)
        label.set_fontweight("bold" if gene in held else "normal")
    ax.set_xlabel("time (dashed: the held genes are released)", fontsize=8 * text)
    ax.tick_params(axis="x", labelsize=7.5 * text)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, *ax.spines)
    figure = ax.get_figure(root=True)
    bar = figure.colorbar(ScalarMappable(scale, cmap), ax=ax, shrink=0.9, aspect=14, pad=0.01)  # type: ignore[union-attr]
    label_colorbar(bar, LEVEL_LABEL.replace(" (", "\n("), size=8 * text)


def _room(sets: pd.DataFrame) -> float:
    """Height of the part with the sets, in inches."""
    return 0.13 * int(sets["n_genes"].sum()) + 0.18 * len(sets) + 0.95


def _broken(name: str) -> str:
    """Name of a set with a line for each gene from the second on."""
    return name.replace(", ", "\n")
