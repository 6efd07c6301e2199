"""What a perturbation does: the landscape before and after, the fates, and the regulators that move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of
from landscape.pl._cells import attractor_colours
from landscape.pl._figure import DOWN, INK, PAGE, UP, bare, caption, finish, grain, name_bar, shrunk
from landscape.pl._grid import Grid
from landscape.pl._labels import Row, arrange
from landscape.pl._places import attractor_places, downhill
from landscape.pl._relief import Camera, Relief
from landscape.pl._scene import CORNER, frame, front, paint, surface_cmap
from landscape.pl._view import HEIGHT_LABEL
from landscape.pl._ways import Ways

_HINT = "run `landscape.tl.perturb(adata, levels)` first"
MOST_REGULATORS = 15
# Width from which parts stand beside one another, in inches.
_BESIDE = 5.5
# Points of the plane, their names, and whether each is kept, lost or new; empty where that is not known.
Marks = tuple[NDArray[np.float64], list[str], list[str]]
_NOTHING = np.empty((0, 2)), np.empty((0, 4))


def perturbation(
    adata: AnnData,
    *,
    key: str | None = None,
    n_regulators: int = MOST_REGULATORS,
    elevation: float = 48.0,
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Any:
    """Draw what a perturbation does: landscape before and after, shift of fates with intervals, moved regulators.

    Both reliefs have one scale of heights and one camera. Attractors that are lost are crossed out on the first, new ones
    are marked on the second.

    Parameters
    ----------
    adata
        Annotated data with perturbations.
    key
        Name of the perturbation, such as ``"Gata1=0"``; ``None``: the last one.
    n_regulators
        Most regulators drawn, those that change most.
    elevation
        Angle of the view of the reliefs, in degrees.
    width
        Width of the figure in inches; its height follows. In a narrow figure parts stand below one another.
    title
        Title; ``None``: the name of the perturbation.
    show, return_fig
        As for :func:`landscape`.

    Returns
    -------
    List of axes (before and after where the landscapes were computed, fates, regulators), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no such perturbation.
    """
    require_adata(adata)
    key, record = _find(adata, key)
    fates, expression = record["fates"], record.get("expression")
    drawn = record.get("occupancy")
    drawn = drawn if isinstance(drawn, Mapping) and "before" in drawn else None
    shown = fates[(fates[["before", "after"]].fillna(0.0).abs() > 1e-9).any(axis=1)]
    colours = attractor_colours(adata, list(map(str, fates.index)))

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
    text = shrunk(width)
    notes = _words(record)
    rows: list[Row] = []
    if drawn is not None:
        axes, rows = _reliefs(figure, grid[0], adata, record, drawn, colours, elevation, notes, wide=wide)
    beside = GridSpecFromSubplotSpec(1, 2, grid[-1], width_ratios=[1.35, 1.0])
    cells = [beside[0], beside[1]] if wide else [grid[len(parts) - len(below) + i] for i in range(len(below))]
    axes.append(figure.add_subplot(cells[0]))
    _fates(axes[-1], shown, colours, text)
    if drawn_regulators:
        axes.append(figure.add_subplot(cells[1]))
        notes += _regulators(axes[-1], expression, n_regulators, text)
    if {"low", "high"} <= set(shown) and shown["low"].notna().any():
        notes.insert(0, "ring: before, dot: after, bar: interval")
    else:
        notes.insert(0, "ring: before, dot: after")
    figure.suptitle(title or key, color=INK, fontsize=12 * text)
    caption(figure, notes)
    _arrange_alike(rows, axes[: 2 * (drawn is not None)])
    return finish(figure, axes, show=show, return_fig=return_fig)


def _arrange_alike(rows: list[Row], axes: list[Axes]) -> None:
    """Place the names, when all is in place, and keep both reliefs at one size, since they are to be compared."""
    for _ in range(3):
        for row in rows:
            arrange(row.ax, [row])
        ends = np.array([ax.get_ylim() for ax in axes])
        if not len(ends) or (ends == ends[0]).all():
            return
        for ax in axes:
            ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())


def _find(adata: AnnData, key: str | None) -> tuple[str, Mapping[str, Any]]:
    records = read_result(adata, _keys.PERTURBATIONS, hint=_HINT)
    known = [name for name, record in records.items() if isinstance(record, Mapping) and "fates" in record]
    if not known or (key is not None and key not in known):
        msg = f"There is no perturbation {key!r}; {_HINT}. Present: {known}." if key else f"No perturbation; {_HINT}."
        raise KeyError(msg)
    name = known[-1] if key is None else key
    return name, records[name]


def _words(record: Mapping[str, Any]) -> list[str]:
    """What must be known before the figure is believed."""
    notes = []
    levels = record.get("levels")
    if isinstance(levels, pd.DataFrame):
        if "inside" in levels and (outside := list(map(str, levels.index[~levels["inside"].to_numpy(dtype=bool)]))):
            notes.append(f"outside the range of the data: {', '.join(outside)}")
        if "acts" in levels and (silent := list(map(str, levels.index[~levels["acts"].to_numpy(dtype=bool)]))):
            notes.append(f"without any edge in the model: {', '.join(silent)}")
    return notes


def _reliefs(
    figure: Figure,
    spec: Any,
    adata: AnnData,
    record: Mapping[str, Any],
    drawn: Mapping[str, Any],
    colours: Mapping[str, str],
    elevation: float,
    notes: list[str],
    *,
    wide: bool,
) -> tuple[list[Axes], list[Row]]:
    """Both landscapes with one camera and one scale of heights."""
    basis = str(drawn.get("basis") or drawn["before"].get("basis") or "")
    where = np.asarray(adata.obsm[basis], dtype=float)[:, :2] if basis in adata.obsm else _NOTHING[0]
    before, after = Grid.of(drawn["before"]), Grid.of(drawn)
    top = before.cut_above(where).highest if len(where) else before.highest
    ends = (min(before.lowest, after.lowest), top)
    before, after = (replace(g, ceiling=top, scale=ends) for g in (before, after))
    marks = [_before(adata, record, drawn["before"]), _after(record, drawn)]
    turn, development = downhill(adata, where, basis) if len(where) else (-np.pi / 2, "")
    keep = np.concatenate([where, *[points for points, _, _ in marks]])
    camera = Camera.on(before.cropped(), azimuth=turn, elevation=elevation, rise=0.5, keep=keep)
    inner = GridSpecFromSubplotSpec(*((1, 2) if wide else (2, 1)), subplot_spec=spec)
    axes = [figure.add_subplot(inner[i]) for i in (0, 1)]
    rows: list[Row] = []
    text = shrunk(float(figure.get_size_inches()[0]))
    for ax, grid, (points, names, status), words in zip(axes, (before, after), marks, ("before", "after"), strict=True):
        relief = Relief(grid, camera, 180)
        paint(ax, relief, *_NOTHING, size=1.0, ways=Ways())
        front(ax, relief)
        frame(ax, relief, development)
        ax.set_title(words, color=INK, fontsize=10 * text)
        rows += _attractors(ax, relief, points, names, status, colours)
    bar = figure.colorbar(ScalarMappable(Normalize(*ends), surface_cmap()), ax=axes, shrink=0.55, aspect=18, pad=0.01)
    name_bar(bar, str(drawn.get("label") or drawn["before"].get("label") or HEIGHT_LABEL), size=8 * text)
    if not (before.support.all() and after.support.all()):
        notes.append("hatched: height unknown")
    if before.is_cut or after.is_cut:
        notes.append(f"plateau: above {top:.3g}")
    return axes, rows


def _before(adata: AnnData, record: Mapping[str, Any], drawn: Mapping[str, Any]) -> Marks:
    """Attractors without the perturbation, each with the name of the known one whose place is nearest."""
    points = _points(drawn)
    basis = str(drawn.get("basis") or "")
    status = record["attractors"]["status"].astype(str)
    if basis not in adata.obsm or not len(points):
        return points, [""] * len(points), [""] * len(points)
    known = results_of(adata).get(_keys.OCCUPANCY)
    places = attractor_places(adata, np.asarray(adata.obsm[basis], dtype=float)[:, :2], known)
    if not places:
        return points, [""] * len(points), [""] * len(points)
    apart = np.linalg.norm(points[:, None] - np.array([place.point for place in places])[None], axis=-1)
    names = [places[i].name for i in apart.argmin(1)]
    return points, names, [str(status.get(name, "")) for name in names]


def _after(record: Mapping[str, Any], drawn: Mapping[str, Any]) -> Marks:
    """Attractors with the perturbation, named as the rows of ``states``; those without a name of before are new."""
    points = _points(drawn)
    states = record.get("states")
    if not isinstance(states, pd.DataFrame) or len(states) != len(points):
        return points, [""] * len(points), [""] * len(points)
    names = [str(name) for name in states.index]
    status = record["attractors"]["status"].astype(str)
    return points, names, ["kept" if status.get(name) == "kept" else "new" for name in names]


def _points(drawn: Mapping[str, Any]) -> NDArray[np.float64]:
    points = np.asarray(drawn.get("attractors", _NOTHING[0]), dtype=float).reshape(-1, 2)
    return np.where(np.isfinite(points), points, 0.0)


def _attractors(
    ax: Axes,
    relief: Relief,
    points: NDArray[np.float64],
    names: list[str],
    status: list[str],
    colours: Mapping[str, str],
) -> list[Row]:
    if not len(points):
        return []
    at = relief.camera.project(points, relief.grid.at(points))
    edges = [colours.get(name, INK) for name in names]
    t = grain(ax)
    ax.scatter(*at.T, s=60 * t**3, facecolors="none", edgecolors="white", linewidths=2.6 * t, zorder=9e5)
    rings = ax.scatter(*at.T, s=60 * t**3, facecolors="none", edgecolors=edges, linewidths=1.4 * t, zorder=9.1e5)
    rings.set_gid("attractors")
    if gone := [i for i, word in enumerate(status) if word == "lost"]:
        ax.scatter(*at[gone].T, s=130 * t**3, marker="x", c=DOWN, linewidths=1.8 * t, zorder=9.2e5).set_gid("lost")
    texts = [name if word in ("kept", "") else f"{name}\n({word})" for name, word in zip(names, status, strict=True)]
    named = [i for i, text in enumerate(texts) if text]
    if not named:
        return []
    bottom = float(relief.camera.see(CORNER, np.array([-0.03]))[0][0, 1])
    return [Row(ax, at[named], [texts[i] for i in named], [edges[i] for i in named], bottom, True)]


def _fates(ax: Axes, fates: pd.DataFrame, colours: Mapping[str, str], text: float) -> None:
    """From a ring (before) to a dot (after), with the interval of the change around the dot."""
    rows = np.arange(len(fates))
    before, after = fates["before"].to_numpy(dtype=float), fates["after"].to_numpy(dtype=float)
    low, high = (
        np.clip(before + fates[end].to_numpy(dtype=float), 0.0, 1.0) if end in fates else np.full(len(fates), np.nan)
        for end in ("low", "high")
    )
    chosen = [colours[str(name)] for name in fates.index]
    ax.hlines(rows, low, high, color="#9aa3ad", lw=5, alpha=0.55, zorder=1).set_gid("intervals")
    ax.hlines(rows, before, after, color=chosen, lw=1.6, zorder=2)
    ax.scatter(before, rows, s=42 * text, facecolors="white", edgecolors=chosen, linewidths=1.6, zorder=3).set_gid(
        "before"
    )
    ax.scatter(after, rows, s=42 * text, color=chosen, zorder=4).set_gid("after")
    for row, (_, values) in zip(rows, fates.iterrows(), strict=True):
        ax.annotate(
            _change(values),
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=7.5 * text,
            color=INK,
            va="center",
        )
    ax.set_yticks(rows, [str(name) for name in fates.index], fontsize=8.5 * text)
    ax.set_ylim(len(fates) - 0.4, -0.6)
    ends = np.nanmax(np.concatenate([before, after, high, [0.0]]))
    ax.set_xlim(min(-0.02, np.nanmin(np.concatenate([low, [0.0]])) - 0.01), min(1.02, ends * 1.08 + 0.02))
    ax.set_xlabel("share of the cells", fontsize=8 * text)
    ax.set_title("fates", fontsize=9.5 * text, color=INK, loc="left")
    ax.grid(axis="x", color="#e4e7eb", lw=0.8, zorder=0)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelsize=7.5 * text)
    ax.tick_params(axis="y", length=0)
    bare(ax, "top", "right", "left")


def _change(row: pd.Series) -> str:
    text = _signed(row["change"])
    if np.isfinite(row.get("low", np.nan)) and np.isfinite(row.get("high", np.nan)):
        text += f" [{_signed(row['low'])}, {_signed(row['high'])}]"
    if np.isfinite(row.get("p_value", np.nan)):
        text += f" p = {row['p_value']:.2g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    rounded = round(float(value), 2)
    return f"{rounded:+.2f}" if rounded else "0.00"  # no "-0.00"


def _regulators(ax: Axes, expression: pd.DataFrame, most: int, text: float) -> list[str]:
    change = expression["change"].astype(float)
    order = change.abs().sort_values(ascending=False, kind="stable").index[:most]
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
    bare(ax, "top", "right", "left")
    return [] if len(shown) == len(change) else [f"the {len(shown)} of {len(change)} regulators that change most"]
