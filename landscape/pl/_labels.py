"""Where the cells of each label lie and where they go: labels against basins and fates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from landscape import _keys, get
from landscape._anndata import require_adata
from landscape.pl.scene.cells import SAFE
from landscape.pl.style.figure import INK, PAGE, caption, finish, hide_spines, label_colorbar, width_scale
from landscape.topography.fates.labels import own_states

# Labels that are drawn, those with most cells; the table has all.
MAX_LABELS = 40
# Smallest width of a column, width of a letter of a name, and width of the colour bar with its labels, in inches.
_COLUMN, _LETTER, _BAR = 0.2, 0.075, 0.55
# Height of a row, in inches.
_ROW = 0.2
# Narrowest column, in inches, in which a number can be read, and value above which it is white.
_LEGIBLE, _DARK = 0.16, 0.4
# Frame of a label's own states: told from light and dark.
_FRAME = SAFE[1]
_TITLES = {"share": "cells in the basin", "chain": "fate on the chain", "model": "fate by the model"}


def labels(
    adata: AnnData,
    *,
    label_key: str | None = None,
    basin_key: str = _keys.BASIN,
    fate_key: str = _keys.FATES,
    cmap: str = "mako_r",
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the share of each label's cells in each basin, beside the mean probability of each fate.

    Rows are labels with their numbers of cells: first those that name a state, in the order of the states, then the others by
    the basin that most of their cells are in. Numbers are per cent. Of more than 40 labels those with most cells are drawn. Frames mark the states that are named after the label: a
    dark square elsewhere means that the model takes these cells for another type. Progenitors have no state of their own.

    Parameters
    ----------
    adata
        Annotated data with basins (:func:`landscape.tl.basins`), fates (:func:`landscape.tl.fates`), or both.
    label_key
        Column of :attr:`~anndata.AnnData.obs` with labels; by default that which named the attractors, else
        ``"cell_type"``.
    basin_key
        Column of :attr:`~anndata.AnnData.obs` with basins.
    fate_key
        Table of fate probabilities in :attr:`~anndata.AnnData.obsm`.
    cmap
        Colour map of the shares.
    width
        Width of the figure in inches. Panels go below one another where there is no room beside.
    title, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (basins, fates on the chain, fates by the model), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no labels, or neither basins nor fates.
    """
    require_adata(adata)
    tables = _tables(adata, label_key, basin_key, fate_key)
    first = next(iter(tables.values()))
    n_cells = first.groupby("label", sort=False)["n_cells"].first().sort_values(ascending=False, kind="stable")
    left_out = len(n_cells) - MAX_LABELS
    n_cells = n_cells[:MAX_LABELS]
    tables = {name: table[table["label"].isin(n_cells.index)] for name, table in tables.items()}
    wide = {name: table.pivot(index="label", columns=table.columns[2], values=name) for name, table in tables.items()}
    rows = _rows(next(iter(wide.values())))
    figure, axes, abreast = _layout(list(wide.values()), rows, n_cells, width)
    text = width_scale(width)
    widest = sum if abreast else max
    step = (width - _names_width(rows, n_cells) - _BAR) / widest(len(frame.columns) for frame in wide.values())
    for k, (ax, (name, frame)) in enumerate(zip(axes, wide.items(), strict=True)):
        drawn = _heat(ax, frame.loc[rows], cmap, step, text)
        ax.set_title(_TITLES[name], fontsize=9 * text, color=INK, loc="left")
        shown = [f"{row} ({n_cells[row]:,})" for row in rows] if not (abreast and k) else []
        ax.set_yticks(np.arange(len(shown)) + 0.5, shown, fontsize=8 * text)
        if not abreast and _named_below(list(wide.values()), k):
            ax.set_xticks([])
    bar = figure.colorbar(drawn, ax=axes, shrink=min(1.0, 1.4 / figure.get_size_inches()[1]), aspect=12, pad=0.01)
    label_colorbar(bar, "share, mean probability", size=7.5 * text)
    if title:
        figure.suptitle(title, color=INK, fontsize=11 * text)
    notes = [f"the {MAX_LABELS} labels with most cells, of {MAX_LABELS + left_out}"] if left_out > 0 else []
    caption(figure, [*notes, *_notes(tables, step)])
    return finish(figure, axes, show=show, return_fig=return_fig)


def _tables(adata: AnnData, label_key: str | None, basin_key: str, fate_key: str) -> dict[str, pd.DataFrame]:
    """Tidy tables by the column that is drawn."""
    tables: dict[str, pd.DataFrame] = {}
    if basin_key in adata.obs or fate_key not in adata.obsm:
        tables["share"] = get.labels(adata, label_key=label_key, basin_key=basin_key)
    if fate_key in adata.obsm:
        table = get.labels(adata, label_key=label_key, by="fate", fate_key=fate_key)
        tables |= {name: table for name in ("chain", "model") if name in table}
    return {name: table.assign(**{table.columns[2]: _ordered(table)}) for name, table in tables.items()}


