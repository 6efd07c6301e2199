"""Labels beside a drawing, each with a line to its point, placed so that they do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from landscape.pl.style.figure import INK, axes_scale

_LINE = {"arrowstyle": "-", "color": "#3a4047", "lw": 0.9, "shrinkA": 0, "shrinkB": 3}


# Points between the middle of a ring and the text below it.
_CLEAR = 9.0
# Room around a text in a row, as factors of its width and of its height.
_ROOM = (1.08, 1.15)
# Candidate places of a label: distances from its point in points of text of size 9, and the number of directions.
_DISTANCES = (38, 52, 70, 95, 125)
_DIRECTIONS = 16
# Cost of a candidate, where a point of distance costs one: a point to avoid below the text, a square pixel outside the
# axes, and a line behind another text, for each of the line's eight points.
_COVERING, _OUTSIDE, _BEHIND = 12, 4, 60.0
# Sweeps over all labels.
_SWEEPS = 4


def _box(colour: str) -> dict[str, Any]:
    return {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour, "lw": 1.2, "alpha": 0.96}


def without_overlap(
    wanted: NDArray[np.float64], widths: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """Centres of intervals without overlap, as near to the wanted ones as possible and in the same order.

    It is the least-squares solution by pool-adjacent-violators: intervals that overlap are merged into a block around the
    mean of the wanted places of its members. Where all intervals together are wider than the room, they fill it evenly and
    overlap.
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


class LabelRow:
    """Labels in a row above the height ``level``, or below it if ``down``, each with a line to its point."""

    def __init__(
        self,
        ax: Axes,
        points: NDArray[np.float64],
        texts: Sequence[str],
        colours: Sequence[str],
        level: float,
        down: bool,  # noqa: FBT001
    ) -> None:
        self.ax, self.points, self.level, self.down = ax, points, level, down
        self.labels = [
            ax.annotate(
                text,
                xy=(float(x), float(y)),
                xytext=(float(x), level),
                ha="center",
                va="top" if down else "bottom",
                fontsize=9.0 * axes_scale(ax),
                color=INK,
                linespacing=1.15,
                zorder=1e6,
                annotation_clip=False,
                bbox=_box(colour),
                arrowprops=_LINE,
            )
            for (x, y), text, colour in zip(points, texts, colours, strict=True)
        ]
        for label in self.labels:
            label.set_in_layout(False)

    def place(self) -> float:
        """Place each label as near to its point as the others allow, in more rows where one is full.

        Returns
        -------
        Height of the outer end of the last row.
        """
        figure = self.ax.get_figure(root=True)
        renderer = figure.canvas.get_renderer()  # type: ignore[union-attr]
        inverse = self.ax.transData.inverted()
        sizes = np.array([_size(label, renderer) for label in self.labels])
        (x0, y0), (x1, y1) = inverse.transform([(0, 0), (1, 1)])
        widths, tall = sizes[:, 0] * (x1 - x0) * _ROOM[0], float(sizes[:, 1].max() * (y1 - y0)) * _ROOM[1]
        low, high = self.ax.get_xlim()
        if self.down:  # between the vertical axis and the arrow of development, which stand beside the block
            low, high = max(low, -1.0), min(high, 1.0)
        n_rows = min(int(np.ceil(widths.sum() / (high - low))), len(widths))
        order = np.argsort(self.points[:, 0], kind="stable")
        while n_rows < len(widths) and any(widths[order[row::n_rows]].sum() > high - low for row in range(n_rows)):
            n_rows += 1
        step = -tall if self.down else tall
        level = self.level
        if self.down:  # clear of the rings around the points, which do not shrink with the drawing
            level = min(
                level, float(self.points[:, 1].min()) - _CLEAR * axes_scale(self.ax) * figure.dpi / 72.0 * (y1 - y0)
            )  # type: ignore[union-attr]
        for row in range(n_rows):
            members = order[row::n_rows]
            for member, centre in zip(
                members, without_overlap(self.points[members, 0], widths[members], low, high), strict=True
            ):
                self.labels[member].set_position((float(centre), level + row * step))
                self.labels[member].set_zorder(1e6 - row)  # lines of outer rows pass behind the inner ones
        return level + n_rows * step


