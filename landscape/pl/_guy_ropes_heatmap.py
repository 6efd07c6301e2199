"""Tensions of genes at barriers as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from landscape.pl.style.circle import cluster_rows
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, finish, hide_spines, label_colorbar, new_axes
from landscape.pl.style.verdict import flagged_title

# Size of a field, and the room for names and the scale, in inches.
_ROW, _COLUMN, _ROOM = 0.17, 0.27, (2.9, 2.1)
# Barriers drawn at most, the lowest ones.
MAX_BARRIERS = 30


def heatmap(
    adata: Any,
    record: Mapping[str, Any],
    wrt: str,
    barriers: Sequence[str],
    n_genes: int,
    title: str | None,
    ax: Axes | None,
    *,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw tensions, genes by barriers, with pleiotropy and polygenicity; dots mark intervals that include zero."""
    actions = record["barriers"]["action"].loc[list(barriers)]
    shown = (
        actions.index if len(actions) <= MAX_BARRIERS else actions[actions.rank(method="first") <= MAX_BARRIERS].index
    )
    whole = record[wrt][list(shown)]
    genes = whole.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:n_genes]
    values = whole.loc[genes]
    values = values.iloc[cluster_rows(values.to_numpy(dtype=float))]
    n, k = values.shape
    figure, ax = new_axes(ax, size=(_COLUMN * k + _ROOM[0], _ROW * n + _ROOM[1]))
    limit = float(values.abs().to_numpy().max()) or 1.0
    drawn = ax.pcolormesh(
        np.arange(k + 1), np.arange(n + 1), values.to_numpy(dtype=float), cmap="RdBu", vmin=-limit, vmax=limit,
        edgecolors="white", lw=0.4,
    )  # fmt: skip
    drawn.set_gid("tensions")
    low, high = (record[f"{wrt}_{side}"].loc[values.index, shown].to_numpy(dtype=float) for side in ("low", "high"))
    i, j = np.nonzero(low * high <= 0)
    ax.scatter(j + 0.5, i + 0.5, s=3, color=INK, lw=0, alpha=0.6).set_gid("uncertain")
    _names(ax, record, values.index, shown)
    bar = figure.colorbar(drawn, ax=ax, shrink=min(1.0, 14 / n), aspect=16, pad=0.02, anchor=(0.0, 1.0))
    label_colorbar(bar, f"d(barrier) / d ln({wrt})", size=8 * axes_scale(ax))
    title, colour = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=colour, fontsize=11 * axes_scale(ax))
    notes = [f"D = {float(record['params']['diffusion']):.2g}"]
    if n < len(whole):
        notes.append(f"{n} of {len(whole)} genes, those of the largest tension")
    if k < len(actions):
        notes.append(f"the {k} lowest of {len(actions)} barriers")
    if len(i):
        notes.append("dots: interval over the replicates includes zero")
    caption(figure, [*notes, "numbers: pleiotropy of a gene, polygenicity of a barrier"])
    return finish(figure, ax, show=show, return_fig=return_fig)


def _names(ax: Axes, record: Mapping[str, Any], genes: Any, barriers: Any) -> None:
    """Names of genes and barriers, and how many of the others each has part in."""
    n, k, t = len(genes), len(barriers), axes_scale(ax)
    ax.set_ylim(n, 0)
    ax.set_yticks(np.arange(n) + 0.5, list(map(str, genes)), fontsize=7.5 * t)
    ax.set_xticks(np.arange(k) + 0.5, list(map(str, barriers)), fontsize=7.5 * t)
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    hide_spines(ax, *ax.spines)
    right = ax.secondary_yaxis("right")
    right.set_yticks(
        np.arange(n) + 0.5, [f"{v:.1f}" for v in record["genes"]["pleiotropy"].loc[genes]], fontsize=6.5 * t
    )
    top = ax.secondary_xaxis("top")
    numbers = [f"{v:.1f}" for v in record["barriers"]["polygenicity"].loc[barriers]]
    top.set_xticks(np.arange(k) + 0.5, numbers, fontsize=6.5 * t)
    for side in (right, top):
        side.tick_params(length=0, colors=QUIET, pad=2)
        hide_spines(side, *side.spines)
