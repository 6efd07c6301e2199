"""Fate probabilities of the cells, on an embedding or between the fates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, require_adata, results_of
from landscape._random import RandomLike
from landscape.pl._fates_model import fates_against
from landscape.pl._fates_path import fates_along
from landscape.pl.scene.cells import (
    attractor_colours,
    colours,
    coordinates,
    default_basis,
    plane_names,
    sample,
    turn_like_relief,
)
from landscape.pl.style.circle import circle_points, cluster_order, write_outside
from landscape.pl.style.figure import (
    INK,
    PAGE,
    QUIET,
    axes_scale,
    caption,
    finish,
    hide_spines,
    label_colorbar,
    new_axes,
)

_HINT = "run `landscape.tl.fates(adata)` first"
# Smallest width of a panel in inches.
_PANEL = 1.25
# Width from which colour bars stand beside the panels, in inches.
_BESIDE = 5.0
# Area of all points together, and the smallest and largest area of one, in square points.
_TOTAL_AREA = 12_000
_AREAS = (1.0, 14.0)


def fates(
    adata: AnnData,
    *,
    key: str = _keys.FATES,
    kind: str = "auto",
    start: str | None = None,
    end: str | None = None,
    basis: str | None = None,
    color: str | None = None,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "cividis",
    n_cells: int | None = 20_000,
    size: float | None = None,
    n_columns: int | None = None,
    width: float = PAGE,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Any:
    """Draw the fate probabilities of the cells.

    Parameters
    ----------
    adata
        Annotated data with fate probabilities.
    key
        Key of the table in ``adata.obsm``; ``"terminal_fates"`` draws those of :func:`landscape.tl.terminal_states`.
    kind
        ``"embedding"``: a panel for each fate, and one for the entropy of the fates where it was computed.
        ``"circle"``: fates on a circle, and each cell at the mean of their places weighted by its probabilities:
        uncommitted cells lie in the middle, committed ones at their fate. With three fates it is the ternary diagram.
        ``"path"``: the fates of the cells around each state of a minimum-action path, with a ring where those of its two
        ends are equally probable. Where the fitted model and the chain of cells agree, the ring lies at the saddle.
        ``"model"``: the model's probability of each fate against that of the chain, in the cells that
        :func:`landscape.tl.fates` simulated with the model, with rings where the two differ.
        ``"auto"``: ``"embedding"`` where there is an embedding, else ``"circle"``.
    start, end
        Attractors from which and to which the path leads, as in :func:`paths`; only for ``kind="path"``.
    basis
        Embedding; ``None``: the one that the landscape was drawn on, else the first known one.
    color
        Column of ``adata.obs`` or gene that colours cells on the circle; ``None``: their most probable fate.
    palette, cmap, n_cells, title, show, return_fig, rng
        As for :func:`landscape`.
    size
        Area of a point in square points; ``None``: by the number of cells.
    n_columns
        Number of panels in a row; ``None``: by the width.
    width
        Width of a figure of several panels in inches; the height follows.
    ax
        Axes to draw the circle or the path on.

    Returns
    -------
    List of axes (for a circle or a path, one axes), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there are no fates, or no embedding, path or model for this ``kind``.
    ValueError
        If ``kind`` is unknown, or no path joins ``start`` and ``end``.
    """
    require_adata(adata)
    table = read(adata, "obsm", key, hint=_HINT)
    if kind not in ("auto", "embedding", "circle", "path", "model"):
        msg = f"Expected `kind` to be 'auto', 'embedding', 'circle', 'path' or 'model', found {kind!r}."
        raise ValueError(msg)
    if kind == "path":
        return fates_along(
            adata, table, start=start, end=end, palette=palette, title=title, ax=ax, show=show, return_fig=return_fig
        )
    if start is not None or end is not None:
        msg = "`start` and `end` choose a path; pass `kind='path'` with them."
        raise ValueError(msg)
    if kind == "model":
        return fates_against(
            adata, table, key, palette=palette, width=width, title=title, show=show, return_fig=return_fig
        )
    basis = basis or results_of(adata).get(_keys.OCCUPANCY, {}).get("basis") or default_basis(adata)
    chosen, sampling = sample(adata, n_cells, rng)
    size = size if size is not None else float(np.clip(_TOTAL_AREA / len(chosen), *_AREAS))
    if kind == "circle" or (kind == "auto" and basis is None):
        return _circle(
            adata, table, chosen, sampling, color, palette, cmap, size, title, ax, show=show, return_fig=return_fig
        )
    if ax is not None:
        msg = "Expected no `ax` for a panel of each fate; leave it out, or pass `kind='circle'`."
        raise ValueError(msg)
    where, basis = coordinates(adata, basis)
    panels = [(str(name), table[name].to_numpy(dtype=float), (0.0, 1.0)) for name in table.columns]
    if key == _keys.FATES and _keys.FATE_ENTROPY in adata.obs:  # it belongs to that table
        highest = np.log2(max(table.shape[1], 2))
        panels.append(("entropy of the fate", adata.obs[_keys.FATE_ENTROPY].to_numpy(dtype=float), (0.0, highest)))
    return _panels(
        where[chosen],
        [(n, v[chosen], r) for n, v, r in panels],
        basis,
        sampling,
        cmap,
        size,
        n_columns,
        width,
        title,
        show,
        return_fig,
    )


def _panels(
    where: Any,
    panels: list[Any],
    basis: str,
    sampling: str,
    cmap: str,
    size: float,
    n_columns: int | None,
    width: float,
    title: str | None,
    show: bool | None,  # noqa: FBT001
    return_fig: bool,  # noqa: FBT001
) -> Any:
    below = width < _BESIDE  # colour bars stand below the panels of a narrow figure
    bars = 0.0 if below else 0.62 * (1 + panels[-1][0].startswith("entropy"))  # inches that they take beside them
    per_row = n_columns or max(1, int((width - bars) / _PANEL))
    rows = -(-len(panels) // per_row)
    columns = -(-len(panels) // rows)
    wide = (width - bars) / columns
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(width, (wide + 0.2) * rows + (0.8 if below else 0.3)),
        layout="constrained",
        squeeze=False,
    )
    axes = list(grid.ravel())
    names = plane_names(basis)
    for ax, (label, values, limits) in zip(axes, panels, strict=False):
        order = np.argsort(values, kind="stable")  # probable ones on top
        scale = Normalize(*limits)
        entropy = label.startswith("entropy")
        colour_map = "magma" if entropy else cmap
        points = ax.scatter(
            *where[order].T, c=values[order], norm=scale, cmap=colour_map, s=size, linewidths=0, rasterized=True
        )
        points.set_gid(label)
        ax.set_title(label, fontsize=10, color=INK)
        ax.set(xticks=[], yticks=[])
        turn_like_relief(ax, basis)
        hide_spines(ax, "top", "right")
    scales = [("probability", Normalize(0.0, 1.0), cmap)]
    if panels[-1][0].startswith("entropy"):
        scales.append(("entropy (bits)", Normalize(*panels[-1][2]), "magma"))
    for number, (label, scale, colour_map) in enumerate(reversed(scales)):  # one is put left of those before it
        if below:  # each below its half of the columns
            half = max(1, columns // 2)
            under = list(
                grid[:, half:].ravel() if number == 0 and len(scales) > 1 and columns > 1 else grid[:, :half].ravel()
            )
            place: dict[str, Any] = {"ax": under, "location": "bottom", "shrink": 0.85, "aspect": 20, "pad": 0.02}
        else:
            place = {"ax": axes, "shrink": 0.8 / rows, "aspect": 18, "pad": 0.02}
        bar = figure.colorbar(ScalarMappable(scale, colour_map), **place)
        label_colorbar(bar, label, size=8)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for row in grid:
        row[0].set_ylabel(names[1], fontsize=8, color=QUIET)
    for ax in axes[max(0, len(panels) - columns) : len(panels)]:
        ax.set_xlabel(names[0], fontsize=8, color=QUIET)
    if title:
        figure.suptitle(title, color=INK)
    caption(figure, sampling)
    return finish(figure, axes[: len(panels)], show=show, return_fig=return_fig)


def fate_order(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of fates on a circle, the first fate first: fates that the same cells may have are neighbours."""
    n = probabilities.shape[1]
    if n < 4:
        return np.arange(n)
    shared = np.nan_to_num(probabilities.T @ probabilities)
    np.fill_diagonal(shared, 0.0)
    order = cluster_order(shared.max() - shared)
    return np.roll(order, -int(np.flatnonzero(order == 0)[0]))


