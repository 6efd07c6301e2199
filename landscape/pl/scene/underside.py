"""The surface from below, above a ground: camera, ground, underside, and ropes between pegs and surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.painting import facets, put, surface_cmap
from landscape.pl.scene.relief import Camera, Relief
from landscape.pl.scene.transitions import PlanePath
from landscape.pl.style.figure import INK, axes_scale

Array = NDArray[np.float64]
# The scene in units of the drawn block: the lowest point of the surface above the ground, the viewer's eye above it, and his
# distance from the middle. Between ground and surface he sees one from above and the other from below.
SHEET, EYE, DISTANCE = 1.12, 0.42, 3.0
# Width of the scene over its depth, and where its ground ends in front, at the sides and behind.
WIDE = 1.3
_GROUND_FRONT, _GROUND_SIDE, _GROUND_BACK = -1.62, 1.35, 1.0
# Depth of the pegs, in front of the surface and behind its front edge, and the height of a peg.
FRONT_ROW, BACK_ROW = -1.05, 0.0
PEG = 0.1
# Points along a rope.
_POINTS = 60
_TOLERANCE = 0.004
# Dashes of a rope whose sign is uncertain, in units of its width.
_DASHES = (2.2, 1.2)
_GROUND, _EDGE, _WOOD = "#efece4", "#cfcabd", "#6b4f35"


@dataclass(frozen=True)
class LowCamera(Camera):
    """A viewer below the surface and above the ground, with verticals upright.

    A point at right :math:`u`, depth :math:`v` and height :math:`z` above the ground is drawn at :math:`(w u, z - e) c / (v + c)`, with
    :math:`e` the height of the eye, :math:`c` its distance and :math:`w` the width of the scene.
    """

    def see(self, turned: Array, lifted: Array) -> tuple[Array, Array]:
        """Position on paper and scale of points at heights above the lowest point of the surface."""
        scale = DISTANCE / (turned[..., 1] + DISTANCE)
        return np.stack([WIDE * turned[..., 0] * scale, (np.asarray(lifted) + SHEET - EYE) * scale], -1), scale


@dataclass(frozen=True)
class Rope:
    """A rope from a peg to the surface.

    Attributes
    ----------
    peg
        Place of the peg, right and depth, shape ``(2,)``.
    point
        Point of the plane where it holds the surface, shape ``(2,)``.
    width
        Width of the line, in points.
    colour
        Its colour.
    dashed
        Whether its sign is uncertain.
    """

    peg: Array
    point: Array
    width: float
    colour: str
    dashed: bool = False


def low_relief(relief: Relief) -> Relief:
    """The same surface, seen from below."""
    c = relief.camera
    camera = LowCamera(c.centre, c.half, c.azimuth, c.low, c.high, c.rise, c.elevation, c.strength)
    return Relief(relief.heights, camera, relief.n)


def on_ground(camera: Camera, places: Array, height: float = 0.0) -> Array:
    """Position on paper of places above the ground, right and depth."""
    return camera.see(places, np.full(len(places), height - SHEET))[0]


def shown(relief: Relief, turned: Array, lifted: Array) -> NDArray[np.bool_]:
    """Whether no part of the surface nearer to the viewer hangs down in front of a point."""
    paper = relief.camera.see(turned, lifted)[0]
    depth = np.clip((turned[:, 1] + 1.0) / 2.0 * relief.n, -1, relief.n)
    hidden = np.zeros(len(turned), dtype=bool)
    for i, line in enumerate(relief.paper):
        below = np.interp(paper[:, 0], line[:, 0], line[:, 1], left=np.inf, right=np.inf)
        hidden |= (depth > i + 1) & (below < paper[:, 1] - _TOLERANCE)
    return ~hidden


def paint_ground(ax: Axes, camera: Camera) -> None:
    """A ground under the surface."""
    front, side, back = _GROUND_FRONT, _GROUND_SIDE, _GROUND_BACK
    corners = np.array([[-side, front], [side, front], [side, back], [-side, back]])
    put(ax, PolyCollection([on_ground(camera, corners)], facecolors=_GROUND, edgecolors="none", gid="ground"), -10)
    lines = [on_ground(camera, np.array([[-side, v], [side, v]])) for v in np.linspace(front, back, 12)[1:]]
    lines += [on_ground(camera, np.array([[u, front], [u, back]])) for u in np.linspace(-side, side, 13)]
    put(ax, LineCollection(lines, colors=_EDGE, linewidths=0.5, alpha=0.6, gid="ground"), -9)


def paint_underside(ax: Axes, relief: Relief, heights: HeightMap, levels: Array) -> None:
    """The surface with contours, from the back to the front, and its front edge."""
    contours, cmap = relief.contours(levels), surface_cmap()
    for strip in relief.strips():
        facets(ax, strip, cmap, heights)
        if strip.index in contours:
            lines = LineCollection(
                list(contours[strip.index]), colors="#2f4558", linewidths=0.4, alpha=0.45, gid="contours"
            )
            put(ax, lines, strip.index + 0.3)
    ax.plot(*relief.paper[0].T, color="#8f8b80", lw=0.8, zorder=relief.n + 0.4)


def paint_paths(ax: Axes, relief: Relief, paths: Sequence[PlanePath], saddles: Array) -> None:
    """Minimum-action paths on the underside, and the saddles."""
    camera, t = relief.camera, axes_scale(ax)
    for path in paths:
        turned, lifted = camera.turned(path.line), camera.lift(relief.heights.at(path.line))
        paper = camera.see(turned, lifted)[0]
        seen = shown(relief, turned, lifted)
        segments = np.stack([paper[:-1], paper[1:]], axis=1)
        for width, colour, above in ((2.6, "#ffffffc0", 0.5), (1.1, INK, 0.6)):
            lines = LineCollection(list(segments[seen[:-1]]), colors=colour, linewidths=width * t, gid="paths")
            put(ax, lines, relief.n + above)
    if len(saddles):
        turned, lifted = camera.turned(saddles), camera.lift(relief.heights.at(saddles))
        seen = shown(relief, turned, lifted)
        at = camera.see(turned, lifted)[0][seen]
        marks = ax.scatter(*at.T, s=26 * t**3, marker="D", facecolors="white", edgecolors=INK, lw=1.0 * t, zorder=8e5)
        marks.set_gid("saddles")
        marks.set_in_layout(False)


def paint_ropes(ax: Axes, relief: Relief, ropes: Sequence[Rope], *, gid: str, alpha: float, zorder: float) -> None:
    """Ropes from the pegs to the surface, the widest first; faint where the surface hangs down in front of them."""
    camera = relief.camera
    for rank, rope in enumerate(sorted(ropes, key=lambda rope: -rope.width)):
        top = np.append(camera.turned(rope.point[None])[0], float(camera.lift(relief.heights.at(rope.point[None]))[0]))
        foot = np.append(rope.peg, 0.9 * PEG - SHEET)
        line = foot + np.linspace(0, 1, _POINTS)[:, None] * (top - foot)
        paper, seen = camera.see(line[:, :2], line[:, 2])[0], shown(relief, line[:, :2], line[:, 2])
        level = zorder + rank / (len(ropes) + 1)
        for start, stop, visible in _runs(seen):
            part = paper[start:stop]
            for name, colour, width, share in (
                _strokes(rope, gid) if visible else (("hidden", rope.colour, rope.width, 0.2),)
            ):
                drawn = LineCollection(
                    [part], colors=[to_rgba(colour, alpha * share)], linewidths=width, gid=name,
                    linestyles=[(0, _DASHES)] if rope.dashed and name == gid else "solid", capstyle="butt",
                )  # fmt: skip
                put(ax, drawn, level)
        if seen[-1]:
            knot = ax.scatter(*paper[-1:].T, s=(0.7 * rope.width + 2.2) ** 2, color=rope.colour, alpha=alpha, lw=0.6,
                              edgecolors="white", zorder=level)  # fmt: skip
            knot.set_gid("knots")
            knot.set_in_layout(False)


def _strokes(rope: Rope, gid: str) -> Sequence[tuple[str, str, float, float]]:
    """Name, colour, width and opacity of the strokes of a rope: a casing, itself, and a shine along it."""
    casing = ("casing", "#ffffff", rope.width + 1.3, 0.8)
    own = (gid, rope.colour, rope.width, 1.0)
    return (
        (casing, own, ("shine", "#ffffff", 0.28 * rope.width, 0.22))
        if rope.width > 1.5 and not rope.dashed
        else (casing, own)
    )


def _runs(seen: NDArray[np.bool_]) -> list[tuple[int, int, bool]]:
    """Stretches of a line, each one point into the next, that are seen or not."""
    cuts = [0, *(np.flatnonzero(np.diff(seen.astype(np.int8))) + 1), len(seen) - 1]
    return [(a, b + 1, bool(seen[a])) for a, b in zip(cuts, cuts[1:], strict=False) if b > a]


def paint_pegs(ax: Axes, camera: Camera, places: Array, *, small: bool) -> None:
    """Wooden pegs in the ground."""
    if not len(places):
        return
    height = PEG * (0.6 if small else 1.0)
    foot, head = on_ground(camera, places), on_ground(camera, places, height)
    width = 0.009 if small else 0.017
    shapes = [
        np.array([f + [-0.5 * width, 0], f + [0.5 * width, 0], h + [width, 0], h + [-width, 0]])
        for f, h in zip(foot, head, strict=True)
    ]
    put(ax, PolyCollection(shapes, facecolors=_WOOD, edgecolors="white", linewidths=0.4, gid="pegs"), 7e5)