def arrange_rows(ax: Axes, rows: Sequence[LabelRow]) -> None:
    """Place rows of labels and widen the axes until they hold them.

    Wider axes make everything but the text smaller, so labels are placed again until the axes need not be widened.
    """
    figure = ax.get_figure(root=True)
    for _ in range(6):
        if figure is not None and (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        ax.apply_aspect()
        low, high = ax.get_ylim()
        ends = [row.place() for row in rows]
        if min(ends) >= low and max(ends) <= high:
            return
        ax.set_ylim(min(low, *ends), max(high, *ends))


def place_labels(
    ax: Axes,
    points: NDArray[np.float64],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    avoid: NDArray[np.float64] | None = None,
    size: float = 9.0,
) -> list[Annotation]:
    """Write labels near their points inside the axes, where they cover least of each other, of their lines and of ``avoid``.

    Each label takes the best of 80 places around its point, given the places of the others, in a few sweeps.
    """
    figure = ax.get_figure(root=True)
    renderer = figure.canvas.get_renderer()  # type: ignore[union-attr]
    frame = ax.get_window_extent(renderer)
    at = ax.transData.transform(points)
    crowd = ax.transData.transform(avoid) if avoid is not None else np.empty((0, 2))
    unit = figure.dpi / 72.0  # type: ignore[union-attr]
    shifts = np.array(
        [
            (radius * np.cos(angle) * 1.25, radius * np.sin(angle) * 0.8, radius)
            for radius in np.array(_DISTANCES) * (size / 9.0) ** 1.5
            for angle in np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False) + np.pi / 2
        ]
    )
    labels = [
        _text_at(ax, point, text, colour, size) for point, text, colour in zip(points, texts, colours, strict=True)
    ]
    candidates = []
    for label, centre in zip(labels, at, strict=True):
        width, tall = _size(label, renderer)
        boxes = [
            Bbox.from_bounds(x - width / 2, y - tall / 2, width, tall).padded(3 * unit)
            for x, y in centre + shifts[:, :2] * unit
        ]
        lines = [centre + np.linspace(0.3, 1.0, 8)[:, None] * shift * unit for shift in shifts[:, :2]]
        marks = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in at]
        alone = [
            sum(_overlap(box, mark) for mark in marks)
            + _OUTSIDE * _outside(box, frame)
            + radius
            + _COVERING * _inside(crowd, box)
            for box, radius in zip(boxes, shifts[:, 2], strict=True)
        ]
        candidates.append((boxes, lines, np.array(alone)))
    for label, best in zip(labels, _settle(candidates), strict=True):
        label.set_position((float(shifts[best, 0]), float(shifts[best, 1])))
    return labels


def _text_at(ax: Axes, point: NDArray[np.float64], text: str, colour: str, size: float) -> Annotation:
    return ax.annotate(
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


def _settle(candidates: Sequence[tuple[list[Bbox], list[NDArray[np.float64]], NDArray[np.float64]]]) -> list[int]:
    """Chosen candidate of each label: first one after the other, then each again given all others."""
    chosen: dict[int, int] = {}
    for _ in range(_SWEEPS):
        before = dict(chosen)
        for i, (boxes, lines, alone) in enumerate(candidates):
            others = [(candidates[j][0][k], candidates[j][1][k]) for j, k in chosen.items() if j != i]
            costs = [
                cost
                + sum(
                    _overlap(box, other) + _BEHIND * (_inside(line, other) + _inside(their, box))
                    for other, their in others
                )
                for box, line, cost in zip(boxes, lines, alone, strict=True)
            ]
            chosen[i] = int(np.argmin(costs))
        if chosen == before:
            break
    return [chosen[i] for i in range(len(candidates))]


def _inside(points: NDArray[np.float64], box: Bbox) -> int:
    return int(np.count_nonzero(((points > box.min) & (points < box.max)).all(axis=1)))


def _size(label: Annotation, renderer: Any) -> tuple[float, float]:
    """Width and height of a label with its box, in pixels, without the line to its point."""
    box = Text.get_window_extent(label, renderer)
    figure = label.get_figure(root=True)
    pad = 2 * 0.25 * label.get_fontsize() * figure.dpi / 72.0  # type: ignore[union-attr]
    return box.width + pad, box.height + pad


def _overlap(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(width, 0.0) * max(tall, 0.0)


def _outside(box: Bbox, frame: Bbox) -> float:
    return box.width * box.height - _overlap(box, frame)
