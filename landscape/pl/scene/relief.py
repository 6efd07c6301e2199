"""Geometry of the drawn surface: a camera, and the strips that it sees from back to front.

Seen from above its front edge, a height field hides only what is behind. Strips of the surface that are painted from the
back to the front, each with the cells on it, therefore cover one another correctly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from landscape.pl.scene.height_map import Array, HeightMap

# Direction of the light: from the left, from behind, and from above.
LIGHT = np.array([-0.55, 0.45, 0.75])
# Facets along a side per standard deviation of the smoothing of the surface on which light falls.
_FACETS_PER_WIDTH = 90
# Margins around the known heights and in front of the nearest cells, as shares of the extent.
_MARGIN, _FRONT_MARGIN = 0.06, 0.01
# Shortest side of the block, as a share of its longest.
MIN_SIDE = 0.2
# Height of contours above the surface, and of what hides a point above it, in units of the drawn block.
_ABOVE, _TOLERANCE = 1e-3, 0.01


@dataclass(frozen=True)
class Camera:
    r"""View of a block that holds the surface; vertical lines stay vertical.

    The plane is turned by ``azimuth`` so that ``(cos azimuth, sin azimuth)`` points at the viewer, shifted to
    ``centre`` and divided by ``half``; heights from ``low`` to ``high`` become 0 to ``rise``. At depth :math:`d`
    behind the front edge the scale of the drawing is :math:`1 / (1 + k d)`, with :math:`k` the ``strength`` of the perspective.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    azimuth: float
    low: float
    high: float
    rise: float = 0.62
    elevation: float = np.deg2rad(38.0)
    strength: float = 0.2

    @classmethod
    def on(
        cls, heights: HeightMap, *, azimuth: float, elevation: float, rise: float, keep: Array | None = None
    ) -> Camera:
        """Camera that sees the relief of a height map, cut open in front of the points to ``keep``.

        Without the cut, the rim in front of the nearest valleys would hide them.
        """
        corners = np.array([(a, b) for a in (heights.x[0], heights.x[-1]) for b in (heights.y[0], heights.y[-1])])
        mesh = np.stack(np.meshgrid(heights.x, heights.y), -1)[heights.support & (heights.height < heights.highest)]
        centre = (mesh.min(0) + mesh.max(0)) / 2
        draft = cls(tuple(centre), (1.0, 1.0), azimuth, heights.lowest, heights.highest)
        turned = draft.turned(mesh)
        low, high = turned.min(0), turned.max(0)
        limit = np.abs(draft.turned(corners)).max(0)
        pad = _MARGIN * (high - low)
        low, high = np.maximum(low - pad, -limit), np.minimum(high + pad, limit)
        if keep is not None and len(keep):
            low[1] = max(low[1], draft.turned(keep)[:, 1].min() - _FRONT_MARGIN * (high[1] - low[1]))
        half = (high - low) / 2
        # With one attractor, or with cells on a line, a side has no extent; the block is then narrow.
        half = np.maximum(half, MIN_SIDE * half.max() if half.max() > 0 else 1.0)
        back = draft.unturned(((low + high) / 2)[None])[0]
        span = max(heights.highest - heights.lowest, 1e-12)
        return cls(
            (float(back[0]), float(back[1])),
            (float(half[0]), float(half[1])),
            azimuth,
            heights.lowest,
            heights.lowest + span,
            rise,
            float(np.deg2rad(elevation)),
        )

    def turned(self, points: Array) -> Array:
        """Points of the plane as right (first) and away from the viewer (second), in units of ``half``."""
        c, s = np.cos(self.azimuth), np.sin(self.azimuth)
        right, towards = np.array([-s, c]), np.array([c, s])
        moved = points - np.asarray(self.centre)
        return np.stack([moved @ right / self.half[0], -(moved @ towards) / self.half[1]], -1)

    def unturned(self, turned: Array) -> Array:
        """Inverse of :meth:`turned`."""
        c, s = np.cos(self.azimuth), np.sin(self.azimuth)
        right, towards = np.array([-s, c]), np.array([c, s])
        return turned[:, :1] * self.half[0] * right - turned[:, 1:] * self.half[1] * towards + np.asarray(self.centre)

    def lift(self, height: Array) -> Array:
        """Height in units of the drawn block."""
        return (np.asarray(height) - self.low) / (self.high - self.low) * self.rise

    def see(self, turned: Array, lifted: Array) -> tuple[Array, Array]:
        """Position on paper, shape ``(n, 2)``, and scale of points of the block."""
        u, v = turned[..., 0], turned[..., 1] + 1.0
        upright = v * np.sin(self.elevation) + lifted * np.cos(self.elevation)
        scale = 1.0 / (1.0 + self.strength * v * np.cos(self.elevation))
        return np.stack([u * scale, upright * scale], -1), scale

    def project(self, points: Array, height: Array) -> Array:
        """Position on paper of points of the plane at given heights."""
        return self.see(self.turned(points), self.lift(height))[0]


