"""Effects of a perturbation: the landscape before and after it, the fates, and the regulators that change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.ticker import MaxNLocator

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.dynamics.ensemble import INTERVAL
from landscape.markov.naming import unnumbered
from landscape.pl._before_after import arrange_alike, before_and_after
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.scene.view import ELEVATION
from landscape.pl.style.figure import (
    DOWN,
    INK,
    PAGE,
    UP,
    caption,
    finish,
    hide_spines,
    width_scale,
)
from landscape.pl.style.labels import LabelRow

_HINT = "run `landscape.tl.perturb(adata, levels)` first"
MAX_REGULATORS = 15
# Width from which parts stand beside one another, in inches.
_BESIDE = 5.5
# Half the height of the tick of a control, in rows, and its colour.
_TICK, _CONTROL = 0.26, "#8c959f"
# Smallest share of a fate that is drawn.
_MIN_SHARE = 1e-9


def perturbation(
    adata: AnnData,
    *,
    key: str | None = None,
    n_regulators: int = MAX_REGULATORS,
    elevation: float = ELEVATION,
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw the effects of a perturbation: landscape before and after, fates with intervals, and regulators that change.

    Attractors of one label are one fate. Beside each fate stand the change of its share, the interval and the local false sign rate (``lfsr``) over the replicates
    of the model. Grey ticks are what the same level of other regulators, the controls, does to the fate.

    Both reliefs have the same scale of heights and the same view. Attractors that are lost are crossed out on the first, new
    ones are marked on the second.

    Parameters
    ----------
    adata
        Annotated data with perturbations.
    key
        Name of the perturbation, such as ``"Gata1=0"`` for a knock-out; ``None``: the last one.
    n_regulators
        Largest number of regulators drawn, those that change most.
    elevation
        Angle of the view of the reliefs, in degrees.
    width
        Width of the figure in inches; the height follows. In a narrow figure the parts stand below one another.
    title
        Title; ``None``: the name of the perturbation.
    show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (before and after, where the landscapes were computed; fates; regulators), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no such perturbation.
    """
    require_adata(adata)
    key, record = _find(adata, key)
    fates, expression = record.get("labels", record["fates"]), record.get("expression")
    drawn = record.get("occupancy")
    drawn = drawn if isinstance(drawn, Mapping) and "before" in drawn else None
    shown = fates[(fates[["before", "after"]].fillna(0.0).abs() > _MIN_SHARE).any(axis=1)]
    colours = attractor_colours(adata, list(map(str, record["fates"].index)))

    drawn_regulators = 0 if expression is None else min(n_regulators, len(expression))
    wide = width >= _BESIDE
    relief = 0.42 * width if wide else 1.35 * width
    heights = [max(0.3 * len(shown), 1.2) + 0.75, 0.17 * drawn_regulators + 0.75]
    below = [max(heights)] if wide else heights[: 1 + bool(drawn_regulators)]
    parts = [relief] * (drawn is not None) + below
    figure = plt.figure(figsize=(width, sum(parts) + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08)  # type: ignore[union-attr, call-arg]
    grid = figure.add_gridspec(len(parts), 1, height_ratios=parts)
    axes: list[Axes] = []
    text = width_scale(width)
    notes = _warnings(record)
    rows: list[LabelRow] = []
    if drawn is not None:
        axes, rows = before_and_after(figure, grid[0], adata, record, drawn, colours, elevation, notes, wide=wide)
    beside = GridSpecFromSubplotSpec(1, 2, grid[-1], width_ratios=[1.35, 1.0])
    cells = [beside[0], beside[1]] if wide else [grid[len(parts) - len(below) + i] for i in range(len(below))]
    axes.append(figure.add_subplot(cells[0]))
    _fates(axes[-1], shown, _controls(record, list(shown.index)), colours, text, wide=wide)
    if drawn_regulators:
        axes.append(figure.add_subplot(cells[1]))
        notes += _regulators(axes[-1], expression, n_regulators, text)
    notes = _legend(record, shown) + notes
    figure.suptitle(title or key, color=INK, fontsize=12 * text)
    caption(figure, notes)
    arrange_alike(rows, axes[: 2 * (drawn is not None)])
    return finish(figure, axes, show=show, return_fig=return_fig)


def _find(adata: AnnData, key: str | None) -> tuple[str, Mapping[str, Any]]:
    records = read_result(adata, _keys.PERTURBATIONS, hint=_HINT)
    known = [name for name, record in records.items() if isinstance(record, Mapping) and "fates" in record]
    if not known or (key is not None and key not in known):
        msg = f"There is no perturbation {key!r}; {_HINT}. Present: {known}." if key else f"No perturbation; {_HINT}."
        raise KeyError(msg)
    name = known[-1] if key is None else key
    return name, records[name]


def _controls(record: Mapping[str, Any], fates: list[str]) -> pd.DataFrame | None:
    """Change of each of these fates under each control; attractors of one label are one fate."""
    controls = record.get("controls")
    if not isinstance(controls, pd.DataFrame):
        return None
    together = (
        controls.T.groupby(unnumbered(list(controls.columns)), sort=False).sum().T if "labels" in record else controls
    )
    return together[fates]


def _legend(record: Mapping[str, Any], shown: pd.DataFrame) -> list[str]:
    """What the marks are, and how well the unperturbed shares agree with the chain."""
    marks = ["ring: before, dot: after", *_stays(record)]
    params = record.get("params", {})
    if shown["low"].notna().any():
        marks.append(f"bar: {100 * INTERVAL:.0f} % interval, {int(params.get('n_replicates', 0))} replicates")
    else:
        marks.append("no replicates, no interval")
    if isinstance(record.get("controls"), pd.DataFrame):
        marks.append(f"ticks: {len(record['controls'])} regulators of like level and strength")
    found = float(record.get("start_tv", np.nan))
    agreement = f"before: {found:.2f} of the cells end elsewhere on the chain"
    return [*marks, *([agreement] if np.isfinite(found) else [])]


def _stays(record: Mapping[str, Any]) -> list[str]:
    """Share of the cells that stay after a release, if there was one."""
    table = record.get("release")
    if not isinstance(table, pd.DataFrame):
        return []
    stay = float((table["held"] * table["stay"].fillna(0.0)).sum())
    return [f"after the release {100 * stay:.0f} % of the cells stay where they were led"]


def _warnings(record: Mapping[str, Any]) -> list[str]:
    """Notes on levels that the model has not seen, and on genes without an effect in it."""
    notes = []
    levels = record.get("levels")
    if isinstance(levels, pd.DataFrame):
        if "inside" in levels and (outside := list(map(str, levels.index[~levels["inside"].to_numpy(dtype=bool)]))):
            notes.append(f"outside the range of the data: {', '.join(outside)}")
        if "acts" in levels and (silent := list(map(str, levels.index[~levels["acts"].to_numpy(dtype=bool)]))):
            notes.append(f"without any edge in the model: {', '.join(silent)}")
    return notes


def _fates(
    ax: Axes,
    fates: pd.DataFrame,
    controls: pd.DataFrame | None,
    colours: Mapping[str, str],
    text: float,
    *,
    wide: bool,
) -> None:
    """From a ring (before) to a dot (after), with the interval of the change around the dot, and ticks for controls."""
    rows = np.arange(len(fates))
    before, after = fates["before"].to_numpy(dtype=float), fates["after"].to_numpy(dtype=float)
    low, high = (
        np.clip(before + fates[end].to_numpy(dtype=float), 0.0, 1.0) if end in fates else np.full(len(fates), np.nan)
        for end in ("low", "high")
    )
    chosen = [colours[str(name)] for name in fates.index]
    marked = np.zeros((0, len(fates)))
    if controls is not None:
        marked = before + controls[list(fates.index)].to_numpy(dtype=float)
        level = np.tile(rows, len(marked))
        ticks = ax.vlines(marked.ravel(), level - _TICK, level + _TICK, color=_CONTROL, lw=1.0 * text, zorder=1.5)
        ticks.set_gid("controls")
    ax.hlines(rows, low, high, color="#9aa3ad", lw=5, alpha=0.55, zorder=1).set_gid("intervals")
    ax.hlines(rows, before, after, color=chosen, lw=1.6, zorder=2)
    ax.scatter(before, rows, s=42 * text, facecolors="white", edgecolors=chosen, linewidths=1.6, zorder=3).set_gid(
        "before"
    )
    ax.scatter(after, rows, s=42 * text, color=chosen, zorder=4).set_gid("after")
    for row, (_, values) in zip(rows, fates.iterrows(), strict=True):
        ax.annotate(
            _change(values, wide=wide),
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=7.5 * text,
            color=INK,
            va="center",
        )
    ax.set_yticks(rows, [str(name) for name in fates.index], fontsize=8.5 * text)
    ax.set_ylim(len(fates) - 0.4, -0.6)
    ends = np.nanmax(np.concatenate([before, after, high, marked.ravel(), [0.0]]))
    ax.set_xlim(min(-0.02, np.nanmin(np.concatenate([low, [0.0]])) - 0.01), min(1.02, ends * 1.08 + 0.02))
    ax.set_xlabel("share of the cells", fontsize=8 * text)
    ax.set_title("fates", fontsize=9.5 * text, color=INK, loc="left")
    ax.grid(axis="x", color="#e4e7eb", lw=0.8, zorder=0)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelsize=7.5 * text)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")


