"""The relief on paper: surface, hatching, contours and cells from back to front; wall, axis and frame."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import CircleCollection, Collection, LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import Colormap, to_rgb
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import IdentityTransform, ScaledTranslation
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.relief import Camera, Relief, Strip
from landscape.pl.scene.transitions import PlaneTransitions, segments_where
from landscape.pl.style.figure import INK, QUIET, axes_scale

# Depth of the wall below the lowest height, to which the names are attached.
_WALL = 0.2
# Front left corner of the block, where the vertical axis stands.
CORNER = np.array([[-1.045, -1.0]])
UNKNOWN = np.array(to_rgb("#e9e7e1"))
# Flat ground has this light and keeps its colour. Darker ground turns to slate, lighter ground to white, up to a share.
_FLAT_LIGHT = 0.75
_SHADOW = np.array(to_rgb("#2b3f52"))
_DARKEN, _LIGHTEN = 0.55, 0.45
# Share of the shading where no height is known, so that its edge does not look like a cliff.
_UNKNOWN_SHADING = 0.25
# Levels of contours, and facets from one line of the hatching to the next.
N_CONTOURS = 12
_HATCHING = 5
# Height of a path above the surface, in units of the block.
_ABOVE = 4e-3
# Points over which the visibility of a path is smoothed, and the share of hidden segments that are drawn: every fourth.
_MEDIAN_WINDOW = 15
_EVERY_HIDDEN = 4
# Width, colour, layer and name of the strokes of a path where cells are near, and thinner ones where none are.
STROKES = {
    True: ((3.4, "#ffffffd0", 0.6, "casing"), (1.5, INK, 0.7, "paths")),
    False: ((0.8, "#3a4047", 0.7, "paths"),),
}


def surface_cmap() -> Colormap:
    """Colours of the relief: slate valleys and pale ridges, muted so that cells of any colour stand out."""
    return sns.blend_palette(["#3d5a73", "#6d8fa3", "#a9c0c4", "#d9dfd6", "#f3efe4"], as_cmap=True)


def paint(
    ax: Axes,
    relief: Relief,
    points: NDArray[np.float64],
    rgba: NDArray[np.float64],
    size: float,
    transitions: PlaneTransitions,
) -> int:
    """Paint the surface with cells and paths, from back to front; returns the number of cells beyond its edges."""
    camera, heights = relief.camera, relief.heights
    turned = camera.turned(points)
    inside = (np.abs(turned) <= 1).all(1)
    turned, points, rgba = turned[inside], points[inside], rgba[inside]
    paper, scale = camera.see(turned, camera.lift(heights.at(points)))
    strip_of = relief.strip_of(turned)
    contours = relief.contours(contour_levels(heights))
    cmap = surface_cmap()
    for strip in relief.strips():
        facets(ax, strip, cmap, heights)
        hatch = relief.hatching(strip.index, every=_HATCHING)
        if len(hatch):
            lines = LineCollection(list(hatch), colors="#bdb9ae", linewidths=0.5, gid="hatching")
            put(ax, lines, strip.index + 0.2)
        if strip.index in contours:
            lines = LineCollection(
                list(contours[strip.index]), colors="#2f4558", linewidths=0.45, alpha=0.5, gid="contours"
            )
            put(ax, lines, strip.index + 0.3)
        members = np.flatnonzero(strip_of == strip.index)
        if len(members):
            members = members[np.argsort(-turned[members, 1], kind="stable")]
            _balls(ax, paper[members], rgba[members], size * scale[members] ** 2, strip.index + 0.5)
    _paths(ax, relief, transitions)
    return int(np.count_nonzero(~inside))


def _paths(ax: Axes, relief: Relief, transitions: PlaneTransitions) -> None:
    """Minimum-action paths, dotted where the surface hides them, and the saddles."""
    camera, t = relief.camera, axes_scale(ax)
    for path in transitions.paths:
        turned, lifted = camera.turned(path.line), camera.lift(relief.heights.at(path.line))
        paper = camera.see(turned, lifted + _ABOVE)[0]
        inside = (np.abs(turned) <= 1).all(1)
        seen = _smoothed(relief.visible(turned, lifted))
        for near in (True, False):
            lines = segments_where(paper, inside & seen & (path.near == near))
            for width, colour, above, gid in STROKES[near] if lines else ():
                put(ax, LineCollection(lines, colors=colour, linewidths=width * t, gid=gid), relief.n + above)
        if hidden := segments_where(paper, inside & ~seen)[::_EVERY_HIDDEN]:  # dotted, as in a technical drawing
            put(ax, LineCollection(hidden, colors=INK, linewidths=0.7, alpha=0.55, gid="hidden"), relief.n + 0.7)
    if transitions.saddles:
        points = np.array(list(transitions.saddles.values()))
        at = camera.project(points, relief.heights.at(points))
        marks = ax.scatter(*at.T, s=44 * t**3, marker="D", facecolors="white", edgecolors=INK, lw=1.3 * t, zorder=8.9e5)
        marks.set_gid("saddles")
        marks.set_in_layout(False)


def _smoothed(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Visibility of a line without the fragments where it runs along the rim that hides it."""
    return median_filter(seen.astype(np.uint8), size=min(_MEDIAN_WINDOW, len(seen)), mode="nearest").astype(bool)


