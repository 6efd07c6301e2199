"""Barriers between attractors, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata, results_of
from landscape.pl.scene.cells import attractor_colours
from landscape.pl.style.circle import circle_points, write_outside
from landscape.pl.style.figure import INK, QUIET, axes_scale, caption, counted, finish, label_colorbar, new_axes

_HINT = "run `landscape.tl.barriers(adata)` first"
# Font size of numbers in a matrix, and the smallest one, in small fields.
FONT_SIZE, MIN_FONT_SIZE = 8.0, 4.5
# Scale of axes from which a graph has room for intervals.
_ROOMY = 0.85
# Curvature of the arrows of a graph, and the places of their numbers: a third along keeps the two directions apart.
_BEND = 0.16
_NUMBERS_AT = (0.36, 0.3, 0.42, 0.25, 0.48)
# Entry of the column `saddle` for a barrier that is the sum of others.
_INDIRECT = "over other attractors"


def barriers(
    adata: AnnData,
    *,
    key: str = _keys.BARRIERS,
    kind: str = "matrix",
    cmap: str = "rocket_r",
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw the barrier from each attractor to each other one, with its interval where there is one.

    A barrier is the action :math:`S` of the minimum-action path; the rate of the transition falls as :math:`e^{-S}`, so
    that low barriers are crossed often. It belongs to the noise :math:`D` that the label states.

    Parameters
    ----------
    adata
        Annotated data with barriers.
    key
        Name of the record in ``adata.uns["landscape"]``.
    kind
        ``"matrix"``: from rows to columns. ``"graph"``: attractors on a circle and an arrow with the barrier of each direct
        transition, thicker for lower barriers.
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
        If no barrier has a height, or ``kind`` is unknown.
    """
    require_adata(adata)
    if kind not in ("matrix", "graph"):
        msg = f"Expected `kind` to be 'matrix' or 'graph', found {kind!r}."
        raise ValueError(msg)
    record = read_result(adata, key, hint=_HINT)
    table, noise = record["table"], record.get("params", {})
    if not np.isfinite(table["height"]).any():
        msg = "Expected at least one barrier with a height, found none: two attractors with a path between them are needed."
        raise ValueError(msg)
    label = f"barrier (action at D = {noise['diffusion']:.2g})" if "diffusion" in noise else "barrier (action)"
    if kind == "graph":
        size = 6.4
        figure, ax = new_axes(ax, size=(size, size))
        notes = _draw_graph(ax, table, _sizes(adata), attractor_colours(adata, _names(table)))
        notes.append(f"{label}, dimensionless; thick arrows: low barriers")
    else:
        names = _names(table)
        side = 2.2 + 0.95 * len(names)
        figure, ax = new_axes(ax, size=(side + 0.8, side * 0.8))
        _matrix(ax, table, names, cmap, f"{label},\ndimensionless")
        notes = []
    if "converged" in table and not table.loc[np.isfinite(table["height"]), "converged"].all():
        notes.append("in brackets: not converged")
    if title:
        ax.set_title(title, color=INK, fontsize=12 * axes_scale(ax))
    caption(figure, notes)
    if kind == "matrix":
        _fit_texts(ax, len(names))
    return finish(figure, ax, show=show, return_fig=return_fig)


def _names(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys([*table["from"].astype(str), *table["to"].astype(str)]))


def _text(row: Mapping[str, Any], *, separator: str = "\n") -> str:
    text = f"{row['height']:.2g}"
    if np.isfinite(row.get("low", np.nan)) and np.isfinite(row.get("high", np.nan)):
        text += f"{separator}[{row['low']:.2g}, {row['high']:.2g}]"
    return text if row.get("converged", True) else f"({text})"


def _matrix(ax: Axes, table: pd.DataFrame, names: list[str], cmap: str, label: str) -> None:
    heights = pd.DataFrame(np.nan, index=names, columns=names)
    texts = pd.DataFrame("", index=names, columns=names)
    for row in table.to_dict("records"):
        start, end = str(row["from"]), str(row["to"])
        if not np.isfinite(row["height"]):
            texts.loc[start, end] = "no path"
            continue
        heights.loc[start, end] = row["height"]
        texts.loc[start, end] = _text(row)
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
        annot_kws={"fontsize": FONT_SIZE},
        cbar_kws={"shrink": 0.8},
    )
    for row in table[~np.isfinite(table["height"])].to_dict("records"):  # seaborn does not annotate masked fields
        at = names.index(str(row["to"])) + 0.5, names.index(str(row["from"])) + 0.5
        ax.text(*at, "no path", ha="center", va="center", fontsize=FONT_SIZE, color=QUIET)
    t = axes_scale(ax)
    label_colorbar(ax.collections[0].colorbar, label, size=9 * t)
    ax.set(facecolor="#f0f1f3")
    ax.set_xlabel("to", fontsize=9.5 * t)
    ax.set_ylabel("from", fontsize=9.5 * t)
    ax.tick_params(axis="y", rotation=0, labelsize=9.5 * t, length=0)
    ax.tick_params(axis="x", rotation=40, labelsize=9.5 * t, length=0, pad=2)
    for name in ax.get_xticklabels():
        name.set_horizontalalignment("right")


