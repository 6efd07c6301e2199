"""Fate probabilities by the fitted model against those on the chain of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.figure import INK, QUIET, caption, finish, hide_spines, width_scale
from landscape.topography.fates.model_fates import MIN_KEPT

_HINT = "run `landscape.tl.fates(adata)` with `n_replicates` above 0"
# Smallest width of a panel in inches.
_PANEL = 1.55
DIFFER = "differ"


def fates_against(
    adata: AnnData,
    table: pd.DataFrame,
    key: str,
    *,
    palette: Mapping[str, str] | Sequence[str] | None,
    width: float,
    title: str | None,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw the fates of the model against those of the chain, fate by fate; parameters as in :func:`landscape.pl.fates`."""
    model_key, _, flag_key = (f"{key}{ending}" for ending in _keys.FATES_COMPARED)
    model = read(adata, "obsm", model_key, hint=_HINT)
    record = read_result(adata, _keys.FATES_PARAMS if key == _keys.FATES else key, hint=_HINT)
    followed = model.notna().all(axis=1).to_numpy()
    differs = (adata.obs[flag_key] == DIFFER).to_numpy()[followed]
    names = [str(name) for name in table.columns]
    colours = attractor_colours(adata, names, palette)
    text = width_scale(width)

    n = len(names) + 1
    rows = -(-n // max(1, int(width / _PANEL)))
    columns = -(-n // rows)
    side = width / columns
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, rows * (side + 0.15) + 0.35), layout="constrained", squeeze=False
    )
    axes = list(grid.ravel())
    for ax, name in zip(axes, names, strict=False):
        chain = table[name].to_numpy(dtype=float)[followed]
        _against(ax, chain, model[name].to_numpy(dtype=float)[followed], differs, colours[name], 9.0 * text**4)
        ax.set_title(name, fontsize=9.5 * text, color=INK, loc="left")
        ax.tick_params(labelsize=7 * text)
        ax.set_xlabel("on the chain", fontsize=7.5 * text, color=QUIET, labelpad=1)
    for row in range(rows):
        if row * columns < len(names):
            grid[row, 0].set_ylabel("by the model", fontsize=7.5 * text, color=QUIET, labelpad=1)
    _shares(axes[len(names)], record["by_fate"], colours, text)
    for ax in axes[n:]:
        ax.set_axis_off()
    if title:
        figure.suptitle(title, color=INK, fontsize=11 * text)
    caption(figure, _notes(record, differs))
    return finish(figure, axes[:n], show=show, return_fig=return_fig)


def _against(
    ax: Axes,
    chain: NDArray[np.float64],
    model: NDArray[np.float64],
    differs: NDArray[np.bool_],
    colour: str,
    size: float,
) -> None:
    ax.plot([0, 1], [0, 1], color=QUIET, lw=0.8, zorder=1)
    look: dict[str, Any] = {"s": size, "rasterized": True, "clip_on": False}
    agree = ax.scatter(chain[~differs], model[~differs], color=colour, alpha=0.35, linewidths=0, zorder=2, **look)
    agree.set_gid("agree")
    apart = ax.scatter(
        chain[differs], model[differs], facecolors="none", edgecolors=INK, linewidths=0.7, zorder=3, **look
    )
    apart.set_gid(DIFFER)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
    hide_spines(ax, "top", "right")


def _shares(ax: Axes, by_fate: pd.DataFrame, colours: Mapping[str, str], text: float) -> None:
    """Share of the cells in which the two differ, by most probable fate, with 95 % intervals."""
    shown = by_fate[by_fate["n_cells"] > 0]
    at = np.arange(len(shown))
    names = [str(name) for name in shown.index]
    ax.hlines(
        at, shown["share_low"], shown["share_high"], color=[colours.get(n, QUIET) for n in names], lw=3, alpha=0.4
    )
    points = ax.scatter(shown["share_differs"], at, s=16, color=[colours.get(n, QUIET) for n in names], zorder=3)
    points.set_gid("share_differs")
    ax.set_yticks(at, names, fontsize=7.5 * text)
    ax.set(xlim=(-0.02, 1.02), ylim=(len(shown) - 0.4, -0.6), xticks=[0, 0.5, 1])
    ax.set_title("cells that differ", fontsize=9.5 * text, color=INK, loc="left")
    ax.set_xlabel("share (95 % interval)", fontsize=7.5 * text, color=QUIET, labelpad=1)
    ax.tick_params(axis="x", labelsize=7 * text)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")


def _notes(record: Mapping[str, Any], differs: NDArray[np.bool_]) -> list[str]:
    notes = [
        f"probabilities of {len(differs):,} cells drawn at random",
        f"rings: the two differ by more than sampling and {record['params']['tolerance']:g}"
        f" ({np.count_nonzero(differs):,} cells)",
    ]
    by_fate = record["by_fate"]
    left = [f"{name} ({kept:.0%} stay)" for name, kept in by_fate["kept"].items() if kept < MIN_KEPT]
    if left:
        notes.append(f"most cells leave under the noise of the model: {', '.join(left)}")
    return notes
