"""Intervals of barriers from the ensemble of models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator, seed_of
from landscape.dynamics import GeneModel
from landscape.dynamics.ensemble import interval
from landscape.topography.fixed_points.matching import match_attractors
from landscape.topography.large_deviations.parallel import in_parallel
from landscape.topography.large_deviations.transitions import TransitionNetwork, transition_network

# Fewer replicates with both attractors say nothing of a spread.
MIN_REPLICATES = 3
# Points along the paths of replicates, and the error of their actions, which differ by far more.
N_POINTS, TOLERANCE = 50, 0.05


@dataclass(frozen=True, eq=False)
class BarrierIntervals:
    """Intervals of the heights between ``k`` attractors: ``low``, ``high`` and ``n_replicates`` behind them, each ``(k, k)``.

    Ends are NaN if fewer than three replicates have both attractors.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_replicates: NDArray[np.int64]


def barrier_intervals(
    ensemble: Iterable[GeneModel],
    states: NDArray[np.float64],
    *,
    network: TransitionNetwork | None = None,
    n_jobs: int = 1,
    rng: RandomLike = 0,
) -> BarrierIntervals:
    """Central interval of the height of each barrier over the replicates of a model.

    Parameters
    ----------
    ensemble
        Replicates of the model, each with its noise.
    states
        Attractors of the model, shape ``(k, d)``.
    network
        Transitions of the model, whose saddles and paths are where those of the replicates are searched.
    n_jobs
        Number of processes over which the replicates are divided, with equal results; -1 for one per processor.
    rng
        Seed or generator.
    """
    k, random = len(states), generator(rng)
    tasks = [(model, states, network, seed_of(random)) for model in ensemble]
    heights = in_parallel(_heights, tasks, n_jobs)
    low, high = np.full((k, k), np.nan), np.full((k, k), np.nan)
    if not heights:
        return BarrierIntervals(low, high, np.zeros((k, k), dtype=np.int64))
    stack = np.array(heights)
    count = np.isfinite(stack).sum(0)
    for i, j in zip(*np.nonzero(count >= MIN_REPLICATES), strict=True):
        values = stack[np.isfinite(stack[:, i, j]), i, j]
        low[i, j], high[i, j] = interval(values)
    return BarrierIntervals(low, high, count)


def _heights(
    model: GeneModel, states: NDArray[np.float64], network: TransitionNetwork | None, seed: int
) -> NDArray[np.float64]:
    """Heights between the attractors of a replicate that match those of the model, NaN elsewhere, shape ``(k, k)``."""
    matched = match_attractors(model.drift, states)
    kept = np.flatnonzero(np.isfinite(matched).all(1))
    height = np.full((len(states),) * 2, np.nan)
    if len(kept) < 2:
        return height
    found = transition_network(
        model.drift,
        matched[kept],
        diffusion=model.diffusion,
        similar=None if network is None else network.among(kept),
        n_points=N_POINTS,
        tolerance=TOLERANCE,
        rng=seed,
    )
    height[np.ix_(kept, kept)] = found.action
    return height
