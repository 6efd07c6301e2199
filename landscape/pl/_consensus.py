"""The consensus of several models: how persistent each attractor is, and where the models agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import read, read_result, require_adata, results_of
from landscape._random import RandomLike
from landscape.pl.scene.cells import (
    attractor_colours,
    coordinates,
    default_basis,
    plane_names,
    sample,
    turn_like_relief,
)
from landscape.pl.style.figure import INK, PAGE, QUIET, caption, finish, hide_spines, label_colorbar, width_scale
from landscape.pl.style.labels import place_labels
from landscape.pl.style.verdict import flag

_HINT = "run `landscape.tl.consensus(adata, models=[...])` first"
# Width from which the panels stand beside each other, in inches, and the share of it that the bars take.
_BESIDE, _BARS = 5.0, 0.4
# Height of a bar, in inches.
_ROW = 0.24
# Area of all points together, and the smallest and largest area of one, in square points.
_TOTAL_AREA, _AREAS = 9_000, (1.0, 12.0)
# Cells with the highest probability of a fate, in the middle of which it is named.
_TIP = 20
# Cells that names avoid.
_AVOIDED = 1500


def consensus(
    adata: AnnData,
    *,
    key: str = _keys.CONSENSUS,
    basis: str | None = None,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    n_cells: int | None = 20_000,
    size: float | None = None,
    width: float = PAGE,
    title: str | None = None,
    show: bool | None = None,
    return_fig: bool = False,
    rng: RandomLike = 0,
) -> Any:
    """Draw how persistent each attractor is over models, beside the agreement of the models on the cells.

    A bar is the share of the models that have the attractor. Attractors that are kept have full bars, and the others, which
    are uncertain, open ones. On the embedding cells are coloured by the probability that two models send them to the same
    attractor, and each attractor that is kept is named where its mean probability is highest.

    Parameters
    ----------
    adata
        Annotated data with a consensus (:func:`landscape.tl.consensus`).
    key
        Name of the result.
    basis
        Embedding; ``None``: the one that the landscape was drawn on, else the first known one.
    palette, n_cells, title, show, return_fig, rng
        As for :func:`landscape`.
    cmap
        Colour map of the agreement.
    size
        Area of a point in square points; ``None``: by the number of cells.
    width
        Width of the figure in inches; the height follows. The panels stand above one another where there is no room beside.

    Returns
    -------
    List of axes (bars, embedding), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no consensus, or no embedding.
    """
    record = read_result(require_adata(adata), key, hint=_HINT)
    basin = read(adata, "obs", f"{_keys.BASIN}_{key}", hint=_HINT)
    agreement = read(adata, "obs", _keys.AGREEMENT, hint=_HINT).to_numpy(dtype=float)
    fates = read(adata, "obsm", f"{key}_{_keys.FATES}", hint=_HINT)
    basis = basis or results_of(adata).get(_keys.OCCUPANCY, {}).get("basis") or default_basis(adata)
    where, basis = coordinates(adata, basis)
    table, n_models = record["table"], int(record["params"]["n_models"])
    colours = attractor_colours(adata, [str(name) for name in table.index], palette)
    chosen, sampling = sample(adata, n_cells, rng)
    text = width_scale(width)
    figure, bars, plane = _layout(len(table), width)
    _persistence(bars, table, colours, n_models, text)
    size = float(np.clip(_TOTAL_AREA * text**4 / len(chosen), *_AREAS)) if size is None else size
    _agreement(plane, where[chosen], agreement[chosen], basis, cmap, size, text)
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), cmap), ax=plane, shrink=0.7, aspect=18, pad=0.02)
    label_colorbar(bar, "agreement", size=8 * text)
    if title:
        figure.suptitle(title, color=INK, fontsize=11 * text)
    caption(figure, [*_notes(table, agreement, basin, n_models, str(record["params"]["by"])), sampling])
    flag(figure, adata)
    _name(figure, plane, where, fates, colours, text)
    return finish(figure, [bars, plane], show=show, return_fig=return_fig)


def _layout(n_rows: int, width: float) -> tuple[Figure, Axes, Axes]:
    """Axes for the bars and for the embedding, beside each other or above one another."""
    tall = _ROW * n_rows + 0.55
    if width >= _BESIDE:
        height = max(tall, 0.85 * (1 - _BARS) * width) + 0.35
        figure, axes = plt.subplots(
            1, 2, figsize=(width, height), width_ratios=[_BARS, 1 - _BARS], layout="constrained"
        )
    else:
        heights = [tall, 0.8 * width]
        figure, axes = plt.subplots(
            2, 1, figsize=(width, sum(heights) + 0.45), height_ratios=heights, layout="constrained"
        )
    return figure, axes[0], axes[1]


def _persistence(ax: Axes, table: pd.DataFrame, colours: Mapping[str, str], n_models: int, text: float) -> None:
    names = [str(name) for name in table.index]
    at, share, kept = np.arange(len(names)), table["persistence"].to_numpy(dtype=float), table["kept"].to_numpy(bool)
    drawn = ax.barh(
        at,
        share,
        height=0.62,
        color=[colours[name] if stay else "none" for name, stay in zip(names, kept, strict=True)],
        edgecolor=[colours[name] for name in names],
        linewidth=1.2 * text,
    )
    for patch, stay in zip(drawn, kept, strict=True):
        patch.set_gid("kept" if stay else "uncertain")
    for y, value, number in zip(at, share, table["n_cells"], strict=True):
        ax.text(value + 0.02, y, f"{number:,.0f}", va="center", fontsize=7 * text, color=QUIET)
    ax.set_yticks(at, names, fontsize=8.5 * text)
    ax.set(ylim=(len(names) - 0.5, -0.6), xlim=(0, 1.2))
    shares = np.arange(n_models + 1) / n_models if n_models <= 5 else np.array([0, 0.5, 1])
    labels = [f"{round(s * n_models):d}" for s in shares] if n_models <= 5 else ["0", "50 %", "100 %"]
    ax.set_xticks(shares, labels, fontsize=7.5 * text)
    what = f"models of {n_models}" if n_models <= 5 else f"share of {n_models} models"
    ax.set_xlabel(what, fontsize=8 * text, color=QUIET, labelpad=2)
    ax.set_title("persistence", fontsize=9.5 * text, color=INK, loc="left")
    ax.tick_params(axis="y", length=0)
    hide_spines(ax, "top", "right", "left")


def _agreement(
    ax: Axes,
    where: NDArray[np.float64],
    values: NDArray[np.float64],
    basis: str,
    cmap: str,
    size: float,
    text: float,
) -> None:
    order = np.argsort(-values, kind="stable")  # cells on which models disagree on top
    points = ax.scatter(
        *where[order].T, c=values[order], norm=Normalize(0, 1), cmap=cmap, s=size, linewidths=0, rasterized=True
    )
    points.set_gid("agreement")
    ax.set(xticks=[], yticks=[])
    names = plane_names(basis)
    ax.set_xlabel(names[0], fontsize=8 * text, color=QUIET)
    ax.set_ylabel(names[1], fontsize=8 * text, color=QUIET)
    ax.set_title("where models send a cell", fontsize=9.5 * text, color=INK, loc="left")
    turn_like_relief(ax, basis)
    hide_spines(ax, "top", "right")


def _name(
    figure: Figure,
    ax: Axes,
    where: NDArray[np.float64],
    fates: pd.DataFrame,
    colours: Mapping[str, str],
    text: float,
) -> None:
    """Name each attractor that is kept at the middle one of the cells with its highest probability."""
    points = {}
    for name in map(str, fates.columns[:-1]):
        # An attractor to which no cell goes has no place.
        best = np.argsort(-fates[name].to_numpy(), kind="stable")[:_TIP]
        if fates[name].iloc[best[0]] > 0:
            own = where[best]
            points[name] = own[np.linalg.norm(own - np.median(own, axis=0), axis=1).argmin()]
    if not points:
        return
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
    edges = [colours[name] for name in points]
    for point, colour in zip(points.values(), edges, strict=True):
        ax.plot(*point, "o", ms=6 * text, mfc="white", mec=colour, mew=1.8 * text, zorder=6)
    place_labels(ax, np.array(list(points.values())), list(points), edges, avoid=where[:_AVOIDED], size=8.5 * text)


def _notes(table: pd.DataFrame, agreement: NDArray[np.float64], basin: pd.Series, n_models: int, by: str) -> list[str]:
    names = {str(name) for name in table.index}
    notes = ["beside a bar: cells, mean over the models that have it"]
    if not table["kept"].all():
        notes.append("open bars: uncertain")
    decided, alike = float(basin.astype(str).isin(names).mean()), float((agreement == 1).mean())
    same = "have one most probable fate" if by == "fate" else "lie in one basin"
    notes.append(f"{decided:.0%} of cells lie in the basin of one kept attractor in most of {n_models} models")
    return [*notes, f"{alike:.0%} {same} in all of them"]
