"""Data and choices of a fit: states, velocities, support of the network, unit of time, populations."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.growth import growth_of
from landscape.dynamics.horizons import descendants_of
from landscape.dynamics.populations import Growth
from landscape.dynamics.refinement import refinement
from landscape.markov.bootstrap import blocks
from landscape.markov.descendants import Descendants
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph
from landscape.markov.populations import populations_ahead, populations_along
from landscape.markov.speed import steps_per_lifetime
from landscape.markov.start import find_start, with_flow_to_ends
from landscape.markov.terminal_states import find_terminal_states

logger = logging.getLogger(__name__)

# Decay rate of the square root of an abundance, in units of that of the abundance.
ROOT_DECAY = 0.5
# Patches of the latent space. They have equal weight in the fit, so that rare states count as much as common ones.
N_PATCHES = 40
# Patches from each of which a landmark is drawn in every step of a fit to descendants.
N_LANDMARKS = 240
# With this many cells per regulator the penalised regression of each gene on all others is better than one on the
# network's support: on blood progenitors (10 cells per regulator) it explains .82 of the velocity, the support none.
CELLS_PER_REGULATOR = 5
# Hill coefficients of the response to abundance. Populations favour steep responses: on simulated blood their distance is
# smaller with 4 than with 2 or 1. Velocities of hundreds of regulators favour graded ones: in held-out cells of blood and
# pancreas, with three latent models each, 2 explains more than 4 in every case.
STEEP, GRADED = 4.0, 2.0
# A Hill response to abundance with coefficient n is a Hill response to its square root with coefficient 2n.
PER_ROOT = 2.0
# Steps of the refinements, after which their losses have settled on blood and pancreas.
N_STEPS_POPULATIONS, N_STEPS_DESCENDANTS = 300, 240
# With a clock lifetimes are fitted as well, and the score of two time courses settles after twice as many.
N_STEPS_CLOCK = 480
# Cells per landmark at least, so that a landmark is one of several.
CELLS_PER_LANDMARK = 4
# Smallest variance of states within a neighbourhood: the bound of the noise that follows from it must be positive.
MIN_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Data and choices of a fit, shared by the model, its replicates and the evidence for its edges. Immutable.

    Attributes
    ----------
    regulators
        Names of the :math:`d` variables.
    scale
        Scale of each variable, shape ``(d,)``.
    states, velocity
        States :math:`x` and velocities :math:`v` of the cells, shape ``(n, d)``.
    support
        Edges that may be non-zero, ``[target, regulator]``, shape ``(d, d)``.
    stability
        Probability of each edge to be in the network, shape ``(d, d)``: the edges of a replicate are drawn with it.
        ``None`` keeps all edges of the support.
    decay, decay_known
        Decay rates :math:`\gamma`, shape ``(d,)``, and whether they were measured and stay fixed.
    hill
        Hill coefficient of the response to states.
    weights
        Weight of each cell, shape ``(n,)``; every patch of the latent space has the same total weight.
    patch, block
        Patch of the latent space and block of neighbouring cells of each cell, shape ``(n,)``.
    transitions, start
        Transition matrix that carries populations forward, shape ``(n, n)``, and the cells of its start.
    ends
        Cells of each terminal state of the chain.
    speed
        Number of steps of the chain in a unit of time; 1 with a clock.
    times
        Real time of every cell, or ``None``.
    growth
        Net growth rate of states, or ``None``.
    matched
        Whether populations are matched after the rates are fitted.
    to_descendants
        Whether paths of the model are fitted to the descendants of the cells after the rates.
    descendants, landmarks
        Descendants of the cells, against which every model is scored, and the patch of each cell from which one landmark
        is drawn at a time, shape ``(n,)``.
    diffusion
        Noise :math:`D` that the caller states; ``None`` estimates it.
    spread
        Variance of states within a neighbourhood of cells.
    n_steps
        Number of steps of the fit to populations or descendants.
    """

    regulators: tuple[str, ...]
    scale: NDArray[np.float64]
    states: Tensor
    velocity: Tensor
    support: Tensor
    stability: NDArray[np.float64] | None
    decay: Tensor
    decay_known: bool
    hill: float
    weights: Tensor
    patch: NDArray[np.int64]
    block: NDArray[np.int64]
    transitions: sparse.csr_matrix
    start: NDArray[np.int64]
    ends: tuple[NDArray[np.int64], ...]
    speed: float
    times: NDArray[np.float64] | None
    growth: Growth | None
    matched: bool
    to_descendants: bool
    descendants: tuple[Descendants, ...]
    landmarks: NDArray[np.int64]
    diffusion: float | None
    spread: float
    n_steps: int

    def populations(
        self, rng: np.random.Generator, weight: NDArray[np.float64] | None = None
    ) -> Mapping[float, Tensor]:
        """States of the cells at each time; without a clock, of those that the chain reaches from its start.

        Parameters
        ----------
        rng
            Generator.
        weight
            Weight of each cell in a resample, shape ``(n,)``; ``None`` takes all cells.

        Returns
        -------
        States of shape ``(m, d)`` by time.
        """
        if self.times is None:
            drawn = populations_along(self.transitions, self.start, self.patch, weights=weight, rng=rng)
            return {m / self.speed: self.states[torch.as_tensor(cells)] for m, cells in drawn.items()}
        found = {}
        for t in np.unique(self.times):
            cells = np.flatnonzero(self.times == t)
            if weight is not None:
                cells = rng.choice(cells, len(cells), p=weight[cells] / weight[cells].sum())
            found[float(t)] = self.states[torch.as_tensor(cells)]
        return found

    def populations_ahead(self, rng: np.random.Generator) -> Mapping[float, Tensor]:
        """States of the cells at each time; without a clock, of those that the chain reaches from all over the manifold.

        Parameters
        ----------
        rng
            Generator.

        Returns
        -------
        States of shape ``(m, d)`` by time.
        """
        if self.times is not None:
            return self.populations(rng)
        share = (self.weights / self.weights.sum()).numpy()
        drawn = populations_ahead(self.transitions, share, rng=rng)
        return {m / self.speed: self.states[torch.as_tensor(cells)] for m, cells in drawn.items()}


