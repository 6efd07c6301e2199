"""Pieces of the surface that turns: heights, cells, paths, attractors, as traces of plotly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from landscape.pl._cells import Colours, colours
from landscape.pl._figure import INK
from landscape.pl._grid import Grid
from landscape.pl._scene import surface_cmap
from landscape.pl._view import View
from landscape.pl._words import attractor_words, way_words

# Corners of the surface along its longer side; more of them only make the file larger.
MOST_CORNERS = 160
# Share of the range of heights by which the colour of unknown ones lies beyond it, and that colour.
_BEYOND = 0.1
_UNKNOWN = "#cfccc4"


def surface(go: Any, grid: Grid, label: str) -> Any:
    """Heights as a surface, a plateau where none is known."""
    n = np.ceil(MOST_CORNERS * np.array([np.ptp(grid.x), np.ptp(grid.y)]) / max(np.ptp(grid.x), np.ptp(grid.y), 1e-300))
    x, y = (np.linspace(c[0], c[-1], max(int(k), 2)) for c, k in zip((grid.x, grid.y), n, strict=True))
    mesh = np.stack(np.meshgrid(x, y), -1)
    points = mesh.reshape(-1, 2)
    height = grid.at(points).reshape(mesh.shape[:2])
    span = max(grid.highest - grid.lowest, 1e-12)
    # Colours beyond the highest height are for the plateau where none is known.
    shade = np.where(grid.known_at(points).reshape(height.shape), height, grid.highest + _BEYOND * span)
    stops = np.linspace(0, 1, 9)
    scale = [(float(s / (1 + _BEYOND / 2)), to_hex(surface_cmap()(s))) for s in stops]
    bar = {"title": {"text": f"{label} (grey: unknown)", "side": "right"}, "len": 0.6, "thickness": 14}
    lines = {"show": True, "color": "rgba(47,69,88,0.4)", "width": 1, "start": grid.lowest, "end": grid.highest}
    return go.Surface(
        x=np.float32(x),
        y=np.float32(y),
        z=np.float32(height),
        surfacecolor=np.float32(shade),
        colorscale=[*scale, (float(1 / (1 + _BEYOND / 2)) + 1e-6, _UNKNOWN), (1.0, _UNKNOWN)],
        cmin=grid.lowest,
        cmax=grid.highest + _BEYOND / 2 * span,
        colorbar={**bar, "x": -0.02, "xanchor": "right"},
        contours={"z": {**lines, "size": span / 12}},
        lighting={"ambient": 0.72, "diffuse": 0.5, "specular": 0.05, "roughness": 0.95},
        name="height",
        hovertemplate="height %{z:.2f}<extra></extra>",
    )


def _raised(grid: Grid, points: NDArray[np.float64], by: float) -> NDArray[np.float32]:
    """Points of the plane on the surface, a little above it, so that it does not swallow them; shape ``(n, 3)``."""
    height = grid.at(points) + by * (grid.highest - grid.lowest)
    return np.column_stack([points, height]).astype(np.float32)


def cells(
    go: Any,
    view: View,
    grid: Grid,
    name: str | None,
    palette: Mapping[str, str] | Sequence[str] | None,
    cmap: str,
    layer: str | None,
    size: float,
) -> list[Any]:
    adata, chosen = view.adata, view.chosen
    painted = colours(adata, name, palette=palette, cmap=cmap, layer=layer)
    points = _raised(grid, view.where[chosen], 0.012)
    names = adata.obs_names.to_numpy(dtype=str)[chosen]
    if not painted.palette:
        return [_points(go, points, names, name or "cells", size, _continuous(painted, chosen))]
    values = adata.obs[name].astype(str).to_numpy()[chosen]
    return [
        _points(go, points[values == category], names[values == category], category, size, {"color": colour})
        for category, colour in painted.palette.items()
        if (values == category).any()
    ]


def _continuous(painted: Colours, chosen: NDArray[np.int64]) -> dict[str, Any]:
    if painted.norm is None:
        return {"color": [to_hex(c) for c in painted.rgba[chosen[:1]]][0] if len(chosen) else INK}
    stops = np.linspace(0, 1, 9)
    bar = {"title": {"text": painted.label, "side": "right"}, "len": 0.5, "thickness": 12, "x": 1.0}
    scale = {"cmin": painted.norm.vmin, "cmax": painted.norm.vmax, "colorbar": bar, "showscale": True}
    return {
        "color": [to_hex(c) for c in painted.rgba[chosen]],
        "colorscale": [(float(s), to_hex(painted.cmap(s))) for s in stops],
        **scale,
    }


def _points(
    go: Any, points: NDArray[np.float32], cells: NDArray[np.str_], name: str, size: float, marker: Mapping[str, Any]
) -> Any:
    return go.Scatter3d(
        x=points[:, 0],
        y=points[:, 1],
        z=points[:, 2],
        mode="markers",
        name=text(name),
        text=[text(cell) for cell in cells],
        hovertemplate="%{text}<extra>" + text(name) + "</extra>",
        marker={"size": size, "line": {"width": 0}, **marker},
        legendgroup="cells",
    )


def ways(go: Any, view: View, grid: Grid) -> list[Any]:
    """Least-action paths and saddles."""
    traces: list[Any] = []
    named: set[tuple[str, frozenset[str]]] = set()
    for way in view.ways.lines:
        points = _raised(grid, way.line, 0.02)
        pair = (way.saddle, frozenset((way.start, way.end)))  # both ways up are one entry of the legend
        name = f"{way.start} \N{EN DASH} {way.end}"
        lines = [f"from {way.start} towards {way.end}", *way_words(view.adata, way)]
        line = {"color": INK, "width": 5, "dash": "solid" if way.near.mean() > 0.5 else "dot"}
        traces.append(
            go.Scatter3d(
                x=points[:, 0],
                y=points[:, 1],
                z=points[:, 2],
                mode="lines",
                name=text(name),
                line=line,
                legendgroup=text(f"{way.saddle} {sorted(pair[1])}"),
                showlegend=pair not in named,
                meta=lines,
                hovertemplate=f"{_hover(lines)}<extra></extra>",
            )
        )
        named.add(pair)
    if view.ways.saddles:
        points = _raised(grid, np.array(list(view.ways.saddles.values())), 0.025)
        marker = {"symbol": "diamond", "size": 6, "color": "white", "line": {"color": INK, "width": 2}}
        traces.append(
            go.Scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], mode="markers", name="saddles", marker=marker,
                         text=[text(name) for name in view.ways.saddles], hovertemplate="%{text}<extra></extra>")
        )  # fmt: skip
    return traces


def attractors(go: Any, view: View, grid: Grid) -> list[Any]:
    """Attractors with what their table says, and their names above the plateau."""
    if not view.places:
        return []
    points = _raised(grid, np.array([place.point for place in view.places]), 0.03)
    # Names stand above the plateau, where the surface does not hide them, on a pole.
    top = np.full(len(points), grid.highest + 0.12 * (grid.highest - grid.lowest), dtype=np.float32)
    gaps = np.full(len(points), np.nan, dtype=np.float32)
    poles = [
        np.stack(ends, 1).ravel()
        for ends in ((points[:, 0], points[:, 0], gaps), (points[:, 1], points[:, 1], gaps), (points[:, 2], top, gaps))
    ]
    said = [[place.name, *attractor_words(view.adata, place.name)] for place in view.places]
    return [
        go.Scatter3d(
            x=points[:, 0],
            y=points[:, 1],
            z=points[:, 2],
            mode="markers",
            name="attractors",
            marker={"size": 9, "color": view.edges, "line": {"color": "white", "width": 3}},
            customdata=[[_hover(lines), lines] for lines in said],
            hovertemplate="%{customdata[0]}<extra></extra>",
        ),
        go.Scatter3d(
            x=points[:, 0],
            y=points[:, 1],
            z=top,
            mode="text",
            name="names",
            text=[text(place.name) for place in view.places],
            textposition="top center",
            textfont={"size": 13, "color": INK},
            hoverinfo="skip",
        ),
        go.Scatter3d(
            x=poles[0],
            y=poles[1],
            z=poles[2],
            mode="lines",
            name="poles",
            line={"color": "#6b7178", "width": 2},
            hoverinfo="skip",
            showlegend=False,
        ),
    ]


def _hover(lines: Sequence[str]) -> str:
    first, *rest = [text(line) for line in lines]
    return "<br>".join([f"<b>{first}</b>", *rest])


def text(name: str) -> str:
    """A name as text: plotly reads some markup."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
