"""The gene network: a graph of few regulators, a clustered matrix of many."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys, get
from landscape._anndata import require_adata
from landscape.pl._clustered import clustered
from landscape.pl.style.circle import circle_points, cluster_order, write_outside
from landscape.pl.style.figure import DOWN, INK, UP, axes_scale, caption, finish, new_axes

# Largest number of regulators on a circle: beyond, names touch one another at the width of a page.
MAX_NODES = 60
MAX_EDGES = 150
# Largest number of regulators whose names on a circle are horizontal; beyond, they run along the radius.
_UPRIGHT = 24
# Regulators and edges per regulator up to which a stress layout is used: beyond, edges would cross names.
_FEW_NODES, _FEW_EDGES = 4, 2


def network(
    adata: AnnData,
    *,
    key: str = _keys.NETWORK,
    kind: str = "auto",
    n_edges: int | None = MAX_EDGES,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | Any | None:
    """Draw the edges among regulators: arrows activate, bars repress, width is the weight, faint edges are unstable.

    A few regulators with few edges have a stress layout (Kamada-Kawai). Up to 60 are placed on a circle in the order of a
    clustering, so that regulators that activate one another are neighbours. More are drawn as a clustered matrix of at most
    50 regulators and 60 targets, those with the strongest edges.

    Parameters
    ----------
    adata
        Annotated data with a network.
    key
        Name of the network.
    kind
        ``"graph"``, ``"heatmap"`` or ``"auto"``.
    n_edges
        Largest number of edges in a graph, the strongest; the caption states how many of how many. ``None``: all.
    title, ax, show, return_fig
        As for :func:`landscape`; a clustered matrix makes its own figure.

    Returns
    -------
    Axes (of a matrix: the :class:`seaborn.matrix.ClusterGrid`), figure, or ``None`` if shown.

    Raises
    ------
    KeyError
        If there is no network.
    ValueError
        If no edge of it joins two regulators, or ``kind`` is unknown.
    """
    require_adata(adata)
    if kind not in ("auto", "graph", "heatmap"):
        msg = f"Expected `kind` to be 'auto', 'graph' or 'heatmap', found {kind!r}."
        raise ValueError(msg)
    weights = get.regulator_weights(adata, key=key)
    if not (weights.to_numpy() != 0).any():
        msg = f"No edge of `adata.varp[{key!r}]` joins two regulators; run `landscape.tl.network` with more of them."
        raise ValueError(msg)
    if kind == "heatmap" or (kind == "auto" and len(weights) > MAX_NODES):
        return clustered(weights, title, ax, show=show, return_fig=return_fig)
    figure, ax = new_axes(ax, size=(7.6, 7.0))
    edges = _strongest(weights, n_edges)
    total = int(np.count_nonzero(weights.to_numpy()))
    places = layout(weights)
    stability = _stability(adata, key, weights)
    _draw(ax, places, edges, weights, stability)
    if title:
        ax.set_title(title, color=INK, fontsize=12)
    notes = [] if len(edges) == total else [f"the {len(edges)} strongest of {total} edges among regulators"]
    if stability is not None:
        notes.append("width: weight; faint: fewer bootstraps select the edge")
    caption(figure, notes)
    return finish(figure, ax, show=show, return_fig=return_fig)


def _stability(adata: AnnData, key: str, weights: pd.DataFrame) -> pd.DataFrame | None:
    """Share of bootstraps that select each edge, regulators by targets; ``None`` without bootstraps."""
    name = f"{key}_stability"
    if name not in adata.varp:
        return None
    at = adata.var_names.get_indexer(weights.index)
    matrix = adata.varp[name][at][:, at]
    values = np.asarray(matrix.todense() if sparse.issparse(matrix) else matrix, dtype=float)
    return pd.DataFrame(np.clip(np.nan_to_num(values), 0, 1), index=weights.index, columns=weights.columns)


def layout(weights: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Place of each regulator: a stress layout where there are few edges, else a circle in the order of a clustering."""
    ties = np.abs(weights.to_numpy()) + np.abs(weights.to_numpy().T)
    names = [str(name) for name in weights.index]
    if on_circle(weights):
        # Regulators that activate one another are near, those that repress one another far.
        signed = weights.to_numpy() + weights.to_numpy().T
        at = circle_points(len(names))[np.argsort(cluster_order(ties.max() - signed))]
        return dict(zip(names, at, strict=True))
    graph = nx.from_numpy_array((ties > 0).astype(float))
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    graph = nx.relabel_nodes(graph, dict(enumerate(names)))
    parts = sorted(nx.connected_components(graph), key=len, reverse=True)
    hub = next(iter(sorted(parts[0])))
    for part in parts[1:]:  # A stress layout needs distances between all nodes.
        graph.add_edge(hub, sorted(part)[0])
    start = nx.circular_layout(graph)
    places = nx.kamada_kawai_layout(graph, pos=start) if len(names) > 2 else start
    return {name: np.asarray(places[name], dtype=float) for name in names}


def on_circle(weights: pd.DataFrame) -> bool:
    """Whether regulators are placed on a circle: where they are many, or where edges would cross their names."""
    values = weights.to_numpy()
    joined = np.triu((values != 0) | (values.T != 0), 1)
    return len(weights) > _UPRIGHT or (len(weights) > _FEW_NODES and int(joined.sum()) > _FEW_EDGES * len(weights))


