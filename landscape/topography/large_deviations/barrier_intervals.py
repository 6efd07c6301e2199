"""Intervals of barriers from the ensemble of models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.dynamics import GeneModel
from landscape.dynamics.ensemble import interval
from landscape.topography.fixed_points.matching import match_attractors
from landscape.topography.large_deviations.transitions import transition_network

# Fewer replicates with both attractors say nothing of a spread.
MIN_REPLICATES = 3
# Points along the paths of replicates: their actions differ by far more than the last per cent.
N_POINTS = 50


@dataclass(frozen=True, eq=False)
class BarrierIntervals:
    """Intervals of the heights between ``k`` attractors: ``low``, ``high`` and ``n_replicates`` behind them, each ``(k, k)``.

    Ends are NaN if fewer than three replicates have both attractors.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_replicates: NDArray[np.int64]


def barrier_intervals(
    ensemble: Iterable[GeneModel], states: NDArray[np.float64], *, rng: RandomLike = 0
) -> BarrierIntervals:
    """Central interval of the height of each barrier over the replicates of a model.

    Parameters
    ----------
    ensemble
        Replicates of the model, each with its noise.
    states
        Attractors of the model, shape ``(k, d)``.
    rng
        Seed or generator.
    """
    k = len(states)
    heights = []
    for model in ensemble:
        matched = match_attractors(model.drift, states)
        kept = np.flatnonzero(np.isfinite(matched).all(1))
        height = np.full((k, k), np.nan)
        if len(kept) > 1:
            found = transition_network(
                model.drift, matched[kept], diffusion=model.diffusion, n_points=N_POINTS, rng=rng
            )
            height[np.ix_(kept, kept)] = found.action
        heights.append(height)
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    if not heights:
        return BarrierIntervals(low, high, np.zeros((k, k), dtype=np.int64))
    stack = np.array(heights)
    count = np.isfinite(stack).sum(0)
    for i, j in zip(*np.nonzero(count >= MIN_REPLICATES), strict=True):
        values = stack[np.isfinite(stack[:, i, j]), i, j]
        low[i, j], high[i, j] = interval(values)
    return BarrierIntervals(low, high, count)