def _ordered(table: pd.DataFrame) -> pd.Categorical:
    """States, those of one label beside each other."""
    states = list(dict.fromkeys(table.iloc[:, 2]))
    own = own_states(list(dict.fromkeys(table["label"])), states)
    kind = {state: label for label, members in own.items() for state in members}
    first = {
        state: next(i for i, other in enumerate(states) if kind.get(other, other) == kind.get(state, state))
        for state in states
    }
    return pd.Categorical(table.iloc[:, 2], categories=sorted(states, key=lambda s: (first[s], states.index(s))))


def _rows(wide: pd.DataFrame) -> list[str]:
    """Labels with a state of their own in the order of the states, then the others by their main state."""
    columns = list(wide.columns)
    own = own_states(list(wide.index), list(map(str, columns)))
    main = wide.fillna(0.0).to_numpy(dtype=float)

    def place(row: str) -> tuple[bool, int, float]:
        if own[row]:
            return False, min(columns.index(state) for state in own[row]), 0.0
        values = main[wide.index.get_loc(row)]
        return True, int(values.argmax()), -float(values.max())

    return sorted(wide.index, key=place)


def _layout(
    frames: Sequence[pd.DataFrame], rows: Sequence[str], n_cells: pd.Series, width: float
) -> tuple[Figure, list[Axes], bool]:
    """Axes for the panels, and whether they are beside each other; below where columns would be too narrow."""
    shape = [len(frame.columns) for frame in frames]
    abreast = sum(shape) * _COLUMN <= width - _names_width(rows, n_cells) - _BAR
    n_named = 1 if abreast else sum(not _named_below(frames, k) for k in range(len(frames)))
    below = 0.75 * _LETTER * max(len(str(name)) for frame in frames for name in frame.columns) + 0.1
    n_rows = 1 if abreast else len(frames)
    height = n_rows * (_ROW * len(rows) + 0.3) + n_named * below + 0.3
    figure, grid = plt.subplots(
        n_rows,
        len(frames) // n_rows,
        figsize=(width, height),
        layout="constrained",
        squeeze=False,
        width_ratios=shape if abreast else None,
    )
    return figure, list(grid.ravel()), abreast


def _named_below(frames: Sequence[pd.DataFrame], k: int) -> bool:
    """Whether the next panel has the same columns, whose names need not be repeated."""
    return k + 1 < len(frames) and list(frames[k].columns) == list(frames[k + 1].columns)


def _names_width(rows: Sequence[str], n_cells: pd.Series) -> float:
    return _LETTER * max(len(f"{row} ({n_cells[row]:,})") for row in rows)


def _heat(ax: Axes, frame: pd.DataFrame, cmap: str, step: float, text: float) -> Any:
    values = frame.to_numpy(dtype=float)
    n_rows, n_columns = values.shape
    palette = sns.color_palette(cmap, as_cmap=True)
    style: dict[str, Any] = {"vmin": 0, "vmax": 1, "edgecolors": "white", "linewidth": 0.6}
    drawn = ax.pcolormesh(np.arange(n_columns + 1), np.arange(n_rows + 1), values, cmap=palette, **style)
    drawn.set_gid("shares")
    ax.set(xlim=(0, n_columns), ylim=(n_rows, 0))
    states = [str(name) for name in frame.columns]
    ax.set_xticks(np.arange(n_columns) + 0.5, states, fontsize=8 * text)
    plt.setp(ax.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    hide_spines(ax, *ax.spines)
    own = own_states(list(frame.index), states)
    for i, row in enumerate(frame.index):
        for state in own[row]:
            frame_ = Rectangle((states.index(state) + 0.06, i + 0.06), 0.88, 0.88, fill=False, ec=_FRAME, lw=1.3 * text)
            ax.add_patch(frame_).set_gid("own")
    if step >= _LEGIBLE:
        size = min(7 * text, 26 * step)
        for i, j in zip(*np.nonzero(np.nan_to_num(values) > 0.005), strict=True):
            colour = "white" if values[i, j] > _DARK else INK
            ax.text(
                j + 0.5, i + 0.5, f"{100 * values[i, j]:.0f}", ha="center", va="center", fontsize=size, color=colour
            )
    return drawn


def _notes(tables: Mapping[str, pd.DataFrame], step: float) -> list[str]:
    notes = ["numbers: per cent"] if step >= _LEGIBLE else []
    if any(table["own"].any() for table in tables.values()):
        notes.append("frame: named after the label")
    if "model" in tables:
        table = tables["model"]
        simulated = int(table.groupby("label", sort=False)["n_model"].first().sum())
        notes.append(f"model: {simulated:,} cells drawn at random")
    return notes
