"""Intervals of barriers from the ensemble of models."""

from __future__ import annotations

import logging

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape._model import read_ensemble
from landscape._random import RandomLike
from landscape.dynamics.ensemble import interval
from landscape.topography import transition_network
from landscape.topography.fixed_points.matching import match_attractors

logger = logging.getLogger(__name__)

# Fewer replicates with both attractors say nothing of a spread.
LEAST_REPLICATES = 3
# Points along the paths of replicates: their actions differ by far more than the last per cent.
N_POINTS = 50


def barrier_intervals(
    adata: AnnData, states: NDArray[np.float64], *, diffusion: float | None, rng: RandomLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lower and upper ends of the heights, and from how many replicates, each of shape ``(k, k)``.

    Each replicate is taken with its own noise, unless one is stated.
    """
    k = len(states)
    heights = []
    for model in tqdm(read_ensemble(adata), desc="barriers of replicates", leave=False, disable=None):
        held = match_attractors(model.drift, states)
        kept = np.flatnonzero(np.isfinite(held).all(1))
        height = np.full((k, k), np.nan)
        if len(kept) > 1:
            noisy = model.with_diffusion(diffusion)
            found = transition_network(noisy.drift, held[kept], diffusion=noisy.diffusion, n_points=N_POINTS, rng=rng)
            height[np.ix_(kept, kept)] = found.action
        heights.append(height)
    if not heights:
        nothing = np.full((k, k), np.nan)
        return nothing, nothing.copy(), np.zeros((k, k), dtype=np.int64)
    stack = np.array(heights)
    count = np.isfinite(stack).sum(0)
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for i, j in zip(*np.nonzero(count >= LEAST_REPLICATES), strict=True):
        values = stack[np.isfinite(stack[:, i, j]), i, j]
        low[i, j], high[i, j] = interval(values)
    return low, high, count
