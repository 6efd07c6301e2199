"""The landscape as a relief seen from the front, with the cells on it, and as a map from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import seaborn as sns
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import Colormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape._random import RandomLike
from landscape.pl._cells import Colours, colours, coordinates, sample
from landscape.pl._figure import INK, QUIET, caption, finish, new_axes
from landscape.pl._labels import beside, lead
from landscape.pl._places import Place, attractor_places, downhill
from landscape.pl._relief import Camera, Grid, Relief, Strip

HEIGHT_LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"
_UNKNOWN = np.array(to_rgb("#e9e7e1"))
_SHADOW = np.array(to_rgb("#2b3f52"))
# Depth of the wall below the lowest height, which carries the names.
_WALL = 0.2
_CORNER = np.array([[-1.045, -1.0]])
_HINT = "run `landscape.tl.occupancy(adata)` first"


def surface_cmap() -> Colormap:
    """Colours of the relief: slate valleys, pale ridges; quiet enough for cells of any colour."""
    return sns.blend_palette(["#3d5a73", "#6d8fa3", "#a9c0c4", "#d9dfd6", "#f3efe4"], as_cmap=True)


def landscape(
    adata: AnnData,
    *,
    color: str | None = _keys.BASIN,
    basis: str | None = None,
    occupancy_key: str = _keys.OCCUPANCY,
    layer: str | None = None,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    azimuth: float | None = None,
    elevation: float = 48.0,
    rise: float | None = None,
    ceiling: float | None = None,
    n_cells: int | None = 3000,
    size: float = 26.0,
    labels: bool = True,
    height_label: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Axes | Figure | None:
    """Draw the landscape as a relief with cells on it.

    Height is what :func:`landscape.tl.occupancy` stored and nothing else: a valley is where the model spends time. The
    view is turned so that development runs towards the viewer, which moves nothing up or down. Hatched plateaus have no
    known height. Things in front hide things behind.

    Parameters
    ----------
    adata
        Annotated data with ``uns["landscape"]["occupancy"]``.
    color
        Column of ``adata.obs`` or a gene; ``None``: one colour.
    basis
        Embedding with the places of the cells; ``None``: the one on which the heights were computed.
    occupancy_key
        Name of the record with the heights.
    layer
        Layer that a gene's values are taken from; ``None``: ``adata.X``.
    palette
        Colours of categories, by name or in order; ``None``: ``adata.uns[color + "_colors"]``, else colours for
        colour-blind readers.
    cmap
        Colour map of a continuous quantity.
    azimuth
        Direction in the plane that points at the viewer, in degrees; ``None``: the direction of development.
    elevation
        Angle of the view above the plane, in degrees.
    rise
        Drawn height of the relief, where half of the plane's width is 1; ``None``: as high as leaves nine of ten cells
        in sight, from 0.3 to 0.7.
    ceiling
        Height at which the relief is cut off, so that rims without cells do not hide the valleys; ``None``: somewhat
        above 99 % of the cells. The figure says so.
    n_cells
        Most cells drawn; the figure says how many of how many. ``None``: all.
    size
        Area of a cell's ball in square points.
    labels
        Name the attractors.
    height_label
        Text on the vertical axis; ``None``: the record's own, else what the height is.
    title
        Title.
    ax
        Axes to draw on.
    show, return_fig
        As in scanpy: show the figure, or return it, or (``show=False``) its axes.
    rng
        Seed of the choice of cells.

    Returns
    -------
    Axes, figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no heights, or ``color`` is unknown.
    """
    require_adata(adata)
    record = read_result(adata, occupancy_key, hint=_HINT)
    where, basis = coordinates(adata, basis or record.get("basis"))
    grid = Grid.of(record)
    grid = (replace(grid, ceiling=ceiling) if ceiling is not None else grid.cut_above(where)).cropped()
    turn, development = (np.deg2rad(azimuth), "") if azimuth is not None else downhill(adata, where)
    relief = _relief(grid, where, turn, elevation, rise)
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, words = sample(adata, n_cells, rng)

    figure, ax = new_axes(ax, size=(9.0, 6.6))
    _paint(ax, relief, where[chosen], painted.rgba[chosen], size)
    _front(ax, relief)
    _scale(ax, relief.camera, grid, height_label or record.get("label") or HEIGHT_LABEL)
    _frame(ax, relief, basis, development)
    places = attractor_places(adata, where) if labels else []
    _name(ax, relief, places, painted, color)
    _legend(figure, ax, painted, named=color == _keys.BASIN and bool(places))
    if title:
        ax.set_title(title, color=INK, fontsize=12)
    caption(figure, "  \N{MIDDLE DOT}  ".join(_notes(adata, grid, words, places, labels)))
    return finish(figure, ax, show=show, return_fig=return_fig)


def _relief(grid: Grid, where: NDArray[np.float64], turn: float, elevation: float, rise: float | None) -> Relief:
    if rise is not None:
        return Relief(grid, Camera.on(grid, azimuth=turn, elevation=elevation, rise=rise))
    some = where[:: max(1, len(where) // 300)]
    for candidate in (0.7, 0.6, 0.5, 0.42, 0.36, 0.3):
        relief = Relief(grid, Camera.on(grid, azimuth=turn, elevation=elevation, rise=candidate))
        turned = relief.camera.turned(some)
        if relief.visible(turned, relief.camera.lift(grid.at(some))).mean() >= 0.9:
            break
    return relief


def _paint(ax: Axes, relief: Relief, points: NDArray[np.float64], rgba: NDArray[np.float64], size: float) -> None:
    camera, grid = relief.camera, relief.grid
    turned = camera.turned(points)
    inside = (np.abs(turned) <= 1).all(1)
    turned, points, rgba = turned[inside], points[inside], rgba[inside]
    paper, scale = camera.see(turned, camera.lift(grid.at(points)))
    strip_of = relief.strip_of(turned)
    contours = relief.contours(_levels(grid))
    cmap = surface_cmap()
    for strip in relief.strips():
        _facets(ax, strip, cmap, grid)
        hatch = relief.hatching(strip.index, every=5)
        if len(hatch):
            ax.add_collection(
                LineCollection(list(hatch), colors="#bdb9ae", linewidths=0.5, zorder=strip.index + 0.2, gid="hatching")
            )
        if strip.index in contours:
            lines = LineCollection(
                list(contours[strip.index]), colors="#2f4558", linewidths=0.45, alpha=0.5, gid="contours"
            )
            lines.set_zorder(strip.index + 0.3)
            ax.add_collection(lines)
        members = np.flatnonzero(strip_of == strip.index)
        if len(members):
            members = members[np.argsort(-turned[members, 1], kind="stable")]
            _balls(ax, paper[members], rgba[members], size * scale[members] ** 2, strip.index + 0.5)


def _facets(ax: Axes, strip: Strip, cmap: Colormap, grid: Grid) -> None:
    share = (strip.height - grid.lowest) / max(grid.highest - grid.lowest, 1e-12)
    rgb = np.where(strip.known[..., None], cmap(share)[..., :3], _UNKNOWN)
    # Flat ground has the shade .75 under this light and keeps its colour; what is darker turns to slate, not to black.
    away = np.clip((0.75 - strip.shade) / 0.75, 0, 1)[..., None] * 0.62
    towards = np.clip((strip.shade - 0.75) / 0.25, 0, 1)[..., None] * 0.45
    face = (rgb * (1 - away) + _SHADOW * away) * (1 - towards) + towards
    facets = QuadMesh(strip.corners, shading="gouraud", facecolors=face.reshape(-1, 3), gid="surface")
    facets.set_zorder(strip.index)
    facets.set_rasterized(True)
    ax.add_collection(facets)


def _balls(
    ax: Axes, paper: NDArray[np.float64], rgba: NDArray[np.float64], area: NDArray[np.float64], zorder: float
) -> None:
    """Balls that rest on the surface: their offsets are the cells' places, their centres lie a radius higher."""
    dark = rgba.copy()
    dark[:, :3] *= 0.55
    radius = float(np.sqrt(np.median(area))) / 2
    for gid, colour, scale, right, up in (
        ("shadows", "#1b273340", 1.25, 0.15, 0.0),
        ("cells", rgba, 1.0, 0.0, 0.75),
        ("shine", "#ffffffbf", 0.12, -0.25, 1.1),
    ):
        drawn = ax.scatter(
            *paper.T,
            s=area * scale,
            c=colour,
            edgecolors=dark if gid == "cells" else "none",
            linewidths=0.35 if gid == "cells" else 0,
            zorder=zorder,
            rasterized=True,
            gid=gid,
        )
        shift = ScaledTranslation(
            right * radius / 72,
            up * radius / 72,
            ax.get_figure(root=True).dpi_scale_trans,  # type: ignore[union-attr]
        )
        drawn.set_offset_transform(ax.transData + shift)


