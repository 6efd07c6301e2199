"""Distances of states to the nearest cells: whether a state of the model is close to observed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.topography.field import as_states

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Cells whose spacing is measured; this many give a quantile to within about half a percent.
MAX_REFERENCE_CELLS = 2000
# Distances in memory at once (128 MB in float64).
BLOCK = 2**24


@dataclass(frozen=True)
class CellDistance:
    """Distances of states to cells, compared to the distances between cells.

    Attributes
    ----------
    distance
        Distance of each state to its ``k``-th nearest cell, in units of the metric; shape ``(m,)``.
    threshold
        Quantile of the same distance among the cells themselves.
    observed
        Whether the distance is at most the threshold, shape ``(m,)``.
    percentile
        Share of cells whose own distance is smaller than that of each state, between 0 and 1, shape ``(m,)``.
    """

    distance: NDArray[np.float64]
    threshold: float
    observed: NDArray[np.bool_]
    percentile: NDArray[np.float64]


def distance_to_cells(
    states: ArrayLike | Tensor,
    cells: ArrayLike | Tensor,
    *,
    k: int = 15,
    quantile: float = 0.99,
    metric: ArrayLike | Tensor | None = None,
    rng: RandomLike = 0,
) -> CellDistance:
    r"""Distances of states, such as the attractors of a fitted drift, to the nearest cells.

    .. math:: r_k(x) = \text{distance from } x \text{ to its } k\text{-th nearest cell}, \qquad
        \text{observed} = r_k(x) \le Q_q\{ r_k(\text{cell}) \}

    where a cell is not its own neighbour. A state far from all cells is a prediction, not an observation.

    Parameters
    ----------
    states
        States, shape ``(m, d)`` or ``(d,)``.
    cells
        Cells in the same coordinates, shape ``(n, d)``, more than ``k``.
    k
        Number of neighbours.
    quantile
        Quantile of the distances between cells up to which a state is observed, between 0 and 1.
    metric
        Length of each coordinate, a number or shape ``(d,)``; 1 by default.
    rng
        Seed of the choice of at most 2,000 cells whose distances are measured.

    Returns
    -------
    Distances, their threshold, and whether each state is observed.

    Raises
    ------
    ValueError
        If there are too few cells, shapes differ, or an option is out of its range.
    """
    x, data = as_states(states, name="states"), as_states(cells, name="cells")
    if x.shape[1] != data.shape[1]:
        msg = f"Expected states and cells with the same coordinates, found {x.shape[1]} and {data.shape[1]}."
        raise ValueError(msg)
    if not 1 <= k < len(data):
        msg = f"Expected `k` between 1 and the number of cells less one, {len(data) - 1}, found {k}."
        raise ValueError(msg)
    if not 0 < quantile <= 1:
        msg = f"Expected `quantile` between 0 and 1, found {quantile}."
        raise ValueError(msg)
    scale = torch.as_tensor(np.array(1.0 if metric is None else metric, dtype=np.float64))
    if not (torch.isfinite(scale) & (scale > 0)).all():
        msg = f"Expected `metric` to be positive and finite, found {float(scale.min())}."
        raise ValueError(msg)
    x, data = x / scale, data / scale
    chosen = np.arange(len(data))
    if len(data) > MAX_REFERENCE_CELLS:
        chosen = np.sort(generator(rng).choice(len(data), MAX_REFERENCE_CELLS, replace=False))
    # Each cell is its own nearest neighbour, at distance zero, hence k + 1.
    own = np.sort(_kth_distance(data[torch.as_tensor(chosen)], data, k + 1))
    distance = _kth_distance(x, data, k)
    threshold = float(np.quantile(own, quantile))
    return CellDistance(distance, threshold, distance <= threshold, np.searchsorted(own, distance) / len(own))


def _kth_distance(x: Tensor, data: Tensor, k: int) -> NDArray[np.float64]:
    rows = max(1, BLOCK // len(data))
    # The matrix-product form of cdist loses all digits of distances that are small relative to the offset.
    parts = [
        torch.cdist(part, data, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(k, dim=1).values
        for part in x.split(rows)
    ]
    return torch.cat(parts).numpy()
