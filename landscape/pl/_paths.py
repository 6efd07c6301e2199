"""Genes along a transition, in the order in which they move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of
from landscape.pl.scene.transitions import rows_of_path
from landscape.pl.style.figure import (
    DOWN,
    INK,
    LEVEL_LABEL,
    QUIET,
    UP,
    axes_scale,
    caption,
    counted,
    finish,
    hide_spines,
    label_colorbar,
    width_scale,
)

HINT = "run `landscape.tl.paths(adata)`, or `landscape.tl.barriers(adata)`, first"
# Columns of a table of paths that are no levels.
_NO_LEVELS = ("from", "to", "saddle", "part", "step")
MAX_GENES = 30
# A gene whose level changes by less along the path does not move.
MIN_CHANGE = 0.05


def paths(
    adata: AnnData,
    *,
    start: str | None = None,
    end: str | None = None,
    key: str = _keys.PATHS,
    n_genes: int | None = MAX_GENES,
    least: float = MIN_CHANGE,
    cmap: str = "mako_r",
    width: float = 6.8,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the levels of genes along the minimum-action path of a transition, in the order in which they move.

    The ring on a row marks where the gene has made half of its changes; genes that move first are on top. Bars show the
    change between the ends of the path, blue up and red down. The dashed line is the transition state, a saddle.

    Parameters
    ----------
    adata
        Annotated data with paths.
    start, end
        Names of the attractors from which and to which the transition leads; ``None``: any. Where several transitions
        fit, the one with the lowest barrier is drawn.
    key
        Name of the record in ``adata.uns["landscape"]``.
    n_genes
        Largest number of genes drawn, those that change most; the caption states how many of how many. ``None``: all.
    least
        Genes whose level varies by less than this are left out, unless all do.
    cmap
        Colour map of the levels.
    width
        Width of the figure in inches; its height follows from the number of genes.
    title, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (levels, changes), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no paths.
    ValueError
        If no path joins ``start`` and ``end``.
    """
    require_adata(adata)
    record = read_result(adata, key, hint=HINT)
    table = record["table"]
    a, b, via = choose_transition(adata, table, start, end)
    part = path_states(table, a, b, via)
    genes = [name for name in part.columns if name not in _NO_LEVELS and pd.api.types.is_numeric_dtype(part[name])]
    levels = part[genes].to_numpy(dtype=float)
    step = part["step"].to_numpy(dtype=float)
    change, half = levels[-1] - levels[0], _half_steps(record, (a, b, via), genes, step)
    span = np.ptp(levels, axis=0)
    widest = np.argsort(-span, kind="stable")[: n_genes or len(genes)]
    if (moving := widest[span[widest] >= least]).size:
        widest = moving
    rows = widest[np.lexsort((-np.abs(change[widest]), half[widest]))]

    figure, (main, side) = plt.subplots(
        1,
        2,
        figsize=(width, 1.5 + 0.21 * max(len(rows), 4)),
        layout="constrained",
        gridspec_kw={"width_ratios": [3.4, 1.0]},
        sharey=True,
    )
    scale = Normalize(0.0, max(1.0, float(levels[:, rows].max())))
    _levels(main, step, levels[:, rows], scale, cmap)
    marks = main.scatter(half[rows], np.arange(len(rows)), s=16, facecolors="white", edgecolors=INK, lw=0.9, zorder=3)
    marks.set_gid("half_steps")
    main.set_yticks(np.arange(len(rows)), [genes[i] for i in rows], fontsize=8 * width_scale(width))
    name_ends(main, adata, part, a, b, via)
    bars = side.barh(
        np.arange(len(rows)), change[rows], height=0.66, color=[UP if c > 0 else DOWN for c in change[rows]]
    )
    bars[0].set_gid("change")
    text = width_scale(width)
    _style_changes(side, text)
    bar = figure.colorbar(
        ScalarMappable(scale, cmap), ax=[main, side], location="right", shrink=0.6, aspect=20, pad=0.02
    )
    label_colorbar(bar, LEVEL_LABEL, size=8 * text)
    main.set_title(
        title or f"{a} \N{RIGHTWARDS ARROW} {b}", color=INK, fontsize=11 * text, loc="left", pad=5 + 11 * text
    )
    notes = [] if len(rows) == len(genes) else [f"the {len(rows)} of {len(genes)} genes that change most"]
    notes.append("rings: half of the changes are made")
    others = table.groupby(["from", "to"], observed=True).ngroups - 1
    if others and (start is None or end is None):
        notes.append(f"{counted(others, 'more transition')}: `start=`, `end=`")
    caption(figure, notes)
    return finish(figure, [main, side], show=show, return_fig=return_fig)