def _strongest(weights: pd.DataFrame, n_edges: int | None) -> list[tuple[str, str, float]]:
    """Source, target and weight of the strongest edges, in decreasing order of their absolute weight."""
    values = weights.to_numpy()
    rows, columns = np.nonzero(values)
    order = np.argsort(-np.abs(values[rows, columns]), kind="stable")[:n_edges]
    return [
        (str(weights.index[rows[i]]), str(weights.columns[columns[i]]), float(values[rows[i], columns[i]]))
        for i in order
    ]


def _draw(
    ax: Axes,
    places: dict[str, NDArray[np.float64]],
    edges: list[tuple[str, str, float]],
    weights: pd.DataFrame,
    stability: pd.DataFrame | None,
) -> None:
    circle = on_circle(weights)
    many = len(places) > _UPRIGHT
    at = np.array(list(places.values()))
    out = np.abs(weights.to_numpy()).sum(1)
    t = axes_scale(ax)
    area = (60 + 340 * out / max(float(out.max()), 1e-12)) * t**4
    if many:
        area = area / 3
    size = dict(zip(places, area, strict=True))
    strongest = max((abs(w) for *_, w in edges), default=1.0)
    both = {(a, b) for a, b, _ in edges}
    for source, target, weight in reversed(edges):  # the strongest on top
        share = abs(weight) / strongest
        firm = share if stability is None else float(stability.loc[source, target])
        if source == target:
            _loop(ax, places[source], at.mean(0), np.sqrt(size[source]) / 2, weight, share)
            continue
        bend = 0.18 if (target, source) in both else (0.12 if circle else 0.06)
        ax.add_patch(
            FancyArrowPatch(
                tuple(places[source]),
                tuple(places[target]),
                connectionstyle=f"arc3,rad={bend}",
                arrowstyle=_arrow(weight, share),
                mutation_scale=(9 + 5 * share) * t,
                shrinkA=np.sqrt(size[source]) / 2 + 1,
                shrinkB=np.sqrt(size[target]) / 2 + 3,
                lw=(0.6 + 2.4 * share) * t**2,
                color=UP if weight > 0 else DOWN,
                alpha=0.25 + 0.65 * firm**2,
                zorder=2,
                gid=f"{source}->{target}",
            )
        )
    nodes = ax.scatter(*at.T, s=area, c="#e8edf2", edgecolors=INK, linewidths=t, zorder=4)
    nodes.set_gid("regulators")
    _write_names(ax, places, size, circle=circle)
    spread = np.ptp(at, axis=0).max() or 1.0
    middle = (at.min(0) + at.max(0)) / 2
    half = spread / 2 * (1.28 if circle else 1.22) + (0.08 if circle and not many else 0.0)
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)
    ax.set_aspect("equal")
    ax.axis("off")
    n_up = sum(w > 0 for *_, w in edges)
    handles = [
        Line2D([], [], color=UP, lw=2, label=f"activates ({n_up})"),
        Line2D([], [], color=DOWN, lw=2, label=f"represses ({len(edges) - n_up})"),
    ]
    # Below the drawing, where no name can be.
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=2, frameon=False, fontsize=8.5 * t)


def _write_names(ax: Axes, places: dict[str, NDArray[np.float64]], size: dict[str, float], *, circle: bool) -> None:
    t = axes_scale(ax)
    for name, (x, y) in places.items():
        if circle and len(places) <= _UPRIGHT:
            gap = np.sqrt(size[name]) / 2 + 10 * t
            write_outside(ax, name, places[name], gap=gap, size=10 * t, weight="bold")
        elif circle:
            turn = np.degrees(np.arctan2(y, x))
            left = abs(turn) > 90
            ax.annotate(
                name,
                (1.06 * x, 1.06 * y),
                rotation=turn + 180 if left else turn,
                rotation_mode="anchor",
                ha="right" if left else "left",
                va="center",
                fontsize=7.5 * t,
                color=INK,
                zorder=5,
            )
        else:
            ax.annotate(
                name,
                (x, y),
                xytext=(0, np.sqrt(size[name]) / 2 + 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=9.5 * t,
                fontweight="bold",
                color=INK,
                zorder=5,
                bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75},
            )


def _loop(
    ax: Axes, place: NDArray[np.float64], middle: NDArray[np.float64], radius: float, weight: float, share: float
) -> None:
    """Edge of a regulator to itself: an arc on the outer side."""
    away = place - middle
    angle = np.arctan2(away[1], away[0]) if np.linalg.norm(away) > 1e-9 else -np.pi / 2
    begin, end = angle - 0.6, angle + 0.6
    points = np.array([[np.cos(begin), np.sin(begin)], [np.cos(end), np.sin(end)]]) * (radius + 3)
    figure = ax.get_figure(root=True)
    patch = FancyArrowPatch(
        tuple(points[0] / 72),
        tuple(points[1] / 72),
        connectionstyle="arc3,rad=1.6",
        arrowstyle=_arrow(weight, share),
        mutation_scale=8 * axes_scale(ax),
        shrinkA=0,
        shrinkB=0,
        lw=(0.6 + 2.0 * share) * axes_scale(ax) ** 2,
        color=UP if weight > 0 else DOWN,
        alpha=0.35 + 0.55 * share,
        zorder=3,
        transform=figure.dpi_scale_trans + ScaledTranslation(*place, ax.transData),  # type: ignore[union-attr]
        gid="self",
    )
    ax.add_patch(patch)


def _arrow(weight: float, share: float) -> str:
    return "-|>,head_length=0.45,head_width=0.25" if weight > 0 else f"-[,widthB={0.28 + 0.15 * share:.2f},lengthB=0"
