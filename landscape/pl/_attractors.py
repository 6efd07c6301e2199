"""Levels of regulators in the attractors, with their cells, stability and support."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.scene.places import unobserved
from landscape.pl.style.circle import cluster_rows
from landscape.pl.style.figure import INK, LEVEL_LABEL, PAGE, caption, finish, hide_spines, label_colorbar, width_scale

_HINT = "run `landscape.tl.attractors(adata)` first"
MAX_REGULATORS = 30
# Width at which text has its full size, in inches: with many rows and few columns, figures are narrow.
_FULL_WIDTH = 5.0
# Columns of the table that are drawn as bars, with their headings.
BARS = (
    ("n_cells", "cells in\nthe basin"),
    ("leading_eigenvalue", "leading\neigenvalue\n(1 / time)"),
    ("support", "support\n(share of\nensemble)"),
)


def attractors(
    adata: AnnData,
    *,
    key: str = _keys.ATTRACTORS,
    n_regulators: int | None = MAX_REGULATORS,
    cmap: str = "mako_r",
    width: float | None = None,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the level of each regulator in each attractor, with its cells, leading eigenvalue and support.

    Levels are those of the model: 0 is off and about 1 high. Regulators (rows) and attractors (columns) are in the order of
    a clustering; bars above have the colours of the basins. Perturbations of an attractor decay at the rate of its leading
    eigenvalue: near zero it is weakly stable.

    Parameters
    ----------
    adata
        Annotated data with attractors.
    key
        Name of the record in ``adata.uns["landscape"]``.
    n_regulators
        Largest number of regulators drawn, those that differ most between attractors; the caption states how many of how
        many.
    cmap
        Colour map of the levels.
    width
        Width of the figure in inches; ``None``: by the number of attractors. The height depends on the number of regulators.
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
        If there is none to draw.
    """
    require_adata(adata)
    record = read_result(adata, key, hint=_HINT)
    states, table = record["states"], record["table"]
    if not len(states):
        msg = "Expected at least one attractor, found none; run `landscape.tl.attractors` with more starts."
        raise ValueError(msg)
    total = states.shape[1]
    if n_regulators is not None and total > n_regulators:
        spread = states.max(0) - states.min(0)
        states = states[spread.sort_values(ascending=False, kind="stable").index[:n_regulators]]
    levels = states.to_numpy(dtype=float)
    states = states.iloc[cluster_rows(levels), cluster_rows(levels.T)]
    table = table.loc[states.index]
    bars = [(name, label) for name, label in BARS if name in table and table[name].notna().any()]
    colours = attractor_colours(adata, [str(name) for name in states.index])
    figure, main, side = _layout(states, len(bars), width)
    text = width_scale(float(figure.get_size_inches()[0]) * PAGE / _FULL_WIDTH)
    _levels(figure, main, states, cmap, text)
    for ax, (column, label) in zip(side, bars, strict=True):
        _bars(
            ax, table[column].to_numpy(dtype=float), column, label, [colours[str(name)] for name in states.index], text
        )
    if title:
        figure.suptitle(title, color=INK)
    notes = [] if states.shape[1] == total else [f"the {states.shape[1]} of {total} regulators that differ most"]
    if unseen := unobserved(table):
        notes.append(f"no cells near the state: {', '.join(unseen)}")
    caption(figure, notes)
    return finish(figure, [main, *side], show=show, return_fig=return_fig)


def _layout(states: pd.DataFrame, n_bars: int, width: float | None) -> tuple[Figure, Axes, list[Axes]]:
    """Axes for the levels, and for the bars above them."""
    names = 0.075 * max(len(str(name)) for name in states.columns)
    levels = max(0.6, 0.165 * states.shape[1])
    bars = 0.62
    figure, axes = plt.subplots(
        1 + n_bars,
        1,
        figsize=(width or max(3.4, 0.52 * len(states) + names + 1.5), bars * n_bars + levels + 1.5),
        layout="constrained",
        squeeze=False,
        sharex=True,
        gridspec_kw={"height_ratios": [*([bars] * n_bars), levels]},
    )
    *side, main = axes[:, 0]
    figure.align_ylabels(side)
    return figure, main, side


def _levels(figure: Figure, ax: Axes, states: pd.DataFrame, cmap: str, text: float) -> None:
    values = states.to_numpy(dtype=float).T
    drawn = ax.pcolormesh(
        np.arange(values.shape[1] + 1),
        np.arange(values.shape[0] + 1),
        values,
        cmap=sns.color_palette(cmap, as_cmap=True),
        vmin=0,
        vmax=max(1.0, float(values.max())),
        edgecolors="white",
        linewidth=0.6,
    )
    drawn.set_gid("levels")
    ax.set_ylim(values.shape[0], 0)
    ax.set_xlim(0, values.shape[1])
    ax.set_yticks(np.arange(values.shape[0]) + 0.5, [str(name) for name in states.columns], fontsize=8 * text)
    ax.set_xticks(np.arange(values.shape[1]) + 0.5, [str(name) for name in states.index], fontsize=9 * text)
    plt.setp(ax.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    hide_spines(ax, *ax.spines)
    bar = figure.colorbar(drawn, ax=ax, shrink=min(1.0, 11 / values.shape[0]), aspect=14, pad=0.03, anchor=(0.0, 1.0))
    label_colorbar(bar, LEVEL_LABEL, size=8)


def _bars(ax: Axes, values: NDArray[np.float64], column: str, label: str, colours: list[str], text: float) -> None:
    drawn = ax.bar(np.arange(len(values)) + 0.5, np.nan_to_num(values), width=0.6, color=colours)
    drawn[0].set_gid(column)
    ax.bar_label(drawn, labels=[_short(v, column) for v in values], fontsize=7.5 * text, padding=2, color=INK)
    ax.set_ylabel(label, fontsize=8 * text, color=INK, rotation=0, ha="right", va="center")
    ax.set_yticks([])
    ax.margins(y=0.45)
    ax.axhline(0, color=INK, lw=0.8)
    ax.tick_params(axis="x", length=0, labelbottom=False)
    hide_spines(ax, *ax.spines)


def _short(value: float, column: str) -> str:
    if not np.isfinite(value):
        return "\N{EN DASH}"
    text = f"{value:,.0f}" if column == "n_cells" else f"{value:.2f}"
    return text.replace("-", "\N{MINUS SIGN}")
