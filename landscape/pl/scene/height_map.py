"""Heights over the plane of a drawing, cut off by a plateau and continued where none is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.interpolate import RectBivariateSpline, RegularGridInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter

Array = NDArray[np.float64]
# Width of the slope beyond the known heights: this share of the grid's longer side, and at least this number of its cells.
_SLOPE, _MIN_SLOPE = 0.07, 3.0
# Share of known corners from which a point between them counts as known.
_KNOWN = 0.5
# The plateau lies above this share of the cells, and by this share of their range of heights above that.
_CEILING_QUANTILE, _CEILING_SPARE = 0.99, 0.7
# Margin of the plateau around the known heights, as a share of their extent.
_MARGIN = 0.06


@dataclass(frozen=True)
class HeightMap:
    """Heights over a plane, as :func:`landscape.tl.occupancy` writes them.

    Attributes
    ----------
    x, y
        Rising coordinates, shapes ``(n,)`` and ``(m,)``.
    height
        Shape ``(m, n)``: ``height[i, j]`` belongs to ``x[j], y[i]``.
    support
        Where the height is known, same shape.
    ceiling
        Height at which the relief is cut off: a plateau at this height is drawn above it, and the surface rises to it
        where no height is known.
    scale
        Lowest and highest height drawn, where several reliefs share them.
    """

    x: Array
    y: Array
    height: Array
    support: NDArray[np.bool_]
    ceiling: float = np.inf
    scale: tuple[float, float] | None = None

    @classmethod
    def from_record(cls, record: Any) -> HeightMap:
        """Heights of a stored record.

        Raises
        ------
        ValueError
            If the shapes do not fit, or no height is known.
        """
        x, y = np.asarray(record["x"], dtype=float), np.asarray(record["y"], dtype=float)
        height = np.asarray(record["height"], dtype=float)
        if height.shape != (len(y), len(x)):
            msg = f"Expected heights of shape (len(y), len(x)) = ({len(y)}, {len(x)}), found {height.shape}."
            raise ValueError(msg)
        support = np.isfinite(height)
        if "support" in record:
            support &= np.asarray(record["support"], dtype=bool)
        if not support.any():
            msg = "No height of the surface is known; run `landscape.tl.occupancy(adata)` again."
            raise ValueError(msg)
        return cls(x, y, height, support)

    @cached_property
    def lowest(self) -> float:
        """Lowest height drawn: the lowest known one, unless a scale is given."""
        return float(self.height[self.support].min()) if self.scale is None else self.scale[0]

    @cached_property
    def highest(self) -> float:
        """Height of the plateau: the ceiling, or the highest known height if that is lower, unless a scale is given."""
        return float(min(self.height[self.support].max(), self.ceiling)) if self.scale is None else self.scale[1]

    @cached_property
    def _drawn(self) -> RectBivariateSpline:
        return RectBivariateSpline(
            self.y, self.x, self._continued(), kx=min(3, len(self.y) - 1), ky=min(3, len(self.x) - 1)
        )

    def _continued(self) -> Array:
        """Heights continued where none is known, from the nearest known one up to the highest within a few cells.

        A cliff at the edge of the known heights would show the cells of the grid as stairs.
        """
        top = self.height[self.support].max()
        away = distance_transform_edt(~self.support) if not self.support.all() else np.zeros(self.support.shape)
        free = (away > 0) & (away < max(_MIN_SLOPE, _SLOPE * max(self.support.shape)))
        fixed = np.where(self.support, self.height, top)
        return membrane(fixed, free) if free.any() else fixed

    @cached_property
    def _known(self) -> RegularGridInterpolator:
        # Smoothed by a cell of the grid, because corners of cells would show along the edge.
        share = gaussian_filter(self.support.astype(float), 1.0, mode="nearest")
        return RegularGridInterpolator((self.y, self.x), share, bounds_error=False, fill_value=0.0)

    def at(self, points: Array) -> Array:
        """Drawn height at points of shape ``(n, 2)``: a cubic spline through the grid, cut off at the plateau."""
        x, y = points.T
        # Edges of a turned block meet those of the grid up to rounding; they must not lie outside.
        spare = 1e-9 * np.array([np.ptp(self.x), np.ptp(self.y)])
        inside = (x >= self.x[0] - spare[0]) & (x <= self.x[-1] + spare[0])
        inside &= (y >= self.y[0] - spare[1]) & (y <= self.y[-1] + spare[1])
        drawn = np.clip(self._drawn.ev(y, x), self.lowest, self.highest)
        return np.where(inside, drawn, self.highest)

    def known_at(self, points: Array) -> NDArray[np.bool_]:
        """Whether the height is known at points of shape ``(n, 2)``."""
        return self._known(points[:, ::-1]) > _KNOWN

    @property
    def is_cut(self) -> bool:
        """Whether known heights lie above the ceiling."""
        return bool((self.height[self.support] > self.highest).any())

    def cut_above(self, points: Array, *, spare: float = _CEILING_SPARE) -> HeightMap:
        """Heights with a ceiling somewhat above 99 % of the given points, because empty rims hide the valleys."""
        filled = self.at(points)
        top = float(np.quantile(filled, _CEILING_QUANTILE))
        return replace(self, ceiling=top + spare * max(top - self.lowest, 1e-12))

    def cropped(self, margin: float = _MARGIN) -> HeightMap:
        """Part with known heights, and a margin of the plateau around it, as a share of the extent."""
        below = self.support & (self.height < self.highest)
        rows, columns = np.flatnonzero(below.any(1)), np.flatnonzero(below.any(0))
        pads = [max(1, round(margin * (len(i) + 1))) for i in (rows, columns)]
        i = slice(max(rows[0] - pads[0], 0), rows[-1] + pads[0] + 1)
        j = slice(max(columns[0] - pads[1], 0), columns[-1] + pads[1] + 1)
        return HeightMap(self.x[j], self.y[i], self.height[i, j], self.support[i, j], self.highest, self.scale)


def membrane(values: Array, free: NDArray[np.bool_]) -> Array:
    """Values on a grid in which each free one is the mean of its four neighbours; the others stay the same."""
    number = np.full(values.shape, -1)
    number[free] = np.arange(np.count_nonzero(free))
    rows, columns = np.nonzero(free)
    own, other, known, count = [], [], np.zeros(len(rows)), np.zeros(len(rows))
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        i, j = rows + down, columns + right
        inside = np.flatnonzero((i >= 0) & (i < values.shape[0]) & (j >= 0) & (j < values.shape[1]))
        count[inside] += 1
        neighbour = number[i[inside], j[inside]]
        own.append(inside[neighbour >= 0])
        other.append(neighbour[neighbour >= 0])
        at = inside[neighbour < 0]
        known[at] += values[i[at], j[at]]
    links = sparse.coo_matrix(
        (np.ones(sum(map(len, own))), (np.concatenate(own), np.concatenate(other))), shape=(len(rows),) * 2
    )
    result = values.copy()
    result[free] = sparse.linalg.spsolve((sparse.diags_array(count) - links).tocsc(), known)
    return result