def _front(ax: Axes, relief: Relief) -> None:
    """Wall below the front edge, down to the lowest height."""
    camera = relief.camera
    edge = relief.paper[0]
    floor = camera.see(
        np.stack([relief.edges, np.full_like(relief.edges, -1.0)], -1), np.full(len(relief.edges), -_WALL)
    )[0]
    wall = PolyCollection([np.concatenate([edge, floor[::-1]])], facecolors="#d6d2c6", edgecolors="none", gid="wall")
    wall.set_zorder(relief.n + 1)
    ax.add_collection(wall)
    ax.plot(*edge.T, color="#8f8b80", lw=0.8, zorder=relief.n + 2)
    ax.plot(*floor.T, color="#8f8b80", lw=0.8, zorder=relief.n + 2)


def _scale(ax: Axes, camera: Camera, grid: Grid, label: str) -> None:
    """Vertical axis at the front left corner."""
    corner = _CORNER
    ticks = [t for t in MaxNLocator(5).tick_values(grid.lowest, grid.highest) if grid.lowest <= t <= grid.highest]
    line = camera.see(np.repeat(corner, 2, 0), camera.lift(np.array([grid.lowest, grid.highest])))[0]
    ax.plot(*line.T, color=INK, lw=0.9, zorder=1e5, clip_on=False)
    for tick in ticks:
        ((x, y),) = camera.see(corner, camera.lift(np.array([tick])))[0]
        ax.plot([x - 0.015, x], [y, y], color=INK, lw=0.9, zorder=1e5, clip_on=False)
        ax.text(x - 0.025, y, f"{tick:g}", ha="right", va="center", fontsize=8, color=INK, zorder=1e5)
    x, y = line[0]
    ax.text(x - 0.115, y, label, ha="right", va="bottom", rotation=90, fontsize=9, color=INK)


