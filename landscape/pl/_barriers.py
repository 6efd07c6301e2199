"""Barriers between attractors, with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl._figure import INK, caption, finish, new_axes

_HINT = "run `landscape.tl.barriers(adata)` first"


def barriers(
    adata: AnnData,
    *,
    key: str = _keys.BARRIERS,
    cmap: str = "rocket_r",
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw the barrier from each attractor (row) to each other one (column), with its interval where it has one.

    Parameters
    ----------
    adata
        Annotated data with barriers.
    key
        Name of the record in ``adata.uns["landscape"]``.
    cmap
        Colour map of the heights.
    title, ax, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    Axes, figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no barriers.
    ValueError
        If the table of barriers holds no height.
    """
    require_adata(adata)
    record = read_result(adata, key, hint=_HINT)
    table = record if isinstance(record, pd.DataFrame) else record["table"]
    if not np.isfinite(table["height"]).any():
        msg = "No barrier to draw: the table has no height; at least two attractors with a path are needed."
        raise ValueError(msg)
    names = list(dict.fromkeys([*table["from"].astype(str), *table["to"].astype(str)]))
    heights = pd.DataFrame(np.nan, index=names, columns=names)
    texts = pd.DataFrame("", index=names, columns=names)
    for row in table.to_dict("records"):
        start, end = str(row["from"]), str(row["to"])
        if not np.isfinite(row["height"]):
            texts.loc[start, end] = "no path"
            continue
        heights.loc[start, end] = row["height"]
        text = f"{row['height']:.2g}"
        if np.isfinite(row.get("low", np.nan)) and np.isfinite(row.get("high", np.nan)):
            text += f"\n[{row['low']:.2g}, {row['high']:.2g}]"
        texts.loc[start, end] = text if row.get("converged", True) else f"({text})"
    side = 2.2 + 0.95 * len(names)
    figure, ax = new_axes(ax, size=(side + 0.8, side * 0.8))
    sns.heatmap(
        heights,
        ax=ax,
        annot=texts,
        fmt="",
        cmap=cmap,
        vmin=0,
        mask=heights.isna(),
        linewidths=0.8,
        linecolor="white",
        annot_kws={"fontsize": 8},
        cbar_kws={"label": "barrier (action, dimensionless)", "shrink": 0.8},
    )
    ax.set(xlabel="to", ylabel="from", facecolor="#f0f1f3")
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=40)
    for label in ax.get_xticklabels():
        label.set_horizontalalignment("right")
    if title:
        ax.set_title(title, color=INK)
    unsettled = "converged" in table and not table["converged"].all()
    caption(figure, "in brackets: not converged" if unsettled else "")
    return finish(figure, ax, show=show, return_fig=return_fig)
