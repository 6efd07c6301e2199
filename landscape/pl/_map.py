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
from landscape.pl._landscape import legend
from landscape.pl.scene.cells import plane_names, turn_like_relief
from landscape.pl.scene.drift_field import DriftField, drift_field
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.painting import STROKES, UNKNOWN, surface_cmap
from landscape.pl.scene.transitions import PlaneTransitions, segments_where
from landscape.pl.scene.view import View, read_view
from landscape.pl.style.figure import INK, axes_scale, caption, finish, label_colorbar, new_axes
from landscape.pl.style.labels import place_labels
from landscape.pl.style.verdict import flagged_title

# Area of a cell at the width of a page, in square points.
CELL_AREA = 9.0
# Levels of the filled contours.
N_LEVELS = 14
# Cells that labels avoid.
_AVOIDED = 1500


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
    """Draw the landscape from above: filled contours of the heights, cells and attractors.

    Streamlines show the direction of the drift of the fitted model, or of the field ``"u"``, ``"v"`` on the grid where the
    record of heights has one. Lines are minimum-action paths to the saddles.

    Parameters
    ----------
    adata, color, basis, occupancy_key, layer, palette, cmap, n_cells, size, paths, height_label, title, rng
        As in :func:`landscape`.
    labels
        Name the attractors.
    stream
        Draw the drift as streamlines. They have the direction of the drift among neighbouring cells; their density has no
        meaning.
    ax, show, return_fig
        As in :func:`landscape`.

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
    heights, seen = view.heights, view.where[view.chosen]
    figure, ax = new_axes(ax, size=(7.6, 6.2))
    filled = draw_heights(ax, heights)
    t = axes_scale(ax)
    size = CELL_AREA * t**4 if size is None else size
    cells = ax.scatter(*seen.T, s=size, c=view.painted.rgba[view.chosen], lw=0, rasterized=True, zorder=2)
    cells.set_gid("cells")
    streams = stream and _stream(ax, view)
    bar = figure.colorbar(filled, ax=ax, shrink=0.8, pad=0.02)
    label_colorbar(bar, height_label or view.label, size=10 * t)
    draw_paths(ax, view.transitions)
    for place, edge in zip(view.places, view.edges, strict=True):
        ax.plot(*place.point, "o", ms=8 * t, mfc="white", mec=edge, mew=2.0 * t, zorder=6)
    names = plane_names(view.basis)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(names[0], fontsize=10 * t)
    ax.set_ylabel(names[1], fontsize=10 * t)
    ax.set_xlim(heights.x[0], heights.x[-1])
    ax.set_ylim(heights.y[0], heights.y[-1])
    turn_like_relief(ax, view.basis)
    if view.places:
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        texts = [place.text for place in view.places]
        place_labels(
            ax, np.array([place.point for place in view.places]), texts, view.edges, avoid=seen[:_AVOIDED], size=9.0 * t
        )
    legend(figure, ax, view.painted, named=view.by_basin and bool(view.places))
    title, title_color = flagged_title(adata, title)
    if title:
        ax.set_title(title, color=title_color, fontsize=12, pad=6)
    notes = view.notes(heights)
    if streams:
        notes.append(f"arrows: {streams}")
    caption(figure, notes)
    return finish(figure, ax, show=show, return_fig=return_fig)


def draw_heights(
    ax: Axes, heights: HeightMap, *, lowest: float | None = None, highest: float | None = None
) -> QuadContourSet:
    """Filled contours of the known heights over a hatched ground, from ``lowest`` to ``highest``."""
    ax.add_patch(
        Rectangle((0, 0), 1, 1, transform=ax.transAxes, fc=to_hex(UNKNOWN), ec="#cfcbc0", hatch="////", lw=0, zorder=-1)
    )
    known = np.where(heights.support, heights.height, np.nan)
    top = float(heights.height[heights.support].max()) if highest is None else highest
    levels = MaxNLocator(N_LEVELS).tick_values(heights.lowest if lowest is None else lowest, top)
    filled = ax.contourf(heights.x, heights.y, known, levels=levels, cmap=surface_cmap(), zorder=0, extend="neither")
    ax.contour(heights.x, heights.y, known, levels=levels, colors="#2f4558", linewidths=0.4, alpha=0.5, zorder=1)
    return filled


def draw_paths(ax: Axes, transitions: PlaneTransitions) -> None:
    """Minimum-action paths and the saddles that they lead to."""
    t = axes_scale(ax)
    for path in transitions.paths:
        for near in (True, False):
            lines = segments_where(path.line, path.near == near)
            for width, colour, zorder, gid in STROKES[near]:
                ax.add_collection(
                    LineCollection(lines, colors=colour, linewidths=width * t, zorder=4 + zorder, gid=gid)
                )
    if transitions.saddles:
        points = np.array(list(transitions.saddles.values()))
        marks = ax.scatter(*points.T, s=44 * t**3, marker="D", facecolors="white", edgecolors=INK, lw=1.3 * t, zorder=5)
        marks.set_gid("saddles")


def _stream(ax: Axes, view: View) -> str:
    """Draw the field of the record, else the drift of the model, as streamlines; returns its name."""
    record = view.record
    if "u" in record and "v" in record:
        lines = DriftField(view.heights.x, view.heights.y, np.asarray(record["u"]), np.asarray(record["v"]))
        what = "flow"
    else:
        found = drift_field(view.adata, view.where)
        if found is None:
            return ""
        lines, what = found, "direction of the drift"
    drawn = ax.streamplot(
        lines.x, lines.y, lines.u, lines.v, color="#1b2733", linewidth=0.7, arrowsize=0.8, density=1.1, zorder=3
    )
    drawn.lines.set_gid("flow")
    drawn.lines.set_alpha(0.55)
    return what
