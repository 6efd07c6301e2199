"""What is on a drawing: artists by the name that they carry, and their places."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray


def artists(ax: Axes, gid: str) -> list[Any]:
    """Artists of this name."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def artist(ax: Axes, gid: str) -> Any:
    """The first artist of this name."""
    return artists(ax, gid)[0]


def offsets(ax: Axes, gid: str) -> NDArray[np.float64]:
    """Places of the points of all artists of this name."""
    return np.concatenate([np.asarray(a.get_offsets()) for a in artists(ax, gid)])


def texts(figure: Figure) -> list[Text]:
    """Texts that are seen; ticks beyond the limits, and those of axes that are off, exist and are not drawn."""
    unseen: set[Text] = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not ax.axison or not low - slack <= tick.get_loc() <= high + slack:
                    unseen |= {tick.label1, tick.label2}
            if not ax.axison:
                unseen.add(axis.label)
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in unseen]


def clipped(figure: Figure) -> list[str]:
    """Texts that stick out of the figure by more than a pixel."""
    frame = figure.bbox
    found = []
    for text in texts(figure):
        box = Text.get_window_extent(text)  # of an annotation without its line
        if box.x0 < frame.x0 - 1 or box.y0 < frame.y0 - 1 or box.x1 > frame.x1 + 1 or box.y1 > frame.y1 + 1:
            found.append(text.get_text())
    return found


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes share more than a tenth of the smaller one; those at a slant, whose boxes are too large, not."""
    boxes = [(t.get_text(), Text.get_window_extent(t)) for t in texts(figure) if t.get_rotation() % 90 == 0]
    found = []
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            width, tall = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            least = min(a.width * a.height, b.width * b.height)
            if width > 0 and tall > 0 and width * tall > 0.1 * least:
                found.append((one, other))
    return found
