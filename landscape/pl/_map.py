"""The landscape seen from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from landscape import _keys
from landscape._random import RandomLike
from landscape.pl._cells import plane_names
from landscape.pl._figure import INK, caption, finish, grain, name_bar, new_axes
from landscape.pl._flow import Flow, flow
from landscape.pl._grid import Grid
from landscape.pl._labels import beside
from landscape.pl._landscape import legend
from landscape.pl._scene import STROKES, UNKNOWN, surface_cmap
from landscape.pl._view import View, look
from landscape.pl._ways import Ways, pieces


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
    size: float | None = None,
    labels: bool = True,
    paths: bool = True,
    stream: bool = True,
    height_label: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Axes | Figure | None:
    """Draw the landscape from above: filled contours of the height, cells and attractors.

    Streamlines show the direction of the model's drift where it was fitted (or a flow that the record itself holds as
    ``"u"`` and ``"v"`` on the grid), lines the least-action paths to the saddles.

    Parameters
    ----------
    adata, color, basis, occupancy_key, layer, palette, cmap, n_cells, size, paths, height_label, title, rng
        As in :func:`landscape`.
    labels
        Write the names of the attractors.
    stream
        Draw the drift as streamlines. Their direction is that of the drift among neighbouring cells; their density means
        nothing.
    ax, show, return_fig
        As in scanpy: axes to draw on; whether to show the figure; whether to return it instead of the axes.

    Returns
    -------
    The axes, the figure with ``return_fig``, ``None`` if it is shown.

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
    grid, seen = view.grid, view.where[view.chosen]
    figure, ax = new_axes(ax, size=(7.6, 6.2))
    filled = draw_heights(ax, grid)
    t = grain(ax)
    size = 9.0 * t**4 if size is None else size
    cells = ax.scatter(*seen.T, s=size, c=view.painted.rgba[view.chosen], lw=0, rasterized=True, zorder=2)
    cells.set_gid("cells")
    streams = stream and _stream(ax, view)
    bar = figure.colorbar(filled, ax=ax, shrink=0.8, pad=0.02)
    name_bar(bar, height_label or view.label, size=10 * t)
    draw_ways(ax, view.ways)
    for place, edge in zip(view.places, view.edges, strict=True):
        ax.plot(*place.point, "o", ms=8 * t, mfc="white", mec=edge, mew=2.0 * t, zorder=6)
    names = plane_names(view.basis)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(names[0], fontsize=10 * t)
    ax.set_ylabel(names[1], fontsize=10 * t)
    turn_like_relief(ax, grid, view.basis)
    if view.places:
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        texts = [place.text for place in view.places]
        beside(ax, np.array([place.point for place in view.places]), texts, view.edges, avoid=seen[:1500], size=9.0 * t)
    legend(figure, ax, view.painted, named=view.by_basin and bool(view.places))
    if title:
        ax.set_title(title, color=INK, fontsize=12, pad=6)
    notes = view.notes(grid)
    if streams:
        notes.append(f"arrows: {streams}")
    caption(figure, notes)
    return finish(figure, ax, show=show, return_fig=return_fig)


def draw_heights(ax: Axes, grid: Grid, *, lowest: float | None = None, highest: float | None = None) -> QuadContourSet:
    """Filled contours of the known heights over a hatched ground, from ``lowest`` to ``highest``."""
    ax.add_patch(
        Rectangle((0, 0), 1, 1, transform=ax.transAxes, fc=to_hex(UNKNOWN), ec="#cfcbc0", hatch="////", lw=0, zorder=-1)
    )
    known = np.where(grid.support, grid.height, np.nan)
    top = float(grid.height[grid.support].max()) if highest is None else highest
    levels = MaxNLocator(14).tick_values(grid.lowest if lowest is None else lowest, top)
    filled = ax.contourf(grid.x, grid.y, known, levels=levels, cmap=surface_cmap(), zorder=0, extend="neither")
    ax.contour(grid.x, grid.y, known, levels=levels, colors="#2f4558", linewidths=0.4, alpha=0.5, zorder=1)
    return filled


def draw_ways(ax: Axes, ways: Ways) -> None:
    """Least-action paths, and the saddles that they climb to."""
    t = grain(ax)
    for way in ways.lines:
        for near in (True, False):
            lines = pieces(way.line, way.near == near)
            for width, colour, zorder, gid in STROKES[near]:
                ax.add_collection(
                    LineCollection(lines, colors=colour, linewidths=width * t, zorder=4 + zorder, gid=gid)
                )
    if ways.saddles:
        points = np.array(list(ways.saddles.values()))
        marks = ax.scatter(*points.T, s=44 * t**3, marker="D", facecolors="white", edgecolors=INK, lw=1.3 * t, zorder=5)
        marks.set_gid("saddles")


def turn_like_relief(ax: Axes, grid: Grid, basis: str) -> None:
    """Limits of the plane, turned such that development runs down the page where the plane knows it."""
    ax.set_xlim(grid.x[0], grid.x[-1])
    ax.set_ylim(grid.y[0], grid.y[-1])
    if basis == _keys.DRAWING:
        ax.invert_xaxis()
        ax.invert_yaxis()


def _stream(ax: Axes, view: View) -> str:
    """Draw the flow that the record holds, else the drift of the model; returns what it is."""
    record = view.record
    if "u" in record and "v" in record:
        lines = Flow(view.grid.x, view.grid.y, np.asarray(record["u"]), np.asarray(record["v"]))
        what = "flow"
    else:
        found = flow(view.adata, view.where)
        if found is None:
            return ""
        lines, what = found, "direction of the drift"
    drawn = ax.streamplot(
        lines.x, lines.y, lines.u, lines.v, color="#1b2733", linewidth=0.7, arrowsize=0.8, density=1.1, zorder=3
    )
    drawn.lines.set_gid("flow")
    drawn.lines.set_alpha(0.55)
    return what
