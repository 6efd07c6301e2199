"""Fates at several levels of a gene, and the critical levels at which valleys vanish."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from landscape.dynamics.ensemble import INTERVAL
from landscape.markov.naming import unnumbered
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, finish, hide_spines, new_axes
from landscape.pl.style.verdict import flagged_title

_PANEL, _COLUMNS = (2.9, 2.6), 3


def doses(
    adata: AnnData,
    table: pd.DataFrame,
    critical: pd.DataFrame,
    n_replicates: int,
    *,
    title: str | None,
    ax: Axes | None,
    show: bool | None,
    return_fig: bool,
) -> Any:
    """Draw the shares of the fates against the level of each gene."""
    genes = list(dict.fromkeys(table["gene_1"].astype(str)))
    if ax is not None and len(genes) > 1:
        msg = f"Expected one gene for `ax`, found doses of {len(genes)}: {genes}; choose one by `genes`."
        raise ValueError(msg)
    if ax is None and len(genes) > 1:
        columns = min(len(genes), _COLUMNS)
        rows = -(-len(genes) // columns)
        figure, grid = plt.subplots(
            rows, columns, figsize=(_PANEL[0] * columns, _PANEL[1] * rows + 0.5), layout="constrained", squeeze=False
        )
        axes = list(grid.ravel())
        for spare in axes[len(genes) :]:
            spare.axis("off")
        axes = axes[: len(genes)]
    else:
        figure, one = new_axes(ax, size=(4.6, 3.2))
        axes = [one]
    colours = attractor_colours(adata, list(dict.fromkeys(table["fate"].astype(str))))
    for gene, place in zip(genes, axes, strict=True):
        _panel(place, gene, table[table["gene_1"].astype(str) == gene], critical, colours)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", fontsize=7.5 * axes_scale(axes[0]), frameon=False)
    title, colour = flagged_title(adata, title)
    if title:
        figure.suptitle(title, color=colour, fontsize=11)
    band = f"band: {100 * INTERVAL:.0f} % interval, {n_replicates} replicates" if n_replicates else "no replicates"
    caption(
        figure, ["dashed: level at which the valley of the fate vanishes", "hollow: outside the range over cells", band]
    )
    return finish(figure, axes, show=show, return_fig=return_fig)


def _panel(ax: Axes, gene: str, table: pd.DataFrame, critical: pd.DataFrame, colours: dict[str, str]) -> None:
    t = axes_scale(ax)
    for fate, rows in table.groupby("fate", sort=False, observed=True):
        level, colour = rows["level_1"].to_numpy(dtype=float), colours[str(fate)]
        before = rows["before"].to_numpy(dtype=float)
        ends = [np.clip(before + rows[end].to_numpy(dtype=float), 0, 1) for end in ("low", "high")]
        ax.fill_between(level, *ends, color=colour, alpha=0.15, lw=0)
        ax.plot(level, rows["after"].to_numpy(dtype=float), color=colour, lw=1.5, label=str(fate))
        faces = [colour if inside else "white" for inside in rows["inside"].to_numpy(dtype=bool)]
        ax.scatter(level, rows["after"], s=14 * t, c=faces, edgecolors=colour, zorder=3)
    own = critical[(critical["gene"].astype(str) == gene).to_numpy() & critical["critical_level"].notna().to_numpy()]
    labels = unnumbered(list(own["attractor"].astype(str)))
    for label, at in zip(labels, own["critical_level"], strict=True):
        ax.axvline(float(at), color=colours.get(label, QUIET), lw=1.2, ls=(0, (4, 2)), zorder=1).set_gid("critical")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel(f"level of {gene}", fontsize=8.5 * t, color=INK)
    ax.set_ylabel("share of the cells", fontsize=8.5 * t)
    ax.tick_params(labelsize=7.5 * t)
    hide_spines(ax, "top", "right")