def facets(ax: Axes, strip: Strip, cmap: Colormap, heights: HeightMap) -> None:
    """Facets of a strip of the surface, coloured by height and shaded."""
    share = (strip.height - heights.lowest) / max(heights.highest - heights.lowest, 1e-12)
    rgb = np.where(strip.known[..., None], cmap(share)[..., :3], UNKNOWN)
    strength = np.where(strip.known, 1.0, _UNKNOWN_SHADING)[..., None]
    away = np.clip((_FLAT_LIGHT - strip.shade) / _FLAT_LIGHT, 0, 1)[..., None] * _DARKEN * strength
    towards = np.clip((strip.shade - _FLAT_LIGHT) / (1 - _FLAT_LIGHT), 0, 1)[..., None] * _LIGHTEN * strength
    face = (rgb * (1 - away) + _SHADOW * away) * (1 - towards) + towards
    facets = QuadMesh(strip.corners, shading="gouraud", facecolors=face.reshape(-1, 3), gid="surface")
    put(ax, facets, strip.index)


def put(ax: Axes, collection: Collection, zorder: float) -> None:
    """Add a collection without its limits: there are hundreds of them, and `frame` sets the limits."""
    collection.set_zorder(zorder)
    collection.set_rasterized(True)
    collection.set_in_layout(False)
    ax.add_collection(collection, autolim=False)


def _balls(
    ax: Axes, paper: NDArray[np.float64], rgba: NDArray[np.float64], area: NDArray[np.float64], zorder: float
) -> None:
    """Balls on the surface: their offsets are the places of the cells, their centres lie a radius higher."""
    dark = rgba.copy()
    dark[:, :3] *= 0.55
    radius = float(np.sqrt(np.median(area))) / 2
    for gid, colour, scale, right, up in (
        ("shadows", "#1b273340", 1.25, 0.15, 0.0),
        ("cells", rgba, 1.0, 0.0, 0.75),
        ("shine", "#ffffffbf", 0.12, -0.25, 1.1),
    ):
        drawn = CircleCollection(
            area * scale,
            offsets=paper,
            offset_transform=ax.transData,
            facecolors=colour,
            edgecolors=dark if gid == "cells" else "none",
            linewidths=0.35 if gid == "cells" else 0,
            gid=gid,
        )
        drawn.set_transform(IdentityTransform())
        shift = ScaledTranslation(
            right * radius / 72,
            up * radius / 72,
            ax.get_figure(root=True).dpi_scale_trans,  # type: ignore[union-attr]
        )
        drawn.set_offset_transform(ax.transData + shift)
        put(ax, drawn, zorder)


def front(ax: Axes, relief: Relief) -> None:
    """Wall below the front edge, down to the lowest height."""
    camera = relief.camera
    edge = relief.paper[0]
    floor = camera.see(
        np.stack([relief.edges, np.full_like(relief.edges, -1.0)], -1), np.full(len(relief.edges), -_WALL)
    )[0]
    wall = PolyCollection([np.concatenate([edge, floor[::-1]])], facecolors="#d6d2c6", edgecolors="none", gid="wall")
    put(ax, wall, relief.n + 1)
    ax.plot(*edge.T, color="#8f8b80", lw=0.8, zorder=relief.n + 2)
    ax.plot(*floor.T, color="#8f8b80", lw=0.8, zorder=relief.n + 2)


def scale(ax: Axes, camera: Camera, heights: HeightMap, label: str) -> None:
    """Vertical axis at the front left corner."""
    corner, t = CORNER, axes_scale(ax)
    ticks = [
        t
        for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(heights.lowest, heights.highest)
        if heights.lowest <= t <= heights.highest
    ]
    line = camera.see(np.repeat(corner, 2, 0), camera.lift(np.array([heights.lowest, heights.highest])))[0]
    ax.plot(*line.T, color=INK, lw=0.9, zorder=1e5, clip_on=False)
    for tick in ticks:
        ((x, y),) = camera.see(corner, camera.lift(np.array([tick])))[0]
        ax.plot([x - 0.015, x], [y, y], color=INK, lw=0.9, zorder=1e5, clip_on=False)
        ax.text(x - 0.025, y, f"{tick:g}", ha="right", va="center", fontsize=8 * t, color=INK, zorder=1e5)
    x, y = line[0]
    ax.text(x - 0.115, y, label, ha="right", va="bottom", rotation=90, fontsize=9 * t, color=INK)


def frame(ax: Axes, relief: Relief, development: str) -> None:
    """Limits of the drawing, and an arrow in the direction of development."""
    floor = relief.camera.see(np.array([[-1.0, -1.0], [1.0, -1.0]]), np.array([-_WALL, -_WALL]))[0]
    everything = np.concatenate([relief.paper.reshape(-1, 2), floor])
    low, high = everything.min(0), everything.max(0)
    ax.set_xlim(low[0] - 0.22, high[0] + 0.14)
    ax.set_ylim(low[1] - 0.1, high[1] + 0.03)
    ax.set_aspect("equal")
    ax.axis("off")
    if development:
        tail, head = relief.camera.see(np.array([[1.0, -0.55], [1.0, -0.98]]), np.array([-_WALL, -_WALL]))[0]
        shift = np.array([0.045, 0.0])
        ax.annotate(
            "",
            xy=head + shift,
            xytext=tail + shift,
            arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 1.2},
            zorder=1e5,
        )
        x, y = (head + tail) / 2 + 1.6 * shift
        ax.text(x, y, development, ha="left", va="center", rotation=-90, fontsize=8 * axes_scale(ax), color=QUIET)


def contour_levels(heights: HeightMap) -> NDArray[np.float64]:
    """Heights of the contours."""
    levels = MaxNLocator(N_CONTOURS).tick_values(heights.lowest, heights.highest)
    return levels[(levels > heights.lowest) & (levels < heights.highest)]
