"""Net growth rate of any state, from rates that are known at cells."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from landscape.dynamics.populations import Growth


def growth_of(states: ArrayLike, rates: ArrayLike, *, n_neighbors: int = 10) -> Growth:
    r"""Net growth rate as a function of the state: the mean over the nearest cells.

    Parameters
    ----------
    states
        States of the cells, shape ``(n, d)``.
    rates
        Net growth rate :math:`R`, births less deaths per unit of time, of every cell, shape ``(n,)``.
    n_neighbors
        Number of cells that are averaged.

    Returns
    -------
    Callable from states of shape ``(m, d)`` to rates of shape ``(m,)``.

    Raises
    ------
    ValueError
        If there is not one finite rate for each cell.
    """
    x: NDArray[np.float64] = np.asarray(states, dtype=float)
    known = np.asarray(rates, dtype=float)
    if x.ndim != 2 or known.shape != (len(x),):
        msg = f"Expected one growth rate for each of {len(x)} cells, found shape {known.shape}."
        raise ValueError(msg)
    if not np.isfinite(known).all():
        msg = f"Expected finite growth rates, found {int((~np.isfinite(known)).sum())} that are not."
        raise ValueError(msg)
    tree, k = cKDTree(x), min(n_neighbors, len(x))

    def growth(points: Tensor) -> Tensor:
        _, near = tree.query(points.detach().numpy(), k)
        return torch.as_tensor(known[np.asarray(near).reshape(len(points), k)].mean(1))

    return growth