def set_up_problem(
    states: NDArray[np.float64],
    coordinates: NDArray[np.float64],
    directed: Directed,
    graph: CellGraph,
    *,
    regulators: tuple[str, ...],
    scale: NDArray[np.float64],
    support: NDArray[np.float64],
    stability: NDArray[np.float64] | None = None,
    decay: NDArray[np.float64] | None = None,
    response: float | None = None,
    diffusion: float | None = None,
    refine: bool | Literal["populations", "descendants"] | None = None,
    n_steps: int | None = None,
    rng: RandomLike = 0,
) -> Problem:
    """Set up the fit of a model to directed cells.

    Parameters
    ----------
    states, coordinates
        States of the regulators and latent coordinates of the cells, shapes ``(n, d)`` and ``(n, k)``.
    directed
        Directed chain and velocities of the cells.
    graph
        Graph of cells.
    regulators, scale
        Names and scales of the :math:`d` variables, shape ``(d,)``.
    support, stability
        Edges that may be non-zero, and the probability of each to be in the network, ``[target, regulator]``, shape
        ``(d, d)``.
    decay
        Decay rate of each regulator where they were measured, shape ``(d,)``; by default the same for all, and fitted
        where populations are matched.
    response
        Hill coefficient of the response to abundance; by default 4 where populations are matched and 2 otherwise.
    diffusion
        :math:`D`; estimated by default.
    refine
        ``"populations"`` (or ``True``) matches populations, by default with up to 30 regulators; ``"descendants"``, the
        default with more, fits the paths of the model from each cell to the cell's descendants; ``False`` fits velocities
        alone.
    n_steps
        Number of steps of that refinement; by default 300 for populations, and 240 for descendants, or 480 with a clock.
    rng
        Seed or generator.

    Returns
    -------
    The problem, for :func:`landscape.dynamics.fit.fit_model`.

    Raises
    ------
    ValueError
        If populations are matched without a clock and no state decreases along the direction.
    """
    gen = generator(rng)
    x = torch.as_tensor(states)
    chosen = refinement(refine, len(regulators))
    to_populations, to_descendants = chosen == "populations", chosen == "descendants"
    hill = PER_ROOT * ((STEEP if to_populations else GRADED) if response is None else response)
    # A chain without a start and without ends, as on a ring, carries no population from one to the other.
    matched = to_populations and (directed.times is not None or len(directed.start) > 0 or len(directed.ends) > 0)
    speed = _speed(states, directed, matched=matched)
    transitions, start = directed.transitions, directed.start
    if matched and directed.times is None and not len(start):
        start = find_start(graph, transitions, coordinates)
        transitions = with_flow_to_ends(graph, transitions, start)
    patch = blocks(coordinates, n_blocks=N_PATCHES, rng=gen)
    block = blocks(coordinates, rng=gen)
    n_landmarks = min(N_LANDMARKS, max(2, len(x) // CELLS_PER_LANDMARK))
    # Draws of their own: the other fits do not depend on what they are scored against.
    own = gen.spawn(1)[0]
    ends = find_terminal_states(graph, directed.transitions).cells
    return Problem(
        regulators=regulators,
        scale=scale,
        states=x,
        velocity=torch.as_tensor(directed.velocity * speed),
        support=torch.as_tensor(support),
        stability=stability,
        decay=_decay(x.shape[1], directed) if decay is None else torch.as_tensor(decay),
        decay_known=decay is not None,
        hill=hill,
        weights=torch.as_tensor(1.0 / np.bincount(patch)[patch]),
        patch=patch,
        block=block,
        transitions=transitions,
        start=start,
        ends=ends,
        speed=speed,
        times=directed.times,
        growth=None if directed.growth is None else growth_of(states, directed.growth),
        matched=matched,
        to_descendants=to_descendants,
        descendants=descendants_of(states, coordinates, directed, ends, graph, speed=speed, rng=own),
        landmarks=blocks(coordinates, n_blocks=n_landmarks, rng=own),
        diffusion=diffusion,
        spread=_spread_within(states, graph),
        n_steps=_n_steps(to_descendants=to_descendants, clock=directed.times is not None)
        if n_steps is None
        else n_steps,
    )


def _n_steps(*, to_descendants: bool, clock: bool) -> int:
    """Steps of a refinement by default."""
    if not to_descendants:
        return N_STEPS_POPULATIONS
    return N_STEPS_CLOCK if clock else N_STEPS_DESCENDANTS


def _decay(d: int, directed: Directed) -> Tensor:
    """Decay rates to start from, the same for all genes.

    Without a clock the unit of time is the mean lifetime of an mRNA, and states decay at half the rate of abundance. With
    one, the lifetime of a state is taken to be the mean interval of the time points, since experiments are sampled about
    as often as states change.
    """
    rate = ROOT_DECAY if directed.times is None else 1.0 / np.diff(np.unique(directed.times)).mean()
    return torch.full((d,), rate, dtype=torch.float64)


def _speed(states: NDArray[np.float64], directed: Directed, *, matched: bool) -> float:
    """Number of steps of the chain in a unit of time.

    Where populations are matched without a clock, it follows from the fastest decrease of levels. At that speed models of
    hundreds of regulators that are fitted to velocities alone reach no steady state, since velocities do not determine
    what keeps cells on their manifold. Without populations a step therefore lasts one lifetime of a state.
    """
    if directed.times is not None:
        return 1.0
    return steps_per_lifetime(states, directed.velocity, ROOT_DECAY) if matched else ROOT_DECAY


def _spread_within(x: NDArray[np.float64], graph: CellGraph) -> float:
    """Mean variance of states within the neighbourhoods of cells."""
    degree = np.asarray(graph.weights.sum(1))
    mean, square = graph.weights @ x / degree, graph.weights @ x**2 / degree
    return float(max((square - mean**2).mean(), MIN_SPREAD))
