"""What the attractors are made of, and how firmly they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from anndata import AnnData
from matplotlib import pyplot as plt

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.pl._figure import INK, QUIET, caption, finish

_HINT = "run `landscape.tl.attractors(adata)` first"
MOST_REGULATORS = 50


def attractors(
    adata: AnnData,
    *,
    key: str = _keys.ATTRACTORS,
    n_regulators: int | None = MOST_REGULATORS,
    cmap: str = "mako_r",
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the level of each regulator in each attractor, with cells, leading eigenvalue and support beside it.

    Levels are those of the model: 0 is off and about 1 high. Regulators and attractors are put in the order of a
    clustering. An attractor relaxes at the rate of its leading eigenvalue: the nearer to zero, the weaker it stands.

    Parameters
    ----------
    adata
        Annotated data with attractors.
    key
        Name of the record in ``adata.uns["landscape"]``.
    n_regulators
        Most regulators drawn, those that differ most between attractors; the figure says how many of how many.
    cmap
        Colour map of the levels.
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
        If the list of attractors is empty.
    """
    require_adata(adata)
    record = read_result(adata, key, hint=_HINT)
    states, table = record["states"], record["table"]
    if not len(states):
        msg = "No attractor to draw; run `landscape.tl.attractors` with more starts."
        raise ValueError(msg)
    total = states.shape[1]
    if n_regulators is not None and total > n_regulators:
        spread = states.max(0) - states.min(0)
        states = states[spread.sort_values(ascending=False, kind="stable").index[:n_regulators]]
    states = states.iloc[_order(states.to_numpy(dtype=float)), _order(states.to_numpy(dtype=float).T)]
    table = table.loc[states.index]
    bars = [
        (column, label)
        for column, label in (
            ("n_cells", "cells"),
            ("leading_eigenvalue", "leading eigenvalue\n(rate, \N{MINUS SIGN} is stable)"),
            ("support", "support\n(share of ensemble)"),
        )
        if column in table and table[column].notna().any()
    ]
    width = max(4.0, 0.24 * states.shape[1]) + 1.35 * len(bars) + 1.6
    figure, axes = plt.subplots(
        1,
        1 + len(bars),
        figsize=(width, 1.5 + 0.42 * len(states)),
        layout="constrained",
        squeeze=False,
        gridspec_kw={"width_ratios": [max(4.0, 0.24 * states.shape[1]), *([1.35] * len(bars))]},
    )
    main, *side = axes[0]
    top = max(1.0, float(states.to_numpy().max()))
    sns.heatmap(
        states,
        ax=main,
        cmap=cmap,
        vmin=0,
        vmax=top,
        linewidths=0.6,
        linecolor="white",
        xticklabels=True,
        yticklabels=True,
        cbar_kws={
            "label": "level (0 off, 1 high)",
            "location": "left",
            "pad": 0.16 if len(states) else 0.1,
            "aspect": 12,
        },
    )
    main.set(xlabel="", ylabel="")
    main.tick_params(axis="x", rotation=90, labelsize=8, length=0)
    main.tick_params(axis="y", rotation=0, labelsize=9, length=0)
    rows = np.arange(len(states)) + 0.5
    for ax, (column, label) in zip(side, bars, strict=True):
        values = table[column].to_numpy(dtype=float)
        drawn = ax.barh(rows, values, height=0.62, color="#6d8fa3")
        drawn[0].set_gid(column)
        ax.bar_label(drawn, labels=[_short(v) for v in values], fontsize=8, padding=2, color=INK)
        ax.set_ylim(len(states), 0)
        ax.set_yticks([])
        ax.set_title(label, fontsize=8.5, color=INK)
        ax.margins(x=0.45)
        ax.tick_params(axis="x", labelsize=7, colors=QUIET)
        ax.axvline(0, color=INK, lw=0.8)
        for edge in ("top", "right", "left"):
            ax.spines[edge].set_visible(False)
    if title:
        figure.suptitle(title, color=INK)
    notes = [] if states.shape[1] == total else [f"the {states.shape[1]} of {total} regulators that differ most"]
    if "observed" in table and not table["observed"].all():
        unseen = [str(name) for name in table.index[~table["observed"].to_numpy(dtype=bool)]]
        notes.append(f"no cells there: {', '.join(unseen)}")
    caption(figure, "  \N{MIDDLE DOT}  ".join(notes))
    return finish(figure, [main, *side], show=show, return_fig=return_fig)


def _order(values: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(values) < 3:
        return np.arange(len(values))
    return leaves_list(linkage(values, method="average", optimal_ordering=True))


def _short(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.2f}"