def _change(row: pd.Series, *, wide: bool) -> str:
    """Change with its interval and rate of sign errors; a narrow figure has no room for the numbers of the interval."""
    text = _signed(row["change"])
    if wide and np.isfinite(row.get("low", np.nan)) and np.isfinite(row.get("high", np.nan)):
        text += f" [{_signed(row['low'])}, {_signed(row['high'])}]"
    if np.isfinite(row.get("lfsr", np.nan)):
        text += f" lfsr {row['lfsr']:.2f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    rounded = round(float(value), 2)
    return f"{rounded:+.2f}" if rounded else "0.00"  # no "-0.00"


def _regulators(ax: Axes, expression: pd.DataFrame, n_regulators: int, text: float) -> list[str]:
    """Bars of the changes of the mean levels; returns notes for the caption."""
    change = expression["change"].astype(float)
    order = change.abs().sort_values(ascending=False, kind="stable").index[:n_regulators]
    shown = change.loc[order].sort_values(ascending=False, kind="stable")
    rows = np.arange(len(shown))
    bars = ax.barh(rows, shown, height=0.66, color=[UP if value > 0 else DOWN for value in shown])
    bars[0].set_gid("change")
    ax.set_yticks(rows, [str(name) for name in shown.index], fontsize=8 * text)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.axvline(0, color=INK, lw=0.8)
    ax.set_xlabel("change of the mean level\n(0 off, 1 high)", fontsize=8 * text)
    ax.set_title("regulators", fontsize=9.5 * text, color=INK, loc="left")
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.tick_params(axis="x", labelsize=7.5 * text)
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")
    return [] if len(shown) == len(change) else [f"the {len(shown)} of {len(change)} regulators that change most"]
