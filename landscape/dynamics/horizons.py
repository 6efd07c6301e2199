"""Where cells go, and when they are looked at: the descendants against which a model is fitted and scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike
from landscape.markov.absorption import mean_absorption_time
from landscape.markov.descendants import Descendants, Onward, chain_descendants, coupled_descendants
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph
from landscape.markov.speed import time_per_step
from landscape.markov.terminal_states import with_absorbing

# Steps of the chain after which cells and paths are compared: from the neighbourhood, where velocities matter, to the fates.
# Steps are shorter the more cells there are; where 16 do not reach the terminal states, all horizons have more steps.
HORIZONS = (1, 2, 4, 8, 16)
# Share of the cells from which the last horizon reaches the terminal states in the mean.
REACHING = 0.95
# Largest factor of the horizons: a chain that dwells for longer says little about where its cells go.
LONGEST = 32.0
# Accuracy of absorption times, of which one significant digit matters.
TIME_TOLERANCE = 1e-4


def descendants_of(
    states: NDArray[np.float64],
    coordinates: NDArray[np.float64],
    directed: Directed,
    ends: tuple[NDArray[np.int64], ...],
    graph: CellGraph,
    *,
    speed: float,
    rng: RandomLike = 0,
) -> tuple[Descendants, ...]:
    """Descendants at later time points, or without a clock along the chain, which stays in its terminal states.

    Parameters
    ----------
    states, coordinates
        States and latent coordinates of the cells, shapes ``(n, d)`` and ``(n, k)``.
    directed, ends
        Directed chain and velocities of the cells, and the cells of each terminal state.
    graph
        Graph of cells.
    speed
        Number of steps of the chain in a unit of time; not used with a clock.
    rng
        Seed or generator.
    """
    chain = with_absorbing(directed.transitions, ends)
    if directed.times is not None:
        step_time = time_per_step(directed.transitions @ states - states, directed.velocity)
        return coupled_descendants(
            coordinates,
            directed.times,
            growth=directed.growth,
            neighbors=graph.weights,
            onward=Onward(chain, step_time) if ends and step_time > 0 else None,
            rng=rng,
        )
    longer = lengthening(directed.transitions, ends)
    return chain_descendants(chain, [round(longer * m) for m in HORIZONS], step_time=1.0 / (speed * longer))


def lengthening(chain: sparse.csr_matrix, ends: tuple[NDArray[np.int64], ...]) -> float:
    """Factor of the horizons with which the last one is as long as the mean absorption time, between 1 and 32."""
    if not ends:
        return 1.0
    time = np.asarray(mean_absorption_time(chain, np.unique(np.concatenate(ends)), tolerance=TIME_TOLERANCE).time)
    reached = time[np.isfinite(time)]
    longer = float(np.quantile(reached, REACHING)) / HORIZONS[-1] if len(reached) else 1.0
    return min(max(1.0, longer), LONGEST)