@dataclass(frozen=True)
class Strip:
    """Part of the surface between two depths.

    Attributes
    ----------
    index
        Number from the back.
    corners
        Corners of the facets on paper, front and back, shape ``(2, k + 1, 2)``.
    height, known, shade
        Height at each corner, whether it is known, and the light there in [0, 1], shapes ``(2, k + 1)``.
    """

    index: int
    corners: Array
    height: Array
    known: NDArray[np.bool_]
    shade: Array


@dataclass(frozen=True)
class Relief:
    """Surface cut into strips at equal depths, for one camera."""

    heights: HeightMap
    camera: Camera
    n: int = 150

    @cached_property
    def edges(self) -> Array:
        """Edges of facets, from left to right and from front to back."""
        return np.linspace(-1.0, 1.0, self.n + 1)

    @cached_property
    def _mesh(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        turned = np.stack(np.meshgrid(self.edges, self.edges), -1)
        points = self.camera.unturned(turned.reshape(-1, 2))
        shape = turned.shape[:2]
        return turned, self.heights.at(points).reshape(shape), self.heights.known_at(points).reshape(shape)

    @cached_property
    def corner_heights(self) -> Array:
        """Heights at the facets' corners, shape ``(n + 1, n + 1)``, front first."""
        return self._mesh[1]

    @cached_property
    def paper(self) -> Array:
        """Corners on paper, shape ``(n + 1, n + 1, 2)``."""
        return self.camera.see(self._mesh[0], self.camera.lift(self._mesh[1]))[0]

    def strips(self) -> Iterator[Strip]:
        """Strips from the back to the front."""
        paper, shade = self.paper, self._shade()
        for row in reversed(range(self.n)):
            edges = slice(row, row + 2)
            yield Strip(self.n - 1 - row, paper[edges], self.corner_heights[edges], self._mesh[2][edges], shade[edges])

    def strip_of(self, turned: Array) -> NDArray[np.int64]:
        """Number of the strip that holds points given as right and away."""
        row = np.clip(np.floor((turned[:, 1] + 1.0) / 2.0 * self.n), 0, self.n - 1).astype(np.int64)
        return self.n - 1 - row

    def visible(self, turned: Array, lifted: Array) -> NDArray[np.bool_]:
        """Whether nothing between a point of the block and the viewer hides it."""
        paper = self.camera.see(turned, lifted)[0]
        row = self.n - 1 - self.strip_of(turned)
        hidden = np.zeros(len(turned), dtype=bool)
        for i, line in enumerate(self.paper):  # from the front
            behind = row > i
            hidden |= behind & (np.interp(paper[:, 0], line[:, 0], line[:, 1]) > paper[:, 1] + _TOLERANCE)
        return ~hidden

    def hatching(self, strip: int, every: int) -> Array:
        """Diagonals on the facets of a strip where no height is known, shape ``(k, 2, 2)``."""
        row = self.n - 1 - strip
        known = self._mesh[2]
        columns = np.flatnonzero(~(known[row, :-1] | known[row + 1, 1:]) & ((np.arange(self.n) - row) % every == 0))
        return np.stack([self.paper[row, columns], self.paper[row + 1, columns + 1]], axis=1)

    def contours(self, levels: Array) -> dict[int, Array]:
        """Lines of equal height as segments on paper, by strip."""
        from contourpy import LineType, contour_generator

        generator = contour_generator(
            self.edges, self.edges, np.where(self._mesh[2], self.corner_heights, np.nan), line_type=LineType.Separate
        )
        segments, depths = [], []
        for level in levels:
            for line in generator.lines(level):
                lifted = self.camera.lift(np.full(len(line), level)) + _ABOVE
                drawn = self.camera.see(line, lifted)[0]
                segments.append(np.stack([drawn[:-1], drawn[1:]], axis=1))
                depths.append((line[:-1] + line[1:]) / 2)
        if not segments:
            return {}
        every, strip = np.concatenate(segments), self.strip_of(np.concatenate(depths))
        return {int(s): every[strip == s] for s in np.unique(strip)}

    def _shade(self) -> Array:
        # Light falls on a slightly smoother surface; otherwise shading would show every single cell of the grid.
        lifted = gaussian_filter(self.camera.lift(self.corner_heights), self.n / _FACETS_PER_WIDTH, mode="nearest")
        step = self.edges[1] - self.edges[0]
        slope_v, slope_u = np.gradient(lifted, step)
        light = LIGHT / np.linalg.norm(LIGHT)
        normal = np.stack([-slope_u, -slope_v, np.ones_like(slope_u)], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        return np.clip(normal @ light, 0.0, 1.0)
