"""Labels beside a drawing with lines that lead to what they name, so that no two overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from landscape.pl._figure import INK

_LINE = {"arrowstyle": "-", "color": "#3a4047", "lw": 0.9, "shrinkA": 0, "shrinkB": 3}


def _box(colour: str) -> dict[str, Any]:
    return {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour, "lw": 1.2, "alpha": 0.96}


def spread(wanted: NDArray[np.float64], widths: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Centres of intervals, as near to the wanted ones as possible without overlap, kept in their order.

    Intervals that overlap are merged into a block that sits at the mean of its members' wishes (pool adjacent
    violators, the least-squares solution). Where all of them are wider than the room they fill it evenly and overlap.
    """
    order = np.argsort(wanted, kind="stable")
    widths = widths * min(1.0, (high - low) / widths.sum())
    offsets = np.cumsum(widths[order]) - widths[order] / 2
    blocks: list[list[float]] = []  # sum of wishes for the left end, number of members
    for wish in wanted[order] - offsets:
        blocks.append([float(wish), 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    left = np.concatenate([np.full(int(count), total / count) for total, count in blocks])
    left = np.clip(left, low, high - widths.sum())
    result = np.empty_like(wanted)
    result[order] = left + offsets
    return result


def lead(
    ax: Axes,
    points: NDArray[np.float64],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    level: float,
    limits: tuple[float, float],
    size: float = 9.0,
    downwards: bool = False,
) -> list[Annotation]:
    """Write texts in a row above (or below) the height ``level``, each led to its point.

    The texts are as wide as the renderer says; further rows are used where one has no room for them.
    """
    placed = [
        ax.annotate(
            text,
            xy=(float(x), float(y)),
            xytext=(float(x), level),
            ha="center",
            va="top" if downwards else "bottom",
            fontsize=size,
            color=INK,
            linespacing=1.15,
            zorder=1e6,
            annotation_clip=False,
            bbox=_box(colour),
            arrowprops=_LINE,
        )
        for (x, y), text, colour in zip(points, texts, colours, strict=True)
    ]
    if not placed:
        return placed
    figure = ax.get_figure(root=True)
    renderer = figure.canvas.get_renderer()  # type: ignore[union-attr]
    inverse = ax.transData.inverted()
    boxes = np.array([inverse.transform(p.get_bbox_patch().get_window_extent(renderer)) for p in placed])
    widths = (boxes[:, 1, 0] - boxes[:, 0, 0]) * 1.06
    tall = float((boxes[:, 1, 1] - boxes[:, 0, 1]).max()) * 1.15
    order = np.argsort(points[:, 0], kind="stable")
    n_rows = int(np.ceil(widths.sum() / (limits[1] - limits[0])))
    for row in range(n_rows):
        members = order[row::n_rows]
        centres = spread(points[members, 0], widths[members], *limits)
        for member, centre in zip(members, centres, strict=True):
            placed[member].set_position((float(centre), level + row * (-tall if downwards else tall)))
    return placed


def beside(
    ax: Axes,
    points: NDArray[np.float64],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    avoid: NDArray[np.float64] | None = None,
    size: float = 9.0,
) -> list[Annotation]:
    """Write texts near their points inside the axes, each where it covers least of other texts and of ``avoid``."""
    figure = ax.get_figure(root=True)
    renderer = figure.canvas.get_renderer()  # type: ignore[union-attr]
    frame = ax.get_window_extent(renderer)
    at = ax.transData.transform(points)
    crowd = ax.transData.transform(avoid) if avoid is not None else np.empty((0, 2))
    placed: list[Annotation] = []
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in at]
    unit = figure.dpi / 72.0  # type: ignore[union-attr]
    for point, text, colour in zip(points, texts, colours, strict=True):
        label = ax.annotate(
            text,
            xy=(float(point[0]), float(point[1])),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            color=INK,
            linespacing=1.15,
            zorder=50,
            bbox=_box(colour),
            arrowprops=_LINE,
        )
        best = (np.inf, (0.0, 0.0), taken[0])
        for radius in (38, 52, 70, 95, 125):
            for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False) + np.pi / 2:
                shift = (radius * np.cos(angle) * 1.25, radius * np.sin(angle) * 0.8)
                label.set_position(shift)
                box = label.get_bbox_patch().get_window_extent(renderer)
                box = Bbox.from_extents(box.x0, box.y0, box.x1, box.y1).padded(3 * unit)
                covered = np.count_nonzero(((crowd > box.min) & (crowd < box.max)).all(1))
                cost = sum(_overlap(box, other) for other in taken) + 4 * _outside(box, frame) + radius + 12 * covered
                if cost < best[0]:
                    best = (cost, shift, box)
        label.set_position(best[1])
        taken.append(best[2])
        placed.append(label)
    return placed


def _overlap(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(width, 0.0) * max(tall, 0.0)


def _outside(box: Bbox, frame: Bbox) -> float:
    return box.width * box.height - _overlap(box, frame)