def _fit_texts(ax: Axes, n: int) -> None:
    """Set one font size at which the longest number fits into its field."""
    figure = ax.get_figure(root=True)
    if figure is None or not ax.texts:
        return
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    field = ax.get_window_extent(renderer)
    boxes = [text.get_window_extent(renderer) for text in ax.texts if text.get_text()]
    room = min(
        0.9 * field.width / n / max(max(box.width for box in boxes), 1e-9),
        0.85 * field.height / n / max(max(box.height for box in boxes), 1e-9),
    )
    for text in ax.texts:
        text.set_fontsize(max(FONT_SIZE * min(room, 1.0), MIN_FONT_SIZE))


def _sizes(adata: AnnData) -> dict[str, float]:
    """Number of cells of each attractor, where they were counted."""
    record = results_of(adata).get(_keys.ATTRACTORS)
    if record is None or "n_cells" not in record["table"]:
        return {}
    return {str(name): float(n) for name, n in record["table"]["n_cells"].items()}


def _free(
    a: NDArray[np.float64], b: NDArray[np.float64], half: float, taken: list[tuple[float, float, float]]
) -> tuple[float, float]:
    """Place on an arrow for a text of half width ``half``, where it covers least of those placed before."""
    along, across = b - a, np.array([(b - a)[1], -(b - a)[0]])
    best, least = (0.0, 0.0), np.inf
    for share in _NUMBERS_AT:
        x, y = a + share * along + _BEND * 2 * share * (1 - share) * across  # as `arc3` bends
        covered = sum(max(half + other + 0.03 - abs(x - u), 0.0) * max(0.12 - abs(y - v), 0.0) for u, v, other in taken)
        if covered < least:
            best, least = (float(x), float(y)), covered
    taken.append((*best, half))
    return best


def _draw_graph(ax: Axes, table: pd.DataFrame, cells: Mapping[str, float], colours: Mapping[str, str]) -> list[str]:
    """Attractors on a circle and arrows for direct transitions; returns notes for the caption."""
    names = _names(table)
    places = dict(zip(names, circle_points(len(names)), strict=True))
    direct = table[np.isfinite(table["height"])]
    if "saddle" in direct and (direct["saddle"] != _INDIRECT).any():
        direct = direct[direct["saddle"] != _INDIRECT]
    bounds = axes_scale(ax) >= _ROOMY
    _arrows(ax, direct, places, bounds=bounds)
    _nodes(ax, places, cells, colours)
    ax.set_xlim(-1.7, 1.7)
    ax.set_ylim(-1.45, 1.45)
    ax.set_aspect("equal")
    ax.axis("off")
    hidden = int(np.isfinite(table["height"]).sum()) - len(direct)
    notes = [f"{counted(hidden, 'transition')} over other attractors not drawn"] if hidden else []
    if not bounds and np.isfinite(direct.get("low", pd.Series(dtype=float))).any():
        notes.append("intervals: in the matrix")
    return notes


def _arrows(ax: Axes, direct: pd.DataFrame, places: Mapping[str, NDArray[np.float64]], *, bounds: bool) -> None:
    """An arrow for each transition with its barrier, and the interval where there is room; the lowest barrier on top."""
    lowest, t = float(direct["height"].min()), axes_scale(ax)
    taken: list[tuple[float, float, float]] = []
    for row in direct.sort_values("height", ascending=False).to_dict("records"):
        a, b = places[str(row["from"])], places[str(row["to"])]
        share = np.clip((lowest + 1.0) / (float(row["height"]) + 1.0), 0.0, 1.0)
        arrow = FancyArrowPatch(
            tuple(a),
            tuple(b),
            connectionstyle=f"arc3,rad={_BEND}",
            arrowstyle="-|>,head_length=0.5,head_width=0.28",
            mutation_scale=(10 + 6 * share) * t,
            shrinkA=17 * t,
            shrinkB=19 * t,
            lw=(0.8 + 4.2 * share) * t**2,
            color="#3d5a73",
            alpha=0.35 + 0.6 * share,
            zorder=2,
            gid=f"{row['from']}->{row['to']}",
        )
        ax.add_patch(arrow)
        text = _text(row, separator=" ") if bounds else _text({**row, "low": np.nan})
        ax.annotate(
            text,
            _free(a, b, 0.019 * len(text) / t**2, taken),
            ha="center",
            va="center",
            fontsize=8.5 * t,
            color=INK,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9},
        )


def _nodes(
    ax: Axes, places: Mapping[str, NDArray[np.float64]], cells: Mapping[str, float], colours: Mapping[str, str]
) -> None:
    """A disc for each attractor, larger for more cells, and its name outside the circle."""
    largest, t = max(cells.values(), default=1.0) or 1.0, axes_scale(ax)
    nodes = ax.scatter(
        *np.array(list(places.values())).T,
        s=[t**4 * (260 + 500 * cells.get(name, largest) / largest) for name in places],
        c=[colours[name] for name in places],
        edgecolors="white",
        lw=1.6,
        zorder=3,
    )
    nodes.set_gid("attractors")
    for name, point in places.items():
        label = f"{name}\n{counted(cells[name], 'cell')}" if name in cells else name
        write_outside(ax, label, point, gap=20 * t, size=9.5 * t)
