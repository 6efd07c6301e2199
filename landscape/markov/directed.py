"""From a start, an order, times, velocities or transitions of cells to a directed chain and a velocity of the state."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TINY
from landscape.markov.ends import find_ends
from landscape.markov.graph import CellGraph
from landscape.markov.kernels import flow_potential, potential_kernel, undirected_kernel, velocity_kernel
from landscape.markov.terminal_states import find_terminal_states, with_absorbing
from landscape.markov.transport import time_velocity

logger = logging.getLogger(__name__)

# Cells rest at a terminal state only if it stands out from what uneven spacing of cells does on a ring without any
# terminal state: the chain is there half as often again as a random walk on the graph, and twice as much of its border
# leads in as out.
MIN_GATHERING = np.log(1.5)
MIN_ARRIVAL = 1 / 3
# Genes whose velocity orients a cell, at most: more cost memory and add little once the abundant ones are in.
MAX_VELOCITY_GENES = 1000
# The start of a pseudotime: its first percent of cells, and no fewer than these.
MIN_START_CELLS, CELLS_PER_START_CELL = 20, 100
# Conflict of two directions that have nothing to do with each other.
CHANCE = 0.5


@dataclass(frozen=True)
class Directed:
    """A direction, evaluated on cells.

    Attributes
    ----------
    transitions
        Directed chain on the graph of cells, shape ``(n, n)``, rows summing to one.
    velocity
        Velocity of the state, shape ``(n, d)``: per unit of real time where the source has a clock, else per step of
        the chain.
    start
        Cells of the start, where the source names them; none otherwise.
    times
        Real time of every cell, or ``None``.
    ends
        Cells of each terminal state at which cells were taken to be at rest in the mean.
    growth
        Net growth rate of every cell per unit of real time, or ``None``.
    """

    transitions: sparse.csr_matrix
    velocity: NDArray[np.float64]
    start: NDArray[np.int64]
    times: NDArray[np.float64] | None = None
    ends: tuple[NDArray[np.int64], ...] = ()
    growth: NDArray[np.float64] | None = None

    @property
    def at_start(self) -> NDArray[np.bool_]:
        """Mask of the cells of the start, shape ``(n,)``."""
        mask = np.zeros(len(self.velocity), dtype=bool)
        mask[self.start] = True
        return mask


def directed_by_start(graph: CellGraph, states: NDArray[np.float64], start: NDArray[np.int64]) -> Directed:
    """Steady flow from the cells of the start to the ends of the manifold.

    Parameters
    ----------
    graph
        Graph of cells.
    states
        States of the cells, shape ``(n, d)``.
    start
        Cells of the start.
    """
    ends = find_ends(graph, start)
    chain = potential_kernel(graph, flow_potential(graph, start, ends.terminal, shares=ends.shares))
    return _at_rest(chain, states, start, ends.terminal)


def directed_by_order(graph: CellGraph, states: NDArray[np.float64], pseudotime: NDArray[np.float64]) -> Directed:
    """Chain along a pseudotime, from its first cells to the ends of the manifold.

    Parameters
    ----------
    graph
        Graph of cells.
    states
        States of the cells, shape ``(n, d)``.
    pseudotime
        Pseudotime of each cell, shape ``(n,)``, NaN where it is unknown.
    """
    known = np.flatnonzero(np.isfinite(pseudotime))
    n_start = max(MIN_START_CELLS, len(known) // CELLS_PER_START_CELL)
    start = known[np.argsort(pseudotime[known], kind="stable")[:n_start]]
    chain = potential_kernel(graph, np.where(np.isfinite(pseudotime), -pseudotime, np.nan))
    return _at_rest(chain, states, start, find_ends(graph, start).terminal)


def directed_by_times(
    graph: CellGraph,
    coordinates: NDArray[np.float64],
    states: NDArray[np.float64],
    times: NDArray[np.float64],
    *,
    growth: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> Directed:
    """Optimal transport between the cells of successive time points.

    Parameters
    ----------
    graph
        Graph of cells.
    coordinates
        Coordinates in which cells are neighbours, shape ``(n, k)``.
    states
        States of the cells, shape ``(n, d)``.
    times
        Real time of each cell, shape ``(n,)``.
    growth
        Net growth rate of each cell per unit of that time, shape ``(n,)``, or ``None``.
    rng
        Generator.
    """
    both = np.hstack([coordinates, states])
    moved = time_velocity(coordinates, both, times, growth=growth, rng=rng)
    k = coordinates.shape[1]
    chain = velocity_kernel(graph, coordinates, moved[:, :k])
    return Directed(chain, moved[:, k:], np.flatnonzero(times == times.min()), times, growth=growth)


def directed_by_velocity(
    graph: CellGraph, states: NDArray[np.float64], position: NDArray[np.float64], velocity: NDArray[np.float64]
) -> Directed:
    """Chain towards the neighbours that lie in the direction of a velocity; it names no start.

    Parameters
    ----------
    graph
        Graph of cells.
    states
        States of the cells, shape ``(n, d)``.
    position, velocity
        Positions and velocities of the cells in one space, both of shape ``(n, m)``.
    """
    return directed_by_chain(graph, states, velocity_kernel(graph, position, velocity))


def directed_by_chain(graph: CellGraph, states: NDArray[np.float64], chain: sparse.csr_matrix) -> Directed:
    """A chain that names no start; cells rest at those of its terminal states that stand out.

    Parameters
    ----------
    graph
        Graph of cells.
    states
        States of the cells, shape ``(n, d)``.
    chain
        Transition matrix, shape ``(n, n)``, rows summing to one.
    """
    found = find_terminal_states(graph, chain)
    sure = (found.gathering >= MIN_GATHERING) & (found.arrival >= MIN_ARRIVAL)
    ends = tuple(cells for cells, is_sure in zip(found.cells, sure, strict=True) if is_sure)
    logger.info("the direction has %d terminal states at which cells rest", len(ends))
    return _at_rest(chain, states, np.array([], dtype=np.int64), ends)


def combine(
    parts: Sequence[Directed], weights: Sequence[float], graph: CellGraph, states: NDArray[np.float64]
) -> tuple[Directed, float]:
    """Weighted mean of several directions on the same cells.

    Parameters
    ----------
    parts
        Directions.
    weights
        Positive weight of each.
    graph
        Graph of cells.
    states
        States of the cells, shape ``(n, d)``.

    Returns
    -------
    The combination, and the conflict: one minus the cosine between the directions of two parts, halved, mean over
    cells and pairs of parts. It is 0 for agreement, 0.5 for unrelated directions and 1 for reversed ones (0 for one
    part). The direction of a part is where its chain leads beyond the mean of the neighbours, since every chain on the
    graph moves there.
    """
    if len(parts) == 1:
        return parts[0], 0.0
    undirected = undirected_kernel(graph) @ states
    aims = [part.transitions @ states - undirected for part in parts]
    conflict = float(np.mean([_disagreement(a, b) for i, a in enumerate(aims) for b in aims[:i]]))
    total = sum(weights)
    shares = [weight / total for weight in weights]
    clocked = next((part for part in parts if part.times is not None), parts[0])
    # Sources without a clock give no speed; they get the mean speed of the first one that has a clock.
    length = np.linalg.norm(clocked.velocity, axis=1).mean()
    velocity = sum(
        share * part.velocity * (length / max(np.linalg.norm(part.velocity, axis=1).mean(), TINY))
        for share, part in zip(shares, parts, strict=True)
    )
    transitions = sum(share * part.transitions for share, part in zip(shares, parts, strict=True))
    start = next((part.start for part in parts if len(part.start)), parts[0].start)
    return Directed(
        sparse.csr_matrix(transitions), velocity, start, clocked.times, clocked.ends, clocked.growth
    ), conflict


def _disagreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    moving = length > 0
    cosine = np.einsum("cd,cd->c", a[moving], b[moving]) / length[moving]
    return float((1 - cosine).mean() / 2) if moving.any() else CHANCE


def _at_rest(
    chain: sparse.csr_matrix,
    states: NDArray[np.float64],
    start: NDArray[np.int64],
    ends: tuple[NDArray[np.int64], ...],
) -> Directed:
    """Mean steps of the chain with absorbing ends: cells there fluctuate around their mean, to which the steps lead."""
    return Directed(chain, with_absorbing(chain, ends) @ states - states, start, ends=ends)
