"""The landscape as a relief with cells on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from landscape import _keys
from landscape._random import RandomLike
from landscape.pl.scene.cells import Colours, plane_names
from landscape.pl.scene.painting import CORNER, frame, front, paint, scale
from landscape.pl.scene.relief import Relief
from landscape.pl.scene.view import ELEVATION, RESOLUTION, View, read_view, relief_of
from landscape.pl.style.figure import axes_scale, caption, counted, finish, label_colorbar, new_axes
from landscape.pl.style.labels import LabelRow, arrange_rows
from landscape.pl.style.verdict import flagged_title

# Area of a cell's ball and of an attractor's ring at the width of a page, in square points.
CELL_AREA, RING_AREA = 26.0, 46
# Depth behind which the names of attractors stand above the relief; in front of it they stand below. 0 is the middle.
_BEHIND = 0.25
# Largest number of categories in a column of the legend.
_LEGEND_ROWS = 20


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

    Heights are those of :func:`landscape.tl.occupancy`: the model spends its time in the valleys. The view is turned so that
    development runs towards the viewer, which changes no height. Hatched plateaus have no known height. What is behind a
    ridge is hidden.

    Parameters
    ----------
    adata
        Annotated data with ``uns["landscape"]["occupancy"]``.
    color
        Column of ``adata.obs`` or a gene; ``None``: one colour.
    basis
        Embedding, a key of ``adata.obsm``; ``None``: the one on which the heights were computed.
    occupancy_key
        Name of the record with the heights.
    layer
        Layer that a gene's values are taken from; ``None``: ``adata.X``.
    palette
        Colours of categories, by name or in order; ``None``: ``adata.uns[color + "_colors"]``, else a palette that
        colour-blind readers can distinguish.
    cmap
        Colour map of a continuous quantity.
    azimuth
        Direction in the plane that points at the viewer, in degrees; ``None``: the direction of development.
    elevation
        Angle of the view above the plane, in degrees.
    rise
        Drawn height of the relief, where half of the plane's width is 1; ``None``: the largest value from 0.3 to 0.7 at
        which nine of ten cells are in sight.
    ceiling
        Height at which the relief is cut off, so that rims without cells do not hide the valleys; ``None``: somewhat
        above 99 % of the cells. The caption states it.
    n_cells
        Largest number of cells drawn; the caption states how many of how many. ``None``: all.
    size
        Area of a cell's ball in square points; ``None``: 26 at the width of a page, less in narrower axes.
    labels
        Name the attractors.
    paths
        Draw the saddles and minimum-action paths of :func:`landscape.tl.barriers`, where there are any.
    height_label
        Label of the vertical axis; ``None``: that of the record.
    resolution
        Facets of the surface along each side.
    title
        Title.
    ax
        Axes to draw on.
    show, return_fig
        As in scanpy: show the figure, return it, or, with ``show=False``, return its axes.
    rng
        Seed of the sample of cells.

    Returns
    -------
    Axes, figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no heights, or ``color`` is unknown.
    """
    view = read_view(
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
    relief, heights, development = relief_of(
        view, azimuth=azimuth, elevation=elevation, rise=rise, ceiling=ceiling, resolution=resolution
    )

    figure, ax = new_axes(ax, size=(9.0, 6.6))
    t = axes_scale(ax)
    size = CELL_AREA * t**4 if size is None else size
    beyond = paint(ax, relief, view.where[view.chosen], view.painted.rgba[view.chosen], size, view.transitions)
    front(ax, relief)
    scale(ax, relief.camera, heights, height_label or view.label)
    frame(ax, relief, development)
    legend(figure, ax, view.painted, named=view.by_basin and bool(view.places))
    title, title_color = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=title_color, fontsize=12)
    sampling = view.sampling
    if beyond:
        sampling = (
            f"{sampling}, {beyond:,} of them beyond the edge"
            if sampling
            else f"{counted(beyond, 'cell')} beyond the edge"
        )
    drawing = view.basis == _keys.DRAWING
    plane = f"plane: {' and '.join(plane_names(view.basis)) if drawing else view.basis.removeprefix('X_')}"
    caption(figure, [plane, *view.notes(heights, sampling)])
    name_attractors(ax, relief, view)  # last, because it depends on the room that legend and caption leave
    return finish(figure, ax, show=show, return_fig=return_fig)


def name_attractors(ax: Axes, relief: Relief, view: View) -> None:
    """Rings around the attractors, and their names above and below the relief."""
    if not view.places:
        return
    points = np.array([place.point for place in view.places])
    camera = relief.camera
    at, chosen, t = camera.project(points, relief.heights.at(points)), view.edges, axes_scale(ax)
    ax.scatter(*at.T, s=RING_AREA * t**3, facecolors="none", edgecolors="white", linewidths=2.6 * t, zorder=9e5)
    rings = ax.scatter(
        *at.T, s=RING_AREA * t**3, facecolors="none", edgecolors=chosen, linewidths=1.4 * t, zorder=9.1e5
    )
    rings.set_gid("attractors")
    behind = camera.turned(points)[:, 1] > _BEHIND
    top, bottom = float(relief.paper[..., 1].max()), float(camera.see(CORNER, np.array([-0.03]))[0][0, 1])
    texts = [place.text for place in view.places]
    rows = [
        LabelRow(ax, at[m], [texts[i] for i in np.flatnonzero(m)], [chosen[i] for i in np.flatnonzero(m)], level, down)
        for m, level, down in ((behind, top + 0.05, False), (~behind, bottom, True))
        if m.any()
    ]
    arrange_rows(ax, rows)


def legend(figure: Figure, ax: Axes, painted: Colours, *, named: bool) -> None:
    """Colour bar of a quantity, or a list of categories unless labels on the drawing name them."""
    if painted.norm is not None:
        from matplotlib.cm import ScalarMappable

        bar = figure.colorbar(ScalarMappable(painted.norm, painted.cmap), ax=ax, shrink=0.5, aspect=22, pad=0.01)
        label_colorbar(bar, painted.label, size=10 * axes_scale(ax))
    elif painted.palette and not named:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], marker="o", ls="", color=colour, label=name, ms=6)
            for name, colour in painted.palette.items()
        ]
        look: dict[str, Any] = {"title": painted.label, "frameon": False, "fontsize": 8 * axes_scale(ax)}
        look["ncols"] = 1 + len(handles) // _LEGEND_ROWS
        if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):  # which keeps room for it
            figure.legend(handles=handles, loc="outside right center", **look)
        else:
            ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), **look)
