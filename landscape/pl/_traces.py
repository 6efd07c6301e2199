"""Parts of the interactive surface as traces of plotly: heights, cells, paths and attractors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from landscape.pl.scene.cells import Colours, colours
from landscape.pl.scene.descriptions import describe_attractor, describe_path
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.painting import surface_cmap
from landscape.pl.scene.view import View
from landscape.pl.style.figure import INK

# Corners of the surface along its longer side; more of them make the file larger without a visible effect.
MAX_CORNERS = 160
# Unknown heights have a colour of their own, beyond the scale by this share of the range of heights.
_BEYOND = 0.1
_UNKNOWN = "#cfccc4"


def surface(go: Any, heights: HeightMap, label: str) -> Any:
    """Heights as a surface, a plateau where none is known."""
    n = np.ceil(
        MAX_CORNERS
        * np.array([np.ptp(heights.x), np.ptp(heights.y)])
        / max(np.ptp(heights.x), np.ptp(heights.y), 1e-300)
    )
    x, y = (np.linspace(c[0], c[-1], max(int(k), 2)) for c, k in zip((heights.x, heights.y), n, strict=True))
    mesh = np.stack(np.meshgrid(x, y), -1)
    points = mesh.reshape(-1, 2)
    height = heights.at(points).reshape(mesh.shape[:2])
    span = max(heights.highest - heights.lowest, 1e-12)
    # Values above the highest height have the colour of unknown heights.
    shade = np.where(heights.known_at(points).reshape(height.shape), height, heights.highest + _BEYOND * span)
    stops = np.linspace(0, 1, 9)
    scale = [(float(s / (1 + _BEYOND / 2)), to_hex(surface_cmap()(s))) for s in stops]
    bar = {"title": {"text": f"{label} (grey: unknown)", "side": "right"}, "len": 0.6, "thickness": 14}
    lines = {"show": True, "color": "rgba(47,69,88,0.4)", "width": 1, "start": heights.lowest, "end": heights.highest}
    return go.Surface(
        x=np.float32(x),
        y=np.float32(y),
        z=np.float32(height),
        surfacecolor=np.float32(shade),
        colorscale=[*scale, (float(1 / (1 + _BEYOND / 2)) + 1e-6, _UNKNOWN), (1.0, _UNKNOWN)],
        cmin=heights.lowest,
        cmax=heights.highest + _BEYOND / 2 * span,
        colorbar={**bar, "x": -0.02, "xanchor": "right"},
        contours={"z": {**lines, "size": span / 12}},
        lighting={"ambient": 0.72, "diffuse": 0.5, "specular": 0.05, "roughness": 0.95},
        name="height",
        hovertemplate="height %{z:.2f}<extra></extra>",
    )


def _raised(heights: HeightMap, points: NDArray[np.float64], by: float) -> NDArray[np.float32]:
    """Points of the plane a little above the surface, so that it does not hide them, shape ``(n, 3)``."""
    height = heights.at(points) + by * (heights.highest - heights.lowest)
    return np.column_stack([points, height]).astype(np.float32)


def cells(
    go: Any,
    view: View,
    heights: HeightMap,
    name: str | None,
    palette: Mapping[str, str] | Sequence[str] | None,
    cmap: str,
    layer: str | None,
    size: float,
) -> list[Any]:
    """Cells, one trace for each category."""
    adata, chosen = view.adata, view.chosen
    painted = colours(adata, name, palette=palette, cmap=cmap, layer=layer)
    points = _raised(heights, view.where[chosen], 0.012)
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


def paths_and_saddles(go: Any, view: View, heights: HeightMap) -> list[Any]:
    """Minimum-action paths and the saddles that they lead to."""
    traces: list[Any] = []
    named: set[tuple[str, frozenset[str]]] = set()
    for path in view.transitions.paths:
        points = _raised(heights, path.line, 0.02)
        pair = (path.saddle, frozenset((path.start, path.end)))  # both directions are one entry of the legend
        name = f"{path.start} \N{EN DASH} {path.end}"
        lines = [f"from {path.start} towards {path.end}", *describe_path(view.adata, path)]
        line = {"color": INK, "width": 5, "dash": "solid" if path.near.mean() > 0.5 else "dot"}
        traces.append(
            go.Scatter3d(
                x=points[:, 0],
                y=points[:, 1],
                z=points[:, 2],
                mode="lines",
                name=text(name),
                line=line,
                legendgroup=text(f"{path.saddle} {sorted(pair[1])}"),
                showlegend=pair not in named,
                meta=lines,
                hovertemplate=f"{_hover(lines)}<extra></extra>",
            )
        )
        named.add(pair)
    if view.transitions.saddles:
        points = _raised(heights, np.array(list(view.transitions.saddles.values())), 0.025)
        marker = {"symbol": "diamond", "size": 6, "color": "white", "line": {"color": INK, "width": 2}}
        traces.append(
            go.Scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], mode="markers", name="saddles", marker=marker,
                         text=[text(name) for name in view.transitions.saddles], hovertemplate="%{text}<extra></extra>")
        )  # fmt: skip
    return traces


def attractors(go: Any, view: View, heights: HeightMap) -> list[Any]:
    """Attractors with their descriptions, and their names above the plateau."""
    if not view.places:
        return []
    points = _raised(heights, np.array([place.point for place in view.places]), 0.03)
    # Names stand above the plateau on poles, where the surface does not hide them.
    top = np.full(len(points), heights.highest + 0.12 * (heights.highest - heights.lowest), dtype=np.float32)
    gaps = np.full(len(points), np.nan, dtype=np.float32)
    poles = [
        np.stack(ends, 1).ravel()
        for ends in ((points[:, 0], points[:, 0], gaps), (points[:, 1], points[:, 1], gaps), (points[:, 2], top, gaps))
    ]
    described = [[place.name, *describe_attractor(view.adata, place.name)] for place in view.places]
    return [
        go.Scatter3d(
            x=points[:, 0],
            y=points[:, 1],
            z=points[:, 2],
            mode="markers",
            name="attractors",
            marker={"size": 9, "color": view.edges, "line": {"color": "white", "width": 3}},
            customdata=[[_hover(lines), lines] for lines in described],
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
    """Escaped name, since plotly interprets some markup."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
