"""The interactive surface of the report: heights, cells, paths and attractors as numbers for the script of the page."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import results_of
from landscape.pl.scene import Camera, HeightMap, View, basin_view, describe_attractor, describe_path, relief_of
from landscape.pl.scene.painting import surface_cmap

# Facets along a side, cells, and corners of a path that a telephone draws without delay.
FACETS = 84
MAX_CELLS = 1200
_CORNERS = 40


def surface(adata: AnnData) -> dict[str, Any] | None:
    """Numbers of the surface; ``None`` without heights.

    Coordinates run from -1 to 1, x to the right and y away from the viewer, and heights from 0 to 1, as in the relief;
    ``known`` is 0 where no height is known.
    """
    if _keys.OCCUPANCY not in results_of(adata):
        return None
    view = basin_view(adata, n_cells=MAX_CELLS, paths=True)
    relief, heights, _ = relief_of(view, resolution=FACETS)
    camera = relief.camera
    edges = np.linspace(-1.0, 1.0, FACETS + 1)
    points = camera.unturned(np.stack(np.meshgrid(edges, edges), -1).reshape(-1, 2))
    return {
        "n": FACETS + 1,
        "height": _rounded(_share(heights, heights.at(points))),
        "known": "".join("1" if known else "0" for known in heights.known_at(points)),
        "ramp": [to_hex(surface_cmap()(s)) for s in np.linspace(0, 1, 9)],
        "scale": [float(f"{end:.4g}") + 0.0 for end in (heights.lowest, heights.highest)],  # no "-0"
        "label": view.label,
        "cells": _cells(view, camera, heights),
        "sampling": view.sampling,
        "lines": [
            {
                "at": _rounded(_placed(camera, heights, path.line[:: max(1, len(path.line) // _CORNERS)])),
                "description": [f"{path.start} towards {path.end}", *describe_path(adata, path)],
            }
            for path in view.transitions.paths
        ],
        "saddles": [_rounded(_placed(camera, heights, point[None])) for point in view.transitions.saddles.values()],
        "attractors": [
            {
                "name": place.name,
                "at": _rounded(_placed(camera, heights, place.point[None])),
                "color": to_hex(colour),
                "description": [place.name, *describe_attractor(adata, place.name)],
            }
            for place, colour in zip(view.places, view.edges, strict=True)
        ],
    }


def _share(heights: HeightMap, height: NDArray[np.float64]) -> NDArray[np.float64]:
    return (height - heights.lowest) / max(heights.highest - heights.lowest, 1e-12)


def _placed(camera: Camera, heights: HeightMap, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates and heights of points, shape ``(n, 3)``."""
    return np.column_stack([camera.turned(points), _share(heights, heights.at(points))])


def _cells(view: View, camera: Camera, heights: HeightMap) -> dict[str, Any]:
    placed = _placed(camera, heights, view.where[view.chosen])
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