def _frame(ax: Axes, relief: Relief, basis: str, development: str) -> None:
    floor = relief.camera.see(np.array([[-1.0, -1.0], [1.0, -1.0]]), np.array([-_WALL, -_WALL]))[0]
    everything = np.concatenate([relief.paper.reshape(-1, 2), floor])
    low, high = everything.min(0), everything.max(0)
    ax.set_xlim(low[0] - 0.22, high[0] + 0.06)
    ax.set_ylim(low[1] - 0.1, high[1] + 0.03)
    ax.set_aspect("equal")
    ax.axis("off")
    ((x, y),) = relief.camera.see(np.array([[0.0, -1.0]]), np.array([-_WALL]))[0]
    ax.text(x, y - 0.02, f"plane: {basis.removeprefix('X_')}", ha="center", va="top", fontsize=8, color=QUIET)
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
        ax.text(*(head + shift + (0, -0.02)), development, ha="right", va="top", fontsize=8, color=QUIET)


def _name(ax: Axes, relief: Relief, places: list[Place], painted: Colours, color: str | None) -> None:
    if not places:
        return
    points = np.array([place.point for place in places])
    camera = relief.camera
    at = camera.project(points, relief.grid.at(points))
    chosen = [painted.palette.get(place.name, INK) if color == _keys.BASIN else INK for place in places]
    ax.scatter(*at.T, s=46, facecolors="none", edgecolors="white", linewidths=2.6, zorder=9e5)
    rings = ax.scatter(*at.T, s=46, facecolors="none", edgecolors=chosen, linewidths=1.4, zorder=9.1e5)
    rings.set_gid("attractors")
    behind = camera.turned(points)[:, 1] > 0.25
    low, high = ax.get_xlim()
    top, bottom = float(relief.paper[..., 1].max()), float(camera.see(_CORNER, np.array([-0.03]))[0][0, 1])
    ax.set_ylim(top=top + (0.24 if behind.any() else 0.03))
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()  # type: ignore[union-attr]
    for members, level, downwards in ((behind, top + 0.05, False), (~behind, bottom, True)):
        texts = [place.text for place, m in zip(places, members, strict=True) if m]
        edges = [colour for colour, m in zip(chosen, members, strict=True) if m]
        lead(ax, at[members], texts, edges, level=level, limits=(low, high), downwards=downwards)


def _legend(figure: Figure, ax: Axes, painted: Colours, *, named: bool) -> None:
    if painted.norm is not None:
        from matplotlib.cm import ScalarMappable

        bar = figure.colorbar(ScalarMappable(painted.norm, painted.cmap), ax=ax, shrink=0.5, aspect=22, pad=0.01)
        bar.set_label(painted.label, color=INK)
        bar.outline.set_visible(False)  # type: ignore[operator]
    elif painted.palette and not named:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], marker="o", ls="", color=colour, label=name, ms=6)
            for name, colour in painted.palette.items()
        ]
        ax.legend(
            handles=handles,
            title=painted.label,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            fontsize=8,
            ncols=1 + len(handles) // 20,
        )


