"""Driver genes of each fate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from landscape import _keys, get
from landscape._anndata import read_result, require_adata
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.figure import INK, PAGE, QUIET, caption, counted, finish, hide_spines

_HINT = "run `landscape.tl.drivers(adata)` first"
N_GENES, N_FALLING = 8, 4
# Largest q-value of a significant gene, as in `landscape.tl.drivers`.
LEVEL = 0.05
# Smallest width of a panel and height of a row, in inches.
_PANEL = 1.65
_ROW = 0.155
# Rows left free between the genes that rise and those that fall.
_GAP = 0.7


def drivers(
    adata: AnnData,
    *,
    key: str = _keys.DRIVERS,
    fates: Sequence[str] | None = None,
    n_genes: int = N_GENES,
    n_falling: int = N_FALLING,
    regulators: bool = False,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the genes that set each fate apart from its neighbouring fate most, in both directions.

    Dots are the contrasts of :func:`landscape.tl.drivers`, partial correlations, and lines their 95 % intervals. Filled dots
    are significant (q < 0.05 over the genes of a fate), hollow ones are not. The number at the right is the probability of
    the fate at which the gene has made half of its change: low for genes that change before the fate is decided. Names of
    regulators of the model are bold. Contrasts show association, not cause.

    Parameters
    ----------
    adata
        Annotated data with drivers.
    key
        Name of the record in ``adata.uns["landscape"]``.
    fates
        Fates to draw, in this order; ``None``: all.
    n_genes, n_falling
        Number of genes for each fate with the highest contrasts, and below them with the lowest.
    regulators
        Rank regulators of the model only.
    palette
        Colours of the fates; ``None``: those of the basins.
    width
        Width of the figure in inches; the number of rows of panels follows.
    title, show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes, one per fate; figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no drivers.
    ValueError
        If a fate is unknown, or there is no gene to draw.
    """
    record = read_result(require_adata(adata), key, hint=_HINT)
    table = get.drivers(adata, key=key)
    known = list(dict.fromkeys(table["fate"].astype(str)))
    chosen = known if fates is None else list(fates)
    if unknown := [name for name in chosen if name not in known]:
        msg = f"Expected `fates` out of {known}, found {unknown}."
        raise ValueError(msg)
    if n_genes < 0 or n_falling < 0 or n_genes + n_falling < 1:
        msg = f"Expected at least one gene to draw, found n_genes={n_genes} and n_falling={n_falling}."
        raise ValueError(msg)
    table = table[np.isfinite(table["contrast"])]
    if regulators:
        table = table[table["regulator"].astype(bool)]
    if table.empty:
        what = "regulator" if regulators else "gene"
        msg = f"Expected at least one {what} with a contrast, found none; {_HINT}."
        raise ValueError(msg)
    panels = [_ends(table[table["fate"].astype(str) == name], n_genes, n_falling) for name in chosen]
    colours = attractor_colours(adata, chosen, palette)

    rows = -(-len(panels) // max(1, int(width / _PANEL)))
    columns = -(-len(panels) // rows)
    tall = max(len(panel) for panel in panels) + _GAP
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, rows * (_ROW * (tall + 0.6) + 0.7) + 0.35), layout="constrained", squeeze=False
    )
    axes = list(grid.ravel())
    for ax, name, panel in zip(axes, chosen, panels, strict=False):
        _intervals(ax, panel, colours[name], bold=not regulators)
        ax.set_title(name, fontsize=9, color=INK, loc="left", pad=13)
        against = f"against {panel['neighbour'].iloc[0]}"
        ax.annotate(against, (0, 1), (0, 3), "axes fraction", textcoords="offset points", fontsize=7, color=QUIET)
        ax.set_ylim(tall - 0.3, -0.8)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    _label(axes[: len(panels)], columns)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    caption(figure, _notes(record, panels, table, regulators=regulators))
    return finish(figure, axes[: len(panels)], show=show, return_fig=return_fig)


def _ends(own: pd.DataFrame, n_high: int, n_low: int) -> pd.DataFrame:
    """Genes at both ends of a ranking, highest first, each once; ``gap`` marks the first gene of the lower end."""
    high = own.head(n_high)
    low = own.iloc[len(high) :].tail(n_low)
    return pd.concat([high.assign(gap=False), low.assign(gap=np.arange(len(low)) == 0)], ignore_index=True)


def _intervals(ax: Axes, panel: pd.DataFrame, colour: str, *, bold: bool) -> None:
    at = np.arange(len(panel)) + np.cumsum(panel["gap"].to_numpy(dtype=float)) * _GAP  # a space between the two ends
    sure = panel["contrast_q"].to_numpy(dtype=float) < LEVEL
    ax.axvline(0, color=QUIET, lw=0.8, zorder=0)
    low, high = panel["contrast_lower"], panel["contrast_upper"]
    ax.hlines(at, low, high, color=colour, lw=2.2, alpha=0.45, zorder=1).set_gid("intervals")
    points = ax.scatter(
        panel["contrast"],
        at,
        s=13,
        facecolors=[colour if firm else "white" for firm in sure],
        edgecolors=colour,
        linewidths=1.0,
        zorder=2,
    )
    points.set_gid("contrasts")
    for row, half in zip(at, panel["half_fate"], strict=True):
        if np.isfinite(half):
            text = f"{half:.2f}"
            ax.text(1.02, row, text, transform=ax.get_yaxis_transform(), fontsize=6, color=QUIET, va="center")
    ax.set_yticks(at, panel["gene"].astype(str), fontsize=7.5)
    for label, regulator in zip(ax.get_yticklabels(), panel["regulator"], strict=True):
        label.set_fontweight("bold" if bold and regulator else "normal")
    ax.set_xlim(-1.05, 1.05)
    ax.xaxis.set_major_locator(MaxNLocator(2))
    ax.tick_params(axis="x", labelsize=7, colors=QUIET)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")


def _label(axes: Sequence[Axes], columns: int) -> None:
    """Label the x axis of the lowest panel of each column."""
    for ax in axes[-columns:]:
        ax.set_xlabel("contrast", fontsize=7.5, color=QUIET)


def _notes(
    record: Mapping[str, Any], panels: Sequence[pd.DataFrame], table: pd.DataFrame, *, regulators: bool
) -> list[str]:
    what = "regulators" if regulators else "genes"
    drawn = pd.concat(panels)
    notes = [f"the {what} that set a fate apart most, of {table['gene'].nunique():,}"]
    if (drawn["contrast_q"] < LEVEL).all():
        notes.append("all significant (q < 0.05)")
    else:
        notes.append("filled: q < 0.05")
    notes.append("contrast: partial correlation with 95 % interval")
    notes.append("number: probability of the fate at half of the change")
    if drawn["regulator"].any() and not regulators:
        notes.append("bold: regulators of the model")
    notes.append(f"{counted(int(record['n_blocks']), 'block')} of neighbouring cells")
    return notes
