"""Changes of fates by the perturbations of a screen as a heat map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from landscape.dynamics.ensemble import INTERVAL
from landscape.pl.style.circle import cluster_rows
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, finish, hide_spines, label_colorbar, new_axes
from landscape.pl.style.verdict import flagged_title

# Size of a field, and the room for names and the scale, in inches.
_ROW, _COLUMN, _ROOM = 0.17, 0.42, (3.1, 1.9)


def heatmap(
    adata: AnnData,
    record: Mapping[str, Any],
    table: pd.DataFrame,
    n_perturbations: int,
    *,
    title: str | None,
    ax: Axes | None,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw changes of shares, perturbations by fates; dots mark intervals that include zero."""
    moved = record["perturbations"]["moved"].loc[table["perturbation"].unique()]
    rows = moved.sort_values(ascending=False, kind="stable").index[:n_perturbations]
    fates = list(map(str, table["fate"].unique()))
    wide = table[table["perturbation"].isin(rows)].pivot(index="perturbation", columns="fate")
    change = wide["change"].loc[rows, fates]
    if len(change) > 1:
        change = change.iloc[cluster_rows(change.to_numpy(dtype=float))]
    n, k = change.shape
    figure, ax = new_axes(ax, size=(_COLUMN * k + _ROOM[0], _ROW * n + _ROOM[1]))
    drawn = ax.pcolormesh(
        np.arange(k + 1), np.arange(n + 1), change.to_numpy(dtype=float), cmap="RdBu_r", vmin=-1, vmax=1, edgecolors="white",
        lw=0.4,
    )  # fmt: skip
    drawn.set_gid("changes")
    low, high = (wide[end].loc[change.index, fates].to_numpy(dtype=float) for end in ("low", "high"))
    i, j = np.nonzero(low * high <= 0)
    ax.scatter(j + 0.5, i + 0.5, s=3, color=INK, lw=0, alpha=0.6).set_gid("uncertain")
    outside = _names(ax, record["perturbations"].loc[change.index], fates)
    bar = figure.colorbar(drawn, ax=ax, shrink=min(1.0, 14 / n), aspect=16, pad=0.02, anchor=(0.0, 1.0))
    label_colorbar(bar, "change of the share", size=8 * axes_scale(ax))
    title, colour = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=colour, fontsize=11 * axes_scale(ax))
    notes = [f"{n} of {len(moved)} single perturbations, those that move most cells"] if n < len(moved) else []
    if len(i):
        notes.append(f"dots: {100 * INTERVAL:.0f} % interval includes zero")
    notes += ["no replicates, no intervals"] * (not np.isfinite(low).any())
    notes += ["right: share of the cells that are moved, attractors lost, new"]
    caption(figure, [*notes, *(["*: level outside the range over cells"] * outside)])
    return finish(figure, ax, show=show, return_fig=return_fig)


def _names(ax: Axes, table: pd.DataFrame, fates: list[str]) -> bool:
    """Names of perturbations and fates, and what each does as a whole; returns whether a level is outside the data."""
    n, t = len(table), axes_scale(ax)
    inside = table["inside"].to_numpy(dtype=bool)
    ax.set_ylim(n, 0)
    names = [f"{name}{'' if within else ' *'}" for name, within in zip(table.index, inside, strict=True)]
    ax.set_yticks(np.arange(n) + 0.5, names, fontsize=7.5 * t)
    ax.set_xticks(np.arange(len(fates)) + 0.5, fates, fontsize=7.5 * t)
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    hide_spines(ax, *ax.spines)
    right = ax.secondary_yaxis("right")
    marks = [
        f"{moved:.2f}" + (f" \N{MINUS SIGN}{lost}" if lost else "") + (f" +{new}" if new else "")
        for moved, lost, new in table[["moved", "lost", "new"]].itertuples(index=False)
    ]
    right.set_yticks(np.arange(n) + 0.5, marks, fontsize=6.5 * t)
    right.tick_params(length=0, colors=QUIET, pad=2)
    hide_spines(right, *right.spines)
    return not inside.all()
