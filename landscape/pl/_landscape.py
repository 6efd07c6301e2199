"""The landscape as a relief seen from the front, with the cells on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from landscape import _keys
from landscape._random import RandomLike
from landscape.pl._cells import Colours, plane_names
from landscape.pl._figure import INK, caption, counted, finish, grain, name_bar, new_axes
from landscape.pl._grid import Grid
from landscape.pl._labels import Row, arrange
from landscape.pl._places import downhill
from landscape.pl._relief import Camera, Relief
from landscape.pl._scene import CORNER, frame, front, paint, scale
from landscape.pl._view import View, look

ELEVATION = 48.0
RESOLUTION = 220


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
    elevation: float = ELEVATION,
    rise: float | None = None,
    ceiling: float | None = None,
    n_cells: int | None = 3000,
    size: float | None = None,
    labels: bool = True,
    paths: bool = True,
    height_label: str | None = None,
    resolution: int = RESOLUTION,
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
        Area of a cell's ball in square points; ``None``: 26 at the width of a page, less in narrower axes.
    labels
        Name the attractors.
    paths
        Draw saddles and least-action paths where :func:`landscape.tl.barriers` wrote them.
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
    view = look(
        adata,
        color=color,
        basis=basis,
        occupancy_key=occupancy_key,
        layer=layer,
        palette=palette,
        cmap=cmap,
        n_cells=n_cells,
        labels=labels,
        paths=paths,
        rng=rng,
    )
    relief, grid, development = relief_of(
        view, azimuth=azimuth, elevation=elevation, rise=rise, ceiling=ceiling, resolution=resolution
    )

    figure, ax = new_axes(ax, size=(9.0, 6.6))
    t = grain(ax)
    size = 26.0 * t**4 if size is None else size
    beyond = paint(ax, relief, view.where[view.chosen], view.painted.rgba[view.chosen], size, view.ways)
    front(ax, relief)
    scale(ax, relief.camera, grid, height_label or view.label)
    frame(ax, relief, development)
    legend(figure, ax, view.painted, named=view.by_basin and bool(view.places))
    if title:
        ax.set_title(title, color=INK, fontsize=12)
    words = view.words
    if beyond:
        words = (
            f"{words}, {beyond:,} of them beyond the edge" if words else f"{counted(beyond, 'cell')} beyond the edge"
        )
    drawing = view.basis == _keys.DRAWING
    plane = f"plane: {' and '.join(plane_names(view.basis)) if drawing else view.basis.removeprefix('X_')}"
    caption(figure, [plane, *view.notes(grid, words)])
    _name(ax, relief, view)  # last: for the size that the axes have beside legend and caption
    return finish(figure, ax, show=show, return_fig=return_fig)


def relief_of(
    view: View,
    *,
    azimuth: float | None = None,
    elevation: float = ELEVATION,
    rise: float | None = None,
    ceiling: float | None = None,
    resolution: int = RESOLUTION,
) -> tuple[Relief, Grid, str]:
    """Relief of a view as :func:`landscape` shows it, its heights, and what runs towards the viewer."""
    grid, where = view.grid, view.where
    grid = (replace(grid, ceiling=ceiling) if ceiling is not None else grid.cut_above(where)).cropped()
    turn, development = (np.deg2rad(azimuth), "") if azimuth is not None else downhill(view.adata, where, view.basis)
    keep = np.concatenate([where, *[place.point[None] for place in view.places]])
    return _relief(grid, keep, turn, elevation, rise, resolution), grid, development


def _relief(grid: Grid, keep: NDArray[np.float64], turn: float, elevation: float, rise: float | None, n: int) -> Relief:
    some = keep[:: max(1, len(keep) // 300)]
    for candidate in (0.7, 0.6, 0.5, 0.42, 0.36, 0.3) if rise is None else (rise,):
        relief = Relief(grid, Camera.on(grid, azimuth=turn, elevation=elevation, rise=candidate, keep=keep), n)
        turned = relief.camera.turned(some)
        if relief.visible(turned, relief.camera.lift(grid.at(some))).mean() >= 0.9:
            break
    return relief


def _name(ax: Axes, relief: Relief, view: View) -> None:
    if not view.places:
        return
    points = np.array([place.point for place in view.places])
    camera = relief.camera
    at, chosen, t = camera.project(points, relief.grid.at(points)), view.edges, grain(ax)
    ax.scatter(*at.T, s=46 * t**3, facecolors="none", edgecolors="white", linewidths=2.6 * t, zorder=9e5)
    rings = ax.scatter(*at.T, s=46 * t**3, facecolors="none", edgecolors=chosen, linewidths=1.4 * t, zorder=9.1e5)
    rings.set_gid("attractors")
    behind = camera.turned(points)[:, 1] > 0.25
    top, bottom = float(relief.paper[..., 1].max()), float(camera.see(CORNER, np.array([-0.03]))[0][0, 1])
    texts = [place.text for place in view.places]
    rows = [
        Row(ax, at[m], [texts[i] for i in np.flatnonzero(m)], [chosen[i] for i in np.flatnonzero(m)], level, down)
        for m, level, down in ((behind, top + 0.05, False), (~behind, bottom, True))
        if m.any()
    ]
    arrange(ax, rows)


def legend(figure: Figure, ax: Axes, painted: Colours, *, named: bool) -> None:
    """Colour bar of a quantity, or a list of categories unless the labels on the drawing name them."""
    if painted.norm is not None:
        from matplotlib.cm import ScalarMappable

        bar = figure.colorbar(ScalarMappable(painted.norm, painted.cmap), ax=ax, shrink=0.5, aspect=22, pad=0.01)
        name_bar(bar, painted.label, size=10 * grain(ax))
    elif painted.palette and not named:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], marker="o", ls="", color=colour, label=name, ms=6)
            for name, colour in painted.palette.items()
        ]
        look: dict[str, Any] = {"title": painted.label, "frameon": False, "fontsize": 8 * grain(ax)}
        look["ncols"] = 1 + len(handles) // 20
        if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):  # which keeps room for it
            figure.legend(handles=handles, loc="outside right center", **look)
        else:
            ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), **look)
