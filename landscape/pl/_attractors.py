"""What the attractors are made of, and how firmly they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl._figure import INK, QUIET, caption, finish

_HINT = "run `landscape.tl.attractors(adata)` first"
MOST_REGULATORS = 40
# Columns of the table that are drawn as bars, with their headings.
BARS = (
    ("n_cells", "cells"),
    ("leading_eigenvalue", "leading eigenvalue\n(rate, \N{MINUS SIGN} is stable)"),
    ("support", "support\n(share of ensemble)"),
)


def attractors(
    adata: AnnData,
    *,
    key: str = _keys.ATTRACTORS,
    n_regulators: int | None = MOST_REGULATORS,
    cmap: str = "mako_r",
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the level of each regulator in each attractor, with cells, leading eigenvalue and support beside it.

    Levels are those of the model: 0 is off and about 1 high. Regulators and attractors are put in the order of a
    clustering. An attractor relaxes at the rate of its leading eigenvalue: the nearer to zero, the weaker it stands.

    Parameters
    ----------
    adata
        Annotated data with attractors.
    key
        Name of the record in ``adata.uns["landscape"]``.
    n_regulators
        Most regulators drawn, those that differ most between attractors; the figure says how many of how many.
    cmap
        Colour map of the levels.
    title, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (levels, cells, eigenvalues, support), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no attractors.
    ValueError
        If the list of attractors is empty.
    """
    require_adata(adata)
    record = read_result(adata, key, hint=_HINT)
    states, table = record["states"], record["table"]
    if not len(states):
        msg = "No attractor to draw; run `landscape.tl.attractors` with more starts."
        raise ValueError(msg)
    total = states.shape[1]
    if n_regulators is not None and total > n_regulators:
        spread = states.max(0) - states.min(0)
        states = states[spread.sort_values(ascending=False, kind="stable").index[:n_regulators]]
    states = states.iloc[_order(states.to_numpy(dtype=float)), _order(states.to_numpy(dtype=float).T)]
    table = table.loc[states.index]
    bars = [(name, label) for name, label in BARS if name in table and table[name].notna().any()]
    figure, main, side = _layout(states, len(bars))
    _levels(main, states, cmap)
    for ax, (column, label) in zip(side, bars, strict=True):
        _bars(ax, table[column].to_numpy(dtype=float), column, label)
    if title:
        figure.suptitle(title, color=INK)
    notes = [] if states.shape[1] == total else [f"the {states.shape[1]} of {total} regulators that differ most"]
    if "observed" in table and not table["observed"].all():
        unseen = [str(name) for name in table.index[~table["observed"].to_numpy(dtype=bool)]]
        notes.append(f"no cells there: {', '.join(unseen)}")
    caption(figure, notes)
    return finish(figure, [main, *side], show=show, return_fig=return_fig)


def _layout(states: pd.DataFrame, n_bars: int) -> tuple[Figure, Axes, list[Axes]]:
    """Axes for the levels, and for the bars beside them."""
    names = 0.085 * max(len(str(name)) for name in states.index)
    levels = max(3.2, 0.19 * states.shape[1] + 0.6)
    figure, axes = plt.subplots(
        1,
        1 + n_bars,
        figsize=(levels + names + 1.3 * n_bars + 0.4, 2.0 + 0.42 * len(states)),
        layout="constrained",
        squeeze=False,
        gridspec_kw={"width_ratios": [levels, *([1.3] * n_bars)]},
    )
    main, *side = axes[0]
    return figure, main, side


def _levels(ax: Axes, states: pd.DataFrame, cmap: str) -> None:
    sns.heatmap(
        states,
        ax=ax,
        cmap=cmap,
        vmin=0,
        vmax=max(1.0, float(states.to_numpy().max())),
        linewidths=0.6,
        linecolor="white",
        xticklabels=True,
        yticklabels=True,
        cbar_kws={
            "label": "level (0 off, 1 high)",
            "location": "top",
            "pad": 0.03,
            "shrink": 0.5,
            "aspect": 22,
            "anchor": (0.0, 0.5),
        },
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=90, labelsize=8 if states.shape[1] <= 20 else 7, length=0)
    ax.tick_params(axis="y", rotation=0, labelsize=9, length=0)
    bar = ax.collections[0].colorbar
    bar.ax.tick_params(labelsize=7)
    bar.set_label(bar.ax.get_xlabel(), fontsize=8)


def _bars(ax: Axes, values: NDArray[np.float64], column: str, label: str) -> None:
    rows = np.arange(len(values)) + 0.5
    drawn = ax.barh(rows, np.nan_to_num(values), height=0.62, color="#6d8fa3")
    drawn[0].set_gid(column)
    ax.bar_label(drawn, labels=[_short(v) for v in values], fontsize=8, padding=2, color=INK)
    ax.set_ylim(len(values), 0)
    ax.set_yticks([])
    ax.set_title(label, fontsize=8.5, color=INK)
    ax.margins(x=0.5)
    ax.tick_params(axis="x", labelsize=7, colors=QUIET)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.axvline(0, color=INK, lw=0.8)
    for edge in ("top", "right", "left"):
        ax.spines[edge].set_visible(False)


def _order(values: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(values) < 3:
        return np.arange(len(values))
    return leaves_list(linkage(values, method="average", optimal_ordering=True))


def _short(value: float) -> str:
    if not np.isfinite(value):
        return "\N{EN DASH}"
    return f"{int(value):,}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.2f}"