def _circle(
    adata: AnnData,
    table: Any,
    chosen: Any,
    sampling: str,
    color: str | None,
    palette: Any,
    cmap: str,
    size: float,
    title: str | None,
    ax: Axes | None,
    *,
    show: bool | None,
    return_fig: bool,
) -> Axes | Figure | None:
    probabilities = table.to_numpy(dtype=float)
    order = fate_order(probabilities)
    names, probabilities = [str(table.columns[i]) for i in order], probabilities[:, order]
    ends = circle_points(len(names))
    where = probabilities @ ends
    figure, ax = new_axes(ax, size=(6.4, 6.0))
    if color is None:
        scheme = list(attractor_colours(adata, names, palette).values())
        rgba: Any = np.take(np.array(scheme), probabilities[chosen].argmax(1))
        painted = None
    else:
        painted = colours(adata, color, palette=palette, cmap=cmap)
        rgba, scheme = painted.rgba[chosen], [INK] * len(names)
    ax.add_patch(plt.Circle((0, 0), 1.0, fc="none", ec="#d5d9de", lw=1.0))
    if len(names) > 2:
        ax.add_patch(plt.Polygon(ends, fc="#f6f7f9", ec="#d5d9de", lw=1.0, zorder=0))
    points = ax.scatter(*where[chosen].T, c=rgba, s=size, linewidths=0, alpha=0.8, rasterized=True, zorder=2)
    points.set_gid("cells")
    for name, point, colour in zip(names, ends, scheme, strict=True):
        ax.plot(*point, "o", ms=9 * axes_scale(ax), mfc=colour, mec="white", zorder=3)
        write_outside(ax, name, point, gap=11, size=9.5 * axes_scale(ax))
    if painted is not None and painted.norm is not None:
        figure.colorbar(ScalarMappable(painted.norm, painted.cmap), ax=ax, shrink=0.6, label=painted.label)
    elif painted is not None:
        for label, colour in painted.palette.items():
            ax.plot([], [], "o", color=colour, label=label)
        ax.legend(title=painted.label, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.05, 0.5))
    ax.set_aspect("equal")
    ax.set_xlim(-1.45, 1.45)
    ax.set_ylim(-1.25, 1.25)
    ax.axis("off")
    if title:
        ax.set_title(title, color=INK)
    caption(figure, sampling)
    return finish(figure, ax, show=show, return_fig=return_fig)
