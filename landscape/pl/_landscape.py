"""The landscape as a relief seen from the front, with the cells on it, and as a map from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape._random import RandomLike
from landscape.pl._cells import Colours, colours, coordinates, plane_names, sample
from landscape.pl._figure import INK, caption, finish, new_axes
from landscape.pl._labels import Row, arrange
from landscape.pl._places import Place, attractor_places, downhill
from landscape.pl._relief import Camera, Grid, Relief
from landscape.pl._scene import CORNER, frame, front, paint, scale

HEIGHT_LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"
HINT = "run `landscape.tl.occupancy(adata)` first"


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
    resolution: int = 150,
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
    resolution
        Strips from front to back, and facets in each.
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
    record = read_result(adata, occupancy_key, hint=HINT)
    where, basis = coordinates(adata, basis or record.get("basis"))
    grid = Grid.of(record)
    grid = (replace(grid, ceiling=ceiling) if ceiling is not None else grid.cut_above(where)).cropped()
    turn, development = (np.deg2rad(azimuth), "") if azimuth is not None else downhill(adata, where, basis)
    places = attractor_places(adata, where, record if basis == record.get("basis") else None)
    keep = np.concatenate([where, *[place.point[None] for place in places]])
    relief = _relief(grid, keep, turn, elevation, rise, resolution)
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, words = sample(adata, n_cells, rng)

    figure, ax = new_axes(ax, size=(9.0, 6.6))
    beyond = paint(ax, relief, where[chosen], painted.rgba[chosen], size)
    front(ax, relief)
    scale(ax, relief.camera, grid, height_label or record.get("label") or HEIGHT_LABEL)
    frame(ax, relief, development)
    places = places if labels else []
    _name(ax, relief, places, painted, color)
    legend(figure, ax, painted, named=color == _keys.BASIN and bool(places))
    if title:
        ax.set_title(title, color=INK, fontsize=12)
    if beyond:
        words = f"{words}, {beyond:,} of them beyond the edge" if words else f"{beyond:,} cells beyond the edge"
    plane = f"plane: {' and '.join(plane_names(basis)) if basis == _keys.DRAWING else basis.removeprefix('X_')}"
    caption(figure, "  \N{MIDDLE DOT}  ".join([plane, *notes(adata, grid, words, places, labels=labels)]))
    return finish(figure, ax, show=show, return_fig=return_fig)


def _relief(grid: Grid, keep: NDArray[np.float64], turn: float, elevation: float, rise: float | None, n: int) -> Relief:
    some = keep[:: max(1, len(keep) // 300)]
    for candidate in (0.7, 0.6, 0.5, 0.42, 0.36, 0.3) if rise is None else (rise,):
        relief = Relief(grid, Camera.on(grid, azimuth=turn, elevation=elevation, rise=candidate, keep=keep), n)
        turned = relief.camera.turned(some)
        if relief.visible(turned, relief.camera.lift(grid.at(some))).mean() >= 0.9:
            break
    return relief


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
    top, bottom = float(relief.paper[..., 1].max()), float(camera.see(CORNER, np.array([-0.03]))[0][0, 1])
    rows = [
        Row(ax, at[m], [places[i].text for i in np.flatnonzero(m)], [chosen[i] for i in np.flatnonzero(m)], level, down)
        for m, level, down in ((behind, top + 0.05, False), (~behind, bottom, True))
        if m.any()
    ]
    arrange(ax, rows)


def legend(figure: Figure, ax: Axes, painted: Colours, *, named: bool) -> None:
    """Colour bar of a quantity, or a list of categories unless the labels on the drawing name them."""
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


def notes(adata: AnnData, grid: Grid, words: str, places: list[Place], *, labels: bool) -> list[str]:
    """What was left out, cut or sampled, in words."""
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
