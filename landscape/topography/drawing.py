"""Drawing coordinates made from fates, and heights over a drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from landscape.topography.occupancy import Occupancy

LABEL = "occupancy, \N{MINUS SIGN}ln p (model ensemble)"


def fate_drawing(
    fates: NDArray[np.float64], attractors: NDArray[np.float64], waiting_time: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Drawing coordinates of cells, shape ``(n, 2)``: across, the expected position among fates; along, the progress.

    Attractors are spread over -1 to 1 so that similar ones are side by side. Progress is one minus the rank of the mean time
    to an attractor. Cells without fates lie at the origin.

    Parameters
    ----------
    fates
        Fate probabilities, shape ``(n, k)``.
    attractors
        Attractor of each fate, shape ``(k, d)``.
    waiting_time
        Mean time of each cell to an attractor, shape ``(n,)``.
    """
    k = fates.shape[1]
    position, order = np.zeros(k), np.arange(k)
    if k > 2:
        apart = pdist(attractors)
        order = leaves_list(optimal_leaf_ordering(linkage(apart, "average"), apart))
    position[order] = np.linspace(-1, 1, k) if k > 1 else 0.0
    known = np.isfinite(fates).all(1) & np.isfinite(waiting_time)
    across = np.where(known, np.nan_to_num(fates) @ position, 0.0)
    # Ranks: the last steps into an attractor take so long that times themselves would part it from its cells.
    along = np.zeros(len(waiting_time))
    if known.any():
        along[known] = 1 - (rankdata(waiting_time[known], method="min") - 1) / max(int(known.sum()) - 1, 1)
    return np.column_stack([across, along])


def height_at(found: Occupancy, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height at places of a drawing, shape ``(n,)``; NaN outside the grid and the support.

    Parameters
    ----------
    found
        Heights on a grid.
    places
        Drawing coordinates, shape ``(n, 2)``.
    """
    return RegularGridInterpolator((found.y, found.x), found.height, bounds_error=False)(places[:, ::-1])


def heights_record(found: Occupancy, basis: str, places: NDArray[np.float64]) -> dict[str, Any]:
    """Heights over a drawing as they are kept, with the places of attractors.

    Parameters
    ----------
    found
        Heights on a grid.
    basis
        Name of the drawing coordinates.
    places
        Places of the attractors in the drawing, shape ``(k, 2)``.
    """
    return {
        "x": found.x,
        "y": found.y,
        "height": found.height,
        "support": found.mask,
        "basis": basis,
        "label": LABEL,
        "attractors": places,
    }
