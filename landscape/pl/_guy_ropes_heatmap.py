"""Tensions of genes at barriers as a heat map."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from landscape.pl.style.circle import cluster_order
from landscape.pl.style.figure import INK, axes_scale, caption, finish, hide_spines, label_colorbar, new_axes

# Size of a field in inches.
_ROW, _COLUMN = 0.17, 0.26


def heatmap(
    record: Any,
    wrt: str,
    barriers: list[str],
    n_genes: int,
    title: str | None,
    ax: Axes | None,
    *,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw tensions, genes by barriers; a dot marks those whose interval includes zero."""
    whole = record[wrt][barriers]
    genes = whole.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:n_genes]
    values = whole.loc[genes]
    rows = cluster_order(_apart(values.to_numpy(dtype=float)))
    values = values.iloc[rows]
    n, k = values.shape
    width = min(_COLUMN * k + 2.6, 12.0)
    figure, ax = new_axes(ax, size=(width, _ROW * n + 2.0))
    limit = float(values.abs().to_numpy().max()) or 1.0
    drawn = ax.pcolormesh(
        np.arange(k + 1),
        np.arange(n + 1),
        values.to_numpy(dtype=float),
        cmap="RdBu",
        vmin=-limit,
        vmax=limit,
        edgecolors="white",
        lw=0.4,
    )
    drawn.set_gid("tensions")
    low, high = (record[f"{wrt}_{side}"].loc[values.index, barriers].to_numpy(dtype=float) for side in ("low", "high"))
    i, j = np.nonzero(low * high <= 0)
    ax.scatter(j + 0.5, i + 0.5, s=3, color=INK, lw=0, alpha=0.6).set_gid("uncertain")
    t = axes_scale(ax)
    ax.set_ylim(n, 0)
    ax.set_yticks(np.arange(n) + 0.5, [str(name) for name in values.index], fontsize=7.5 * t)
    ax.set_xticks(np.arange(k) + 0.5, barriers, fontsize=7.5 * t)
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    hide_spines(ax, *ax.spines)
    bar = figure.colorbar(drawn, ax=ax, shrink=min(1.0, 12 / n), aspect=16, pad=0.02, anchor=(0.0, 1.0))
    label_colorbar(bar, f"d(barrier) / d ln({wrt})", size=8 * t)
    if title:
        ax.set_title(title, color=INK, fontsize=11 * t)
    notes = [f"{n} of {len(whole)} genes, those of the largest tension"] if n < len(whole) else []
    if len(i):
        notes.append("dots: interval over the replicates includes zero")
    caption(figure, [*notes, f"D = {float(record['params']['diffusion']):.2g}"])
    return finish(figure, ax, show=show, return_fig=return_fig)


def _apart(values: np.ndarray) -> np.ndarray:
    return np.linalg.norm(values[:, None] - values[None], axis=-1)
