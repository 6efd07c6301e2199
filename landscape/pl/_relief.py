"""Geometry of the drawn surface: a camera, and what it sees, from back to front.

A height field seen from above its front edge hides things only behind themselves, so strips of the surface painted
from the back to the front, each with what stands on it, cover one another exactly as they should.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from landscape.pl._grid import Array, Grid


@dataclass(frozen=True)
class Camera:
    r"""View of a block that holds the surface; what stands upright stays upright.

    The plane is turned by ``azimuth`` so that ``(cos azimuth, sin azimuth)`` points at the viewer, shifted to
    ``centre`` and divided by ``half``; heights from ``low`` to ``high`` become 0 to ``rise``. What is at depth
    :math:`d` behind the front edge is then drawn at the scale :math:`1 / (1 + k d)`.
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
    def on(cls, grid: Grid, *, azimuth: float, elevation: float, rise: float, keep: Array | None = None) -> Camera:
        """Camera that sees the relief of a grid, cut open in front of the points to ``keep``.

        Without the cut the rim in front of the last valleys would hide them.
        """
        corners = np.array([(a, b) for a in (grid.x[0], grid.x[-1]) for b in (grid.y[0], grid.y[-1])])
        mesh = np.stack(np.meshgrid(grid.x, grid.y), -1)[grid.support & (grid.height < grid.highest)]
        centre = (mesh.min(0) + mesh.max(0)) / 2
        draft = cls(tuple(centre), (1.0, 1.0), azimuth, grid.lowest, grid.highest)
        turned = draft.turned(mesh)
        low, high = turned.min(0), turned.max(0)
        limit = np.abs(draft.turned(corners)).max(0)
        pad = 0.06 * (high - low)
        low, high = np.maximum(low - pad, -limit), np.minimum(high + pad, limit)
        if keep is not None and len(keep):
            low[1] = max(low[1], draft.turned(keep)[:, 1].min() - 0.01 * (high[1] - low[1]))
        half = (high - low) / 2
        # With one attractor, or cells on a line, a side has no extent; it is drawn as a narrow block.
        half = np.maximum(half, 0.2 * half.max() if half.max() > 0 else 1.0)
        back = draft.unturned(((low + high) / 2)[None])[0]
        span = max(grid.highest - grid.lowest, 1e-12)
        return cls(
            (float(back[0]), float(back[1])),
            (float(half[0]), float(half[1])),
            azimuth,
            grid.lowest,
            grid.lowest + span,
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

    grid: Grid
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
        return turned, self.grid.at(points).reshape(shape), self.grid.known_at(points).reshape(shape)

    @cached_property
    def heights(self) -> Array:
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
            yield Strip(self.n - 1 - row, paper[edges], self.heights[edges], self._mesh[2][edges], shade[edges])

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
            hidden |= behind & (np.interp(paper[:, 0], line[:, 0], line[:, 1]) > paper[:, 1] + 0.01)
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
            self.edges, self.edges, np.where(self._mesh[2], self.heights, np.nan), line_type=LineType.Separate
        )
        segments, depths = [], []
        for level in levels:
            for line in generator.lines(level):
                lifted = self.camera.lift(np.full(len(line), level)) + 1e-3
                drawn = self.camera.see(line, lifted)[0]
                segments.append(np.stack([drawn[:-1], drawn[1:]], axis=1))
                depths.append((line[:-1] + line[1:]) / 2)
        if not segments:
            return {}
        every, strip = np.concatenate(segments), self.strip_of(np.concatenate(depths))
        return {int(s): every[strip == s] for s in np.unique(strip)}

    def _shade(self) -> Array:
        # Light falls on a slightly smoother surface: it would make a relief of every single cell of the grid.
        lifted = gaussian_filter(self.camera.lift(self.heights), self.n / 90, mode="nearest")
        step = self.edges[1] - self.edges[0]
        slope_v, slope_u = np.gradient(lifted, step)
        light = np.array([-0.55, 0.45, 0.75]) / np.linalg.norm([-0.55, 0.45, 0.75])
        normal = np.stack([-slope_u, -slope_v, np.ones_like(slope_u)], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        return np.clip(normal @ light, 0.0, 1.0)
