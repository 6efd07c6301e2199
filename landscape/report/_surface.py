"""The surface of the report that turns: heights, cells, paths and attractors as plain numbers for the page's script."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import results_of
from landscape.pl._grid import Grid
from landscape.pl._landscape import relief_of
from landscape.pl._relief import Camera
from landscape.pl._scene import surface_cmap
from landscape.pl._view import View, look
from landscape.pl._words import attractor_words, way_words

# Facets along a side, cells and corners of a path: what a telephone turns without delay.
FACETS = 84
MOST_CELLS = 1200
_CORNERS = 40


def surface(adata: AnnData) -> dict[str, Any] | None:
    """Numbers of the surface, or ``None`` without heights.

    Coordinates run from -1 to 1 to the right (x) and away from the viewer (y), heights from 0 to 1, as in the drawn
    relief; ``known`` is 0 where a height is not known.
    """
    if _keys.OCCUPANCY not in results_of(adata):
        return None
    view = look(
        adata,
        color=_keys.BASIN if _keys.BASIN in adata.obs else None,
        basis=None,
        occupancy_key=_keys.OCCUPANCY,
        layer=None,
        palette=None,
        cmap="viridis",
        n_cells=MOST_CELLS,
        labels=True,
        paths=True,
        rng=0,
    )
    relief, grid, _ = relief_of(view, resolution=FACETS)
    camera = relief.camera
    edges = np.linspace(-1.0, 1.0, FACETS + 1)
    points = camera.unturned(np.stack(np.meshgrid(edges, edges), -1).reshape(-1, 2))
    return {
        "n": FACETS + 1,
        "height": _rounded(_share(grid, grid.at(points))),
        "known": "".join("1" if known else "0" for known in grid.known_at(points)),
        "ramp": [to_hex(surface_cmap()(s)) for s in np.linspace(0, 1, 9)],
        "scale": [float(f"{end:.4g}") + 0.0 for end in (grid.lowest, grid.highest)],  # no "-0"
        "label": view.label,
        "cells": _cells(view, camera, grid),
        "words": view.words,
        "lines": [
            {
                "at": _rounded(_placed(camera, grid, way.line[:: max(1, len(way.line) // _CORNERS)])),
                "words": [f"{way.start} towards {way.end}", *way_words(adata, way)],
            }
            for way in view.ways.lines
        ],
        "saddles": [_rounded(_placed(camera, grid, point[None])) for point in view.ways.saddles.values()],
        "attractors": [
            {
                "name": place.name,
                "at": _rounded(_placed(camera, grid, place.point[None])),
                "color": to_hex(colour),
                "words": [place.name, *attractor_words(adata, place.name)],
            }
            for place, colour in zip(view.places, view.edges, strict=True)
        ],
    }


def _share(grid: Grid, height: NDArray[np.float64]) -> NDArray[np.float64]:
    return (height - grid.lowest) / max(grid.highest - grid.lowest, 1e-12)


def _placed(camera: Camera, grid: Grid, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right, away and height of points, one after the other."""
    return np.column_stack([camera.turned(points), _share(grid, grid.at(points))])


def _cells(view: View, camera: Camera, grid: Grid) -> dict[str, Any]:
    placed = _placed(camera, grid, view.where[view.chosen])
    inside = (np.abs(placed[:, :2]) <= 1).all(1)
    colours = [to_hex(c) for c in view.painted.rgba[view.chosen][inside]]
    palette = sorted(set(colours))
    return {
        "at": _rounded(placed[inside]),
        "color": [palette.index(c) for c in colours],
        "palette": palette,
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(v), 3) for v in np.ravel(values)]
