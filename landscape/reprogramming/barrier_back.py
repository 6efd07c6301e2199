"""How stable a new fate is: the barriers from it, back to the source and to the nearest other fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._random import RandomLike
from landscape.dynamics import GeneModel
from landscape.topography.large_deviations.barrier_intervals import barrier_intervals
from landscape.topography.large_deviations.transitions import transition_network


@dataclass(frozen=True, eq=False)
class BarrierBack:
    """Lowest barrier from a target to a source, at the noise of the model, with its interval over the replicates.

    Attributes
    ----------
    height, low, high
        Height and the ends of its interval; NaN where there is no path, or fewer than three replicates.
    n_replicates
        Number of replicates behind the interval.
    """

    height: float
    low: float
    high: float
    n_replicates: int


NONE = BarrierBack(np.nan, np.nan, np.nan, 0)


def barrier_back(
    models: Sequence[GeneModel],
    target: NDArray[np.float64],
    source: NDArray[np.float64],
    *,
    rng: RandomLike = 0,
) -> BarrierBack:
    """Lowest barrier from any attractor of the target to any of the source.

    Parameters
    ----------
    models
        The model and its replicates.
    target, source
        Attractors, shapes ``(t, d)`` and ``(s, d)``.
    rng
        Seed or generator.
    """
    model, states = models[0], np.vstack([target, source])
    found = transition_network(model.drift, states, diffusion=model.diffusion, rng=rng)
    heights = found.action[: len(target), len(target) :]
    if not np.isfinite(heights).any():
        return NONE
    i, j = np.unravel_index(int(np.nanargmin(heights)), heights.shape)
    over = barrier_intervals(models[1:], states, rng=rng)
    j = j + len(target)
    return BarrierBack(
        float(heights[i, j - len(target)]), float(over.low[i, j]), float(over.high[i, j]), int(over.n_replicates[i, j])
    )


def barrier_of_table(table: pd.DataFrame, target: Sequence[str], source: Sequence[str]) -> BarrierBack:
    """The same from a table of barriers (:func:`landscape.tl.barriers`)."""
    back = table[table["from"].isin(target) & table["to"].isin(source) & table["height"].notna()]
    if back.empty:
        return NONE
    row = back.loc[back["height"].idxmin()]
    return BarrierBack(float(row["height"]), float(row["low"]), float(row["high"]), int(row["n_replicates"]))
