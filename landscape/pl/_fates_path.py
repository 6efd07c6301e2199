"""Fate probabilities along a minimum-action path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape import _keys, get
from landscape._anndata import read, read_result
from landscape.pl._paths import HINT, choose_transition, name_ends, path_states
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.scene.transitions import segments_where
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, counted, finish, hide_spines, new_axes
from landscape.pl.style.labels import without_overlap

# A fate that stays below this probability along the whole path is left out; the caption states it.
MIN_PROBABILITY = 0.02


def fates_along(
    adata: AnnData,
    table: pd.DataFrame,
    *,
    start: str | None,
    end: str | None,
    palette: Mapping[str, str] | Sequence[str] | None,
    title: str | None,
    ax: Axes | None,
    show: bool | None,
    return_fig: bool,
) -> Axes | Figure | None:
    """Draw the fates of the cells around each point of a path; parameters as in :func:`landscape.pl.fates`."""
    record = read_result(adata, _keys.PATHS, hint=HINT)
    read(adata, "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first")
    paths = record["table"]
    a, b, via = choose_transition(adata, paths, start, end)
    part = path_states(paths, a, b, via)
    genes = [name for name in adata.obsm[_keys.STATE].columns if name in part.columns]
    fates, near = get.values_at_states(adata, states=part[genes], values=table.to_numpy(dtype=float))
    step = part["step"].to_numpy(dtype=float)
    drawn = [i for i in range(table.shape[1]) if fates[:, i].max() >= MIN_PROBABILITY]
    names = [str(table.columns[i]) for i in drawn]
    colours = attractor_colours(adata, [str(name) for name in table.columns], palette)

    figure, ax = new_axes(ax, size=(6.4, 3.6))
    for i, name in zip(drawn, names, strict=True):
        ax.plot(step, fates[:, i], color=colours[name], lw=1.0, ls=(0, (2, 1.5)), alpha=0.8, gid=f"far:{name}")
        whole = segments_where(np.column_stack([step, fates[:, i]]), near)
        ax.add_collection(LineCollection(whole, colors=colours[name], linewidths=2.2, gid=f"near:{name}"))
    ax.set_ylim(-0.02, 1.02)
    top = name_ends(ax, adata, part, a, b, via)
    _mark_equal_odds(ax, step, fates, table, a, b, top)
    _name_lines(ax, names, fates[-1, drawn], [colours[name] for name in names])
    t = axes_scale(ax)
    ax.set_ylabel("probability of the fate", fontsize=9 * t)
    ax.tick_params(axis="y", labelsize=8 * t)
    hide_spines(ax, "top", "right")
    ax.set_title(title or f"{a} \N{RIGHTWARDS ARROW} {b}", color=INK, fontsize=11 * t, loc="left", pad=5 + 11 * t)
    notes = ["mean over the cells nearest to each state of the path"]
    if not near.all():
        notes.append("dashed: no cells near")
    if len(drawn) < table.shape[1]:
        notes.append(f"{counted(table.shape[1] - len(drawn), 'fate')} below {MIN_PROBABILITY:.0%} left out")
    caption(figure, notes)
    return finish(figure, ax, show=show, return_fig=return_fig)


def _mark_equal_odds(
    ax: Axes,
    step: NDArray[np.float64],
    fates: NDArray[np.float64],
    table: pd.DataFrame,
    start: str,
    end: str,
    top: float,
) -> None:
    """Ring where the fate of the start and that of the end become equally probable for the first time."""
    names = [str(name) for name in table.columns]
    if start not in names or end not in names:
        return
    gap = fates[:, names.index(start)] - fates[:, names.index(end)]
    crossings = np.flatnonzero((gap[:-1] > 0) & (gap[1:] <= 0))
    if not len(crossings):
        return
    i = int(crossings[0])
    share = gap[i] / (gap[i] - gap[i + 1])
    at = step[i] + share * (step[i + 1] - step[i])
    level = (1 - share) * fates[i, names.index(end)] + share * fates[i + 1, names.index(end)]
    ring = ax.scatter([at], [level], s=34, facecolors="white", edgecolors=INK, linewidths=1.2, zorder=5)
    ring.set_gid("equal_odds")
    left = at < top  # away from the line at the saddle
    ax.annotate("equal odds", (at, level), xytext=(-8 if left else 8, 0), textcoords="offset points", va="center",
                ha="right" if left else "left", fontsize=8 * axes_scale(ax), color=QUIET)  # fmt: skip


def _name_lines(ax: Axes, names: Sequence[str], levels: NDArray[np.float64], colours: Sequence[str]) -> None:
    """Names at the right ends of the lines, without overlap."""
    low, high = ax.get_ylim()
    tall = 0.2 / max(0.75 * float(ax.get_figure(root=True).get_size_inches()[1]), 1.0)  # type: ignore[union-attr]
    places = without_overlap(np.asarray(levels, dtype=float), np.full(len(names), tall * (high - low)), low, high)
    for name, level, place, colour in zip(names, levels, places, colours, strict=True):
        ax.annotate(
            name,
            xy=(1.0, float(level)),
            xycoords=("axes fraction", "data"),
            xytext=(1.05, float(place)),
            textcoords=("axes fraction", "data"),
            fontsize=8.5 * axes_scale(ax),
            color=INK,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "lw": 1.2,
                "shrinkA": 2,
                "shrinkB": 1,
                "relpos": (0.0, 0.5),
            },
        )