def path_states(table: pd.DataFrame, start: str, end: str, via: str) -> pd.DataFrame:
    """Rows of a table of paths that belong to one of them, in their order."""
    return rows_of_path(table, start, end, via).sort_values("step", kind="stable")


def choose_transition(adata: AnnData, table: pd.DataFrame, start: str | None, end: str | None) -> tuple[str, str, str]:
    """Start, end and transition state of the path to draw: the one with the lowest barrier among those that fit."""
    known = table[["from", "to", "saddle"]].astype(str).drop_duplicates()
    fit = known[((known["from"] == start) | (start is None)) & ((known["to"] == end) | (end is None))]
    if fit.empty:
        pairs = known[["from", "to"]].drop_duplicates().itertuples(index=False)
        present = ", ".join(f"{a} to {b}" for a, b in pairs)
        msg = f"No path from {start or 'any attractor'} to {end or 'any other'}; there are: {present or 'none'}."
        raise ValueError(msg)
    if _keys.BARRIERS in results_of(adata):
        heights = results_of(adata)[_keys.BARRIERS]["table"]
        joined = fit.merge(heights[["from", "to", "saddle", "height"]].astype({"from": str, "to": str}), how="left")
        joined["height"] = joined["height"].fillna(np.inf)
        fit = joined.sort_values("height", kind="stable")
    first = fit.iloc[0]
    return str(first["from"]), str(first["to"]), str(first["saddle"])


def _levels(ax: Axes, step: NDArray[np.float64], levels: NDArray[np.float64], scale: Normalize, cmap: str) -> None:
    edges = np.concatenate([step[:1], (step[1:] + step[:-1]) / 2, step[-1:]])
    rows = np.arange(levels.shape[1] + 1) - 0.5
    mesh = ax.pcolormesh(edges, rows, levels.T, norm=scale, cmap=cmap, rasterized=True)
    mesh.set_gid("levels")
    for row in rows[1:-1]:
        ax.axhline(row, color="white", lw=0.6)
    ax.set_ylim(rows[-1], rows[0])
    hide_spines(ax, *ax.spines)
    ax.tick_params(length=0)


def _half_steps(
    record: Mapping[str, Any], path: tuple[str, str, str], genes: list[str], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of the path at which each gene has made half of its changes, the middle for genes that never change."""
    if "genes" not in record:
        msg = f"The paths have no order of genes; {HINT}."
        raise KeyError(msg)
    own = rows_of_path(record["genes"], *path)
    found = own.set_index(own["gene"].astype(str))["half_step"].reindex(genes).to_numpy(dtype=float)
    return np.where(np.isfinite(found), found, float(step.mean()))


def name_ends(ax: Axes, adata: AnnData, part: pd.DataFrame, start: str, end: str, via: str) -> float:
    """Label the start of the path, its transition state, and its end: the transition state or the other attractor.

    Returns
    -------
    Share of the path at the transition state.
    """
    results = results_of(adata)
    last, top = end, 1.0
    if "part" in part and (part["part"].astype(str) == "down").any():
        top = float(part.loc[part["part"].astype(str) == "up", "step"].max())
        ax.axvline(top, color=INK, lw=1.2, ls=(0, (3, 2)), zorder=2).set_gid("saddle")
        ax.annotate(via, (top, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                    ha="center", va="bottom", fontsize=8 * axes_scale(ax), color=INK)  # fmt: skip
    elif _keys.SADDLES in results and via in results[_keys.SADDLES]["states"].index:
        genes = list(results[_keys.SADDLES]["states"].columns)
        arrival = part.iloc[-1][genes].to_numpy(dtype=float)
        top_state = results[_keys.SADDLES]["states"].loc[via].to_numpy(dtype=float)
        goal = results[_keys.ATTRACTORS]["states"].loc[end, genes].to_numpy(dtype=float)
        if np.linalg.norm(arrival - top_state) < np.linalg.norm(arrival - goal):
            last = via
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 1.0], [start, last], fontsize=8 * axes_scale(ax))
    for label, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
        label.set_horizontalalignment(side)
    ax.set_xlabel("share of the path", fontsize=8 * axes_scale(ax), color=QUIET, labelpad=1)
    return top


def _style_changes(ax: Axes, text: float) -> None:
    ax.axvline(0, color=INK, lw=0.8)
    ax.margins(x=0.1)
    ax.xaxis.set_major_locator(MaxNLocator(2))
    ax.set_xlabel("change\nof level", fontsize=8 * text, color=QUIET)
    ax.tick_params(axis="x", labelsize=7 * text, colors=QUIET)
    ax.tick_params(axis="y", length=0, labelleft=False)
    hide_spines(ax, "top", "right", "left")
