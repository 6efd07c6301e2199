"""The landscape seen from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape._random import RandomLike
from landscape.pl._cells import colours, coordinates, plane_names, sample
from landscape.pl._figure import INK, caption, finish, new_axes
from landscape.pl._labels import beside
from landscape.pl._landscape import HEIGHT_LABEL, HINT, legend, notes
from landscape.pl._places import attractor_places
from landscape.pl._relief import Grid
from landscape.pl._scene import UNKNOWN, surface_cmap


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

    A flow that the record holds (``"u"`` and ``"v"`` on the grid) is drawn as streamlines.

    Parameters
    ----------
    adata, color, basis, occupancy_key, layer, palette, cmap, n_cells, size, height_label, title, rng
        As in :func:`landscape`.
    labels
        Write the names of the attractors.
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
    require_adata(adata)
    record = read_result(adata, occupancy_key, hint=HINT)
    grid = Grid.of(record)
    where, basis = coordinates(adata, basis or record.get("basis"))
    painted = colours(adata, color, palette=palette, cmap=cmap, layer=layer)
    chosen, words = sample(adata, n_cells, rng)
    figure, ax = new_axes(ax, size=(7.4, 6.0))
    ax.add_patch(
        Rectangle((0, 0), 1, 1, transform=ax.transAxes, fc=to_hex(UNKNOWN), ec="#cfcbc0", hatch="////", lw=0, zorder=-1)
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
    places = attractor_places(adata, where, record if basis == record.get("basis") else None) if labels else []
    for place in places:
        edge = painted.palette.get(place.name, INK) if color == _keys.BASIN else INK
        ax.plot(*place.point, "o", ms=7, mfc="white", mec=edge, mew=1.8, zorder=4)
    names = plane_names(basis)
    ax.set(xlabel=names[0], ylabel=names[1], xticks=[], yticks=[])
    ax.set_xlim(grid.x[0], grid.x[-1])
    ax.set_ylim(grid.y[0], grid.y[-1])
    if basis == _keys.DRAWING:  # turned as the relief is, so that development runs down the page
        ax.invert_xaxis()
        ax.invert_yaxis()
    if places:
        if (engine := figure.get_layout_engine()) is not None:
            engine.execute(figure)
        edges = [painted.palette.get(p.name, INK) if color == _keys.BASIN else INK for p in places]
        beside(ax, np.array([p.point for p in places]), [p.text for p in places], edges, avoid=where[chosen][:1500])
    legend(figure, ax, painted, named=color == _keys.BASIN and bool(places))
    if title:
        ax.set_title(title, color=INK, fontsize=12, pad=6)
    caption(figure, "  \N{MIDDLE DOT}  ".join(notes(adata, grid, words, places, labels=labels)))
    return finish(figure, ax, show=show, return_fig=return_fig)