def _levels(grid: Grid) -> NDArray[np.float64]:
    levels = MaxNLocator(12).tick_values(grid.lowest, grid.highest)
    return levels[(levels > grid.lowest) & (levels < grid.highest)]


def _notes(adata: AnnData, grid: Grid, words: str, places: list[Place], labels: bool) -> list[str]:  # noqa: FBT001
    notes = []
    if not grid.support.all():
        notes.append("hatched: height unknown")
    if grid.is_cut:
        notes.append(f"plateau: above {grid.highest:.3g}")
    if words:
        notes.append(words)
    if labels and (left_out := _unplaced(adata, places)):
        notes.append(f"no cells, so not drawn: {', '.join(left_out)}")
    return notes


def _unplaced(adata: AnnData, places: list[Place]) -> list[str]:
    record = adata.uns.get(_keys.UNS, {}).get(_keys.ATTRACTORS)
    if record is None:
        return []
    drawn = {place.name for place in places}
    return [str(name) for name in record["table"].index if str(name) not in drawn]


def landscape2d(
    adata: AnnData,
    *,
    color: str | None = _keys.BASIN,
    basis: str | None = None,
    occupancy_key: str = _keys.OCCUPANCY,
    layer: str | None = None,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    n_cells: int | None = 6000,
    size: float = 9.0,
    labels: bool = True,
    height_label: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Axes | Figure | None:
    """Draw the landscape from above: filled contours of the height, cells and attractors.

    Parameters are those of :func:`landscape`. A flow that the record holds (``"u"`` and ``"v"`` on the grid) is drawn as
    streamlines.

    Raises
    ------
    KeyError
        If there are no heights, or ``color`` is unknown.
    """
    require_adata(adata)
    record = read_result(adata, occupancy_key, hint=_HINT)
    grid = Grid.of(record)
    where, basis = coordinates(adata, basis or record.get("basis"))
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, words = sample(adata, n_cells, rng)
    figure, ax = new_axes(ax, size=(7.4, 6.0))
    ax.add_patch(
        Rectangle(
            (0, 0), 1, 1, transform=ax.transAxes, fc=to_hex(_UNKNOWN), ec="#cfcbc0", hatch="////", lw=0, zorder=-1
        )
    )
    known = np.where(grid.support, grid.height, np.nan)
    filled = ax.contourf(grid.x, grid.y, known, levels=14, cmap=surface_cmap(), zorder=0)
    ax.contour(grid.x, grid.y, known, levels=filled.levels, colors="#2f4558", linewidths=0.4, alpha=0.5, zorder=1)
    cells = ax.scatter(*where[chosen].T, s=size, c=painted.rgba[chosen], linewidths=0, rasterized=True, zorder=2)
    cells.set_gid("cells")
    if "u" in record and "v" in record:
        ax.streamplot(
            grid.x, grid.y, record["u"], record["v"], color="#22262b99", linewidth=0.7, arrowsize=0.8, zorder=3
        )
    bar = figure.colorbar(filled, ax=ax, shrink=0.8, pad=0.02)
    bar.set_label(height_label or record.get("label") or HEIGHT_LABEL, color=INK)
    places = attractor_places(adata, where) if labels else []
    for place in places:
        edge = painted.palette.get(place.name, INK) if color == _keys.BASIN else INK
        ax.plot(*place.point, "o", ms=7, mfc="white", mec=edge, mew=1.8, zorder=4)
    name = basis.removeprefix("X_")
    ax.set(xlabel=f"{name} 1", ylabel=f"{name} 2", xticks=[], yticks=[])
    ax.set_xlim(grid.x[0], grid.x[-1])
    ax.set_ylim(grid.y[0], grid.y[-1])
    if places:
        figure.draw_without_rendering()
        edges = [painted.palette.get(p.name, INK) if color == _keys.BASIN else INK for p in places]
        beside(ax, np.array([p.point for p in places]), [p.text for p in places], edges, avoid=where[chosen][:1500])
    _legend(figure, ax, painted, named=color == _keys.BASIN and bool(places))
    if title:
        ax.set_title(title, color=INK, fontsize=12, pad=6)
    caption(figure, "  \N{MIDDLE DOT}  ".join(_notes(adata, grid, words, places, labels)))
    return finish(figure, ax, show=show, return_fig=return_fig)
