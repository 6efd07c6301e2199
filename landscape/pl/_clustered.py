"""A large network as a clustered matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import NDArray

from landscape.pl.style.figure import INK, QUIET, finish

# Largest matrix whose names can be read at the width of a page.
MAX_ROWS, MAX_COLUMNS = 50, 60


def clustered(weights: pd.DataFrame, title: str | None, ax: Axes | None, *, show: bool | None, return_fig: bool) -> Any:
    """Draw weights, regulators by targets, with rows and columns in the order of a clustering."""
    if ax is not None:
        msg = f"Expected no `ax` for a clustered matrix of {len(weights)} regulators, which makes its own figure; pass `kind='graph'` with `ax`."
        raise ValueError(msg)
    active = weights.loc[(weights != 0).any(axis=1), (weights != 0).any(axis=0)]
    shown = active.loc[_strongest(active, 1, MAX_ROWS), _strongest(active, 0, MAX_COLUMNS)]
    shown = shown.loc[(shown != 0).any(axis=1), (shown != 0).any(axis=0)]
    limit = float(np.abs(shown.to_numpy()).max())
    height = float(max(0.105 * shown.shape[0] + 1.8, 4.0))
    width = float(max(0.088 * shown.shape[1] + 1.8, 4.5))  # the width of a page for the largest matrix
    grid = sns.clustermap(
        shown,
        cmap="RdBu",
        vmin=-limit,
        vmax=limit,
        figsize=(width, height),
        xticklabels=True,
        yticklabels=True,
        row_linkage=_linkage(shown.to_numpy()),
        col_linkage=_linkage(shown.to_numpy().T),
        row_cluster=len(shown) > 1,
        col_cluster=shown.shape[1] > 1,
        cbar_kws={"ticks": [-limit, 0, limit], "format": "%.2g"},
        dendrogram_ratio=(1.0 / width, 0.75 / height),
        cbar_pos=(0.1 / width, 1 - 0.68 / height, 0.12 / width, 0.42 / height),
        rasterized=True,
    )
    grid.ax_cbar.set_title("weight", fontsize=7, loc="left", pad=6)
    grid.ax_cbar.tick_params(labelsize=6, length=2)
    grid.ax_heatmap.set_xlabel("target", fontsize=8)
    grid.ax_heatmap.set_ylabel("regulator", fontsize=8)
    grid.ax_heatmap.tick_params(labelsize=5.5, length=1.5, pad=1.5)
    if title:
        grid.figure.suptitle(title, color=INK)
    if shown.shape != weights.shape:
        note = f"{shown.shape[0]} regulators and {shown.shape[1]} targets with the strongest edges, of {len(weights)}"
        grid.figure.text(0.01, 0.004, note, fontsize=7, color=QUIET)
    return finish(grid.figure, grid, show=show, return_fig=return_fig)


def _strongest(weights: pd.DataFrame, axis: int, n: int) -> pd.Index:
    """Names with the ``n`` largest sums of absolute weights along an axis, in their order in the table."""
    total = weights.abs().sum(axis=axis).sort_values(ascending=False, kind="stable")
    kept = set(total.index[:n])
    return pd.Index([name for name in (weights.index if axis == 1 else weights.columns) if name in kept])


def _linkage(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Average linkage; computed here, since seaborn warns of large matrices where fastcluster is missing."""
    from scipy.cluster.hierarchy import linkage

    return linkage(values, method="average") if len(values) > 1 else None
