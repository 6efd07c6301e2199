"""What a fit of the model is given: states, velocities, the support of the network, and the choices made for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.growth import growth_of
from landscape.dynamics.populations import Growth
from landscape.markov.bootstrap import blocks
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph
from landscape.markov.populations import populations_ahead, populations_along
from landscape.markov.speed import steps_per_lifetime
from landscape.markov.start import find_start, with_flow_to_ends

logger = logging.getLogger(__name__)

# Rate at which the square root of an abundance decays, in units of that of the abundance.
ROOT_DECAY = 0.5
# Patches of the latent space with equal weight in the fit, so that rare states count as much as common ones.
N_PATCHES = 40
# Largest number of regulators of a model that is matched to populations by default. The distance of populations is
# dominated by their largest differences: with 40 regulators of blood progenitors the matched model keeps two lineages of
# five, and with 106 of cardiac differentiation or 95 of reprogramming, both at real times, one state of all cells or none.
MAX_MATCHED = 30
# With this many cells per regulator the penalised regression of each gene on all others is better than one on the
# network's support: on blood progenitors (10 cells per regulator) it explains .82 of the velocity, the support none.
CELLS_PER_REGULATOR = 5
# Hill coefficients of the response to abundance. Populations determine steep responses: on simulated blood 4 meets them
# closer than 2 or 1. Velocities of hundreds of regulators are explained better by graded ones: in held-out cells of blood
# and pancreas, three latent models each, 2 leaves less than 4 in every one.
STEEP, GRADED = 4.0, 2.0
# A Hill response to abundance with coefficient n is one to its square root with 2n.
PER_ROOT = 2.0


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Data and choices of a fit, the same for the model, its replicates and the evidence for its edges.

    Attributes
    ----------
    regulators
        Names of the :math:`d` variables.
    scale
        Scale of each variable, shape ``(d,)``.
    states, velocity
        :math:`x` and :math:`v` of the cells, shape ``(n, d)``.
    support
        Edges that may be non-zero, ``[target, regulator]``, shape ``(d, d)``.
    stability
        Probability of each edge to be in the network, with which the edges of a replicate are drawn; ``None`` keeps all.
    decay, decay_known
        Decay rates :math:`\gamma`, shape ``(d,)``, and whether they were measured.
    hill
        Hill coefficient of the response to states.
    weights
        Weight of each cell, shape ``(n,)``: every patch of the latent space weighs the same.
    patch, block
        Patch and block of neighbouring cells that each cell belongs to, shape ``(n,)``.
    transitions, start
        Chain that carries populations forward, and the cells that it starts from.
    speed
        Steps of the chain in a unit of time, 1 where there is a clock.
    times
        Real time of every cell, or ``None``.
    growth
        Net growth rate of states, or ``None``.
    matched
        Whether populations are matched after the rates are fitted.
    diffusion
        Noise that the caller states; ``None`` estimates it.
    spread
        Variance of states within a neighbourhood of cells.
    n_steps
        Steps of the match of populations.
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
    speed: float
    times: NDArray[np.float64] | None
    growth: Growth | None
    matched: bool
    diffusion: float | None
    spread: float
    n_steps: int

    def populations(
        self, rng: np.random.Generator, weight: NDArray[np.float64] | None = None
    ) -> Mapping[float, Tensor]:
        """States at each time; without a clock, of the cells that the chain carries there from its start.

        Parameters
        ----------
        rng
            Generator.
        weight
            Weight of each cell in a resample, shape ``(n,)``; ``None`` takes all cells.
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
        """States at each time; without a clock, of the cells that the chain makes of an even draw from the manifold."""
        if self.times is not None:
            return self.populations(rng)
        share = (self.weights / self.weights.sum()).numpy()
        ahead = populations_ahead(self.transitions, share, rng=rng)
        return {m / self.speed: self.states[torch.as_tensor(cells)] for m, cells in ahead.items()}


def fit_problem(
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
    refine: bool | None = None,
    n_steps: int = 300,
    rng: RandomLike = 0,
) -> Problem:
    """Set up the fit of a model to directed cells.

    Parameters
    ----------
    states, coordinates
        States of the regulators and latent coordinates of the cells, shapes ``(n, d)`` and ``(n, k)``.
    directed
        Chain and velocities of the cells.
    graph
        Graph of cells.
    regulators, scale
        Names and scales of the variables.
    support, stability
        Edges that may be non-zero, and the probability of each to be in the network, ``[target, regulator]``.
    decay
        Decay rate of each regulator where it is known, shape ``(d,)``.
    response
        Hill coefficient of the response to abundance; by default 4 where populations are matched and 2 otherwise.
    diffusion
        :math:`D`; estimated by default.
    refine
        Match populations; by default with up to 30 regulators.
    n_steps
        Steps of that match.
    rng
        Seed or generator.
    """
    gen = generator(rng)
    x = torch.as_tensor(states)
    refine = _refines(len(regulators)) if refine is None else refine
    hill = PER_ROOT * ((STEEP if refine else GRADED) if response is None else response)
    # A chain that neither starts nor ends anywhere, as on a ring, carries no population from a start to ends.
    matched = refine and (directed.times is not None or len(directed.start) > 0 or len(directed.ends) > 0)
    speed = _speed(states, directed, matched=matched)
    transitions, start = directed.transitions, directed.start
    if matched and directed.times is None and not len(start):
        start = find_start(graph, transitions, coordinates)
        transitions = with_flow_to_ends(graph, transitions, start)
    patch = blocks(coordinates, n_blocks=N_PATCHES, rng=gen)
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
        block=blocks(coordinates, rng=gen),
        transitions=transitions,
        start=start,
        speed=speed,
        times=directed.times,
        growth=None if directed.growth is None else growth_of(states, directed.growth),
        matched=matched,
        diffusion=diffusion,
        spread=_spread_within(states, graph),
        n_steps=n_steps,
    )


def _refines(n_regulators: int) -> bool:
    """Whether populations are matched by default."""
    if n_regulators > MAX_MATCHED:
        logger.info(
            "populations are not matched with more than %d regulators; `refine=True` does so, and "
            "`n_regulators=` keeps those that vary most",
            MAX_MATCHED,
        )
    return n_regulators <= MAX_MATCHED


def _decay(d: int, directed: Directed) -> Tensor:
    """Usual decay rates.

    Without a clock the mean lifetime of an mRNA is the unit, and states decay at half the rate of abundance. With one,
    states change between time points: nobody samples much more or less often than that, whatever the unit.
    """
    usual = ROOT_DECAY if directed.times is None else 1.0 / np.diff(np.unique(directed.times)).mean()
    return torch.full((d,), usual, dtype=torch.float64)


def _speed(states: NDArray[np.float64], directed: Directed, *, matched: bool) -> float:
    """Steps of the chain in a unit of time.

    Velocities alone do not say what holds cells on their manifold. At the speed of the fastest falls dense networks of
    hundreds of regulators never come to rest, so that without populations a step lasts a lifetime of the state.
    """
    if directed.times is not None:
        return 1.0
    return steps_per_lifetime(states, directed.velocity, ROOT_DECAY) if matched else ROOT_DECAY


def _spread_within(x: NDArray[np.float64], graph: CellGraph) -> float:
    """Variance of states within a neighbourhood."""
    degree = np.asarray(graph.weights.sum(1))
    mean, square = graph.weights @ x / degree, graph.weights @ x**2 / degree
    return float(max((square - mean**2).mean(), 1e-6))
