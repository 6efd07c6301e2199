"""Perturbations of a screen as points: effect against certainty, and pairs against the sum of their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from landscape.dynamics.ensemble import INTERVAL
from landscape.perturbation.certainty import smallest_lfsr
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, finish, hide_spines, new_axes
from landscape.pl.style.verdict import flagged_title

_SIZE = (6.5, 4.2)
# Names stand at least this share of an axis apart, across and along.
_APART = (0.035, 0.055)


def volcano(
    adata: AnnData,
    table: pd.DataFrame,
    n_labels: int,
    n_replicates: int,
    *,
    title: str | None,
    ax: Axes | None,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw the change of the log odds against the rate of sign errors."""
    shown = table[(table["acts"].to_numpy(dtype=bool)) & table["lfsr"].notna().to_numpy()]
    figure, ax = new_axes(ax, size=_SIZE)
    x, y = shown["log_odds"].to_numpy(dtype=float), shown["lfsr"].to_numpy(dtype=float)
    floor = smallest_lfsr(n_replicates)
    ax.axvline(0, color=QUIET, lw=0.8, zorder=0)
    ax.axhline(floor, color=QUIET, lw=0.8, ls=":", zorder=0)
    _points(adata, ax, shown, x, y, np.ones(len(shown), dtype=bool))
    ax.set_yscale("log")
    ax.set_ylim(1.15, floor * (floor / 1.15) ** 0.45)  # room for the names above the smallest rate
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ticks = [value for value in (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01) if value > floor * 1.2]
    ax.set_yticks([*ticks, floor], [*(f"{value:g}" for value in ticks), f"{floor:.2g}"])
    order = np.lexsort((-np.abs(x), y))
    _label(ax, shown, x, y, order, n_labels, rotation=60)
    _style(adata, ax, title, "change of the log odds of the fate", "rate of sign errors (lfsr)")
    note = f"dotted: the smallest rate that {n_replicates} replicates can give"
    caption(figure, [note, f"{shown['perturbation'].nunique()} perturbations"])
    return finish(figure, ax, show=show, return_fig=return_fig)


def epistasis(
    adata: AnnData,
    pairs: pd.DataFrame,
    n_labels: int,
    n_replicates: int,
    *,
    title: str | None,
    ax: Axes | None,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw the change of the log odds by pairs against the sum of both single changes."""
    figure, ax = new_axes(ax, size=_SIZE)
    y, beyond = pairs["log_odds"].to_numpy(dtype=float), pairs["epistasis"].to_numpy(dtype=float)
    known = np.isfinite(beyond)  # all or no paths end there with one part and with both: no statement
    n_unknown, pairs, y, beyond = int((~known).sum()), pairs[known], y[known], beyond[known]
    x = y - beyond
    low, high = (pairs[f"epistasis_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    sure = low * high > 0
    ax.axline((0, 0), slope=1, color=QUIET, lw=0.8, zorder=0)
    _points(adata, ax, pairs, x, y, sure)
    nearer = np.where(sure, np.minimum(np.abs(low), np.abs(high)), 0.0)
    _label(ax, pairs, x, y, np.lexsort((-np.abs(beyond), -nearer)), n_labels)
    _style(adata, ax, title, "sum of both single changes of the log odds", "change by the pair")
    notes = ["line: no epistasis", f"{pairs['perturbation'].nunique()} pairs"]
    notes += [f"{n_unknown} without a statement: no or all cells, with a part and with both"] * (n_unknown > 0)
    notes.append(
        f"filled: {100 * INTERVAL:.0f} % interval of the epistasis leaves out zero, {n_replicates} replicates"
        if n_replicates
        else "no replicates, no intervals"
    )
    caption(figure, notes)
    return finish(figure, ax, show=show, return_fig=return_fig)


def _points(
    adata: AnnData,
    ax: Axes,
    table: pd.DataFrame,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    filled: NDArray[np.bool_],
) -> None:
    fates = table["fate"].astype(str).to_numpy()
    names = list(dict.fromkeys(fates))
    colours, size = attractor_colours(adata, names), 16 * axes_scale(ax) ** 2
    for name in names:
        own = fates == name
        faces = [colours[name] if yes else "white" for yes in filled[own]]
        ax.scatter(
            x[own], y[own], s=size, c=faces, edgecolors=colours[name], linewidths=0.8, alpha=0.8, label=name
        ).set_gid(f"points {name}")
    ax.legend(
        handles=[ax.scatter([], [], s=size * 1.6, color=colours[name], label=name) for name in names],
        fontsize=7.5 * axes_scale(ax), frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.2,
    )  # fmt: skip


def _label(
    ax: Axes,
    table: pd.DataFrame,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    order: NDArray[np.int64],
    n_labels: int,
    *,
    rotation: float = 0.0,
) -> None:
    """Name points in this order, and leave out names that would lie upon another one."""
    ax.autoscale_view()
    to_axes = ax.transLimits.transform(ax.transScale.transform(np.column_stack([x, y])))
    taken, named = list[NDArray[np.float64]](), set[str]()
    names = table["perturbation"].astype(str).to_numpy()
    for k in order.tolist():
        if len(taken) == n_labels:
            break
        clear = all((np.abs(to_axes[k] - other) > _APART).any() for other in taken)
        if not np.isfinite(to_axes[k]).all() or not clear or names[k] in named:
            continue
        taken.append(to_axes[k])
        named.add(names[k])
        ax.annotate(
            names[k], (x[k], y[k]), xytext=(2, 4), textcoords="offset points", fontsize=6.5 * axes_scale(ax), color=INK,
            rotation=rotation, rotation_mode="anchor",
        )  # fmt: skip


def _style(adata: AnnData, ax: Axes, title: str | None, x_label: str, y_label: str) -> None:
    t = axes_scale(ax)
    ax.set_xlabel(x_label, fontsize=8.5 * t)
    ax.set_ylabel(y_label, fontsize=8.5 * t)
    ax.tick_params(labelsize=7.5 * t)
    hide_spines(ax, "top", "right")
    title, colour = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=colour, fontsize=11 * t)
