"""Intervals of barriers from the ensemble of models."""

from __future__ import annotations

import logging

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape._random import RandomLike
from landscape.dynamics import RegulatoryDrift
from landscape.tl._dynamics import read_ensemble
from landscape.topography import transition_network
from landscape.topography.fixed_points import fixed_points

logger = logging.getLogger(__name__)

# Central share of the replicates that an interval covers.
INTERVAL = 0.9
# Fewer replicates with both attractors say nothing of a spread.
LEAST_REPLICATES = 3
# Points along the paths of replicates: their actions differ by far more than the last per cent.
N_POINTS = 50


def heirs(drift: RegulatoryDrift, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Attractors of a replicate of the model that stand for those of the model, not-a-number where it has none.

    The flow takes each attractor of the model to one of the replicate; it stands for the first if it is nearer to it
    than half way to the next attractor, and no two attractors share one.

    Parameters
    ----------
    drift
        The replicate.
    states
        Attractors of the model, shape ``(k, d)``.

    Returns
    -------
    States of shape ``(k, d)``.
    """
    apart = np.linalg.norm(states[:, None] - states[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    found = fixed_points(drift, torch.as_tensor(states.copy()), deflate=False, n_random=0)
    result = np.full_like(states, np.nan)
    for k, end in enumerate(found.ends):
        if end >= 0 and found.points[end].stability == "stable":
            near = np.linalg.norm(found.points[end].x - states[k]) <= apart[k].min() / 2
            if near and not (found.ends[:k] == end).any():
                result[k] = found.points[end].x
    return result


def barrier_intervals(
    adata: AnnData, states: NDArray[np.float64], *, diffusion: float | None, rng: RandomLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lower and upper ends of the heights, and from how many replicates, each of shape ``(k, k)``.

    Each replicate is taken with its own noise, unless one is stated.
    """
    k = len(states)
    heights = []
    for drift, own in tqdm(read_ensemble(adata), desc="barriers of replicates", leave=False, disable=None):
        held = heirs(drift, states)
        kept = np.flatnonzero(np.isfinite(held).all(1))
        height = np.full((k, k), np.nan)
        if len(kept) > 1:
            noise = own if diffusion is None else diffusion
            found = transition_network(drift, held[kept], diffusion=noise, n_points=N_POINTS, rng=rng)
            height[np.ix_(kept, kept)] = found.action
        heights.append(height)
    if not heights:
        nothing = np.full((k, k), np.nan)
        return nothing, nothing.copy(), np.zeros((k, k), dtype=np.int64)
    stack = np.array(heights)
    count = np.isfinite(stack).sum(0)
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    tail = (1 - INTERVAL) / 2
    for i, j in zip(*np.nonzero(count >= LEAST_REPLICATES), strict=True):
        values = stack[np.isfinite(stack[:, i, j]), i, j]
        low[i, j], high[i, j] = np.quantile(values, [tail, 1 - tail])
    return low, high, count
