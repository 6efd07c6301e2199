"""Points on a circle: their order, their places, and their names outside."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from landscape.pl.style.figure import INK

# Points nearer to the vertical diameter than this have their names above or below.
_NEAR_VERTICAL = 0.3


def circle_points(n: int) -> NDArray[np.float64]:
    """``n`` points on the unit circle, the first on top, then clockwise, shape ``(n, 2)``."""
    turn = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(turn), np.sin(turn)], -1)


def cluster_order(distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of the leaves of an average-linkage clustering, for distances of shape ``(n, n)``: near items are neighbours."""
    if len(distance) < 3:
        return np.arange(len(distance))
    apart = distance.copy()
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), method="average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), dtype=np.int64)


def cluster_rows(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of the rows of a matrix in which like ones are neighbours, by :func:`cluster_order` of their distances."""
    return cluster_order(np.linalg.norm(values[:, None] - values[None], axis=-1))


def write_outside(
    ax: Axes, text: str, point: NDArray[np.float64], *, gap: float, size: float, weight: str = "normal"
) -> None:
    """Write a text ``gap`` points outside a point of the unit circle."""
    x, y = float(point[0]), float(point[1])
    level = abs(x) < _NEAR_VERTICAL
    ax.annotate(
        text,
        (x, y),
        xytext=(gap * x, gap * y),
        textcoords="offset points",
        ha="center" if level else ("left" if x > 0 else "right"),
        va=("bottom" if y > 0 else "top") if level else "center",
        fontsize=size,
        fontweight=weight,
        color=INK,
        zorder=5,
        annotation_clip=False,
    )
