"""The fit behind :func:`landscape.tl.dynamics`: rates, then populations, then both again on resampled cells."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray
from torch import Tensor

from landscape.dynamics import RegulatoryDrift
from landscape.dynamics.bridges import fit_bridges
from landscape.dynamics.fit import RateFit, fit_rates
from landscape.dynamics.growth import growth_of
from landscape.dynamics.held_out import without_one_time
from landscape.dynamics.noise import fit_diffusion
from landscape.dynamics.populations import PopulationMatch, match_populations
from landscape.markov.bootstrap import bayesian_weights, blocks
from landscape.markov.course import find_start, populations_ahead, populations_along, steps_per_lifetime, through
from landscape.markov.graph import CellGraph
from landscape.tl._direction import Directed
from landscape.tl._state import ROOT_DECAY

logger = logging.getLogger(__name__)

# Cells that share a patch of the latent space count as one voice, so that rare states are heard.
N_PATCHES = 40
# Share of the blocks of cells that the fit does not see when it is judged on held-out cells.
HELD_OUT = 0.2
# Cells at which the drift is held against the manifold's tangent space.
TANGENCY_CELLS = 500
# Noise of the first simulated paths, in units of the squared 99th percentile of a gene.
START_DIFFUSION = 0.005
# A replicate starts at the model, so a third of the steps brings it to its own optimum.
REPLICATE_STEPS = 3


@dataclass(frozen=True)
class Fitted:
    """A model of the regulators, and how well it does.

    Attributes
    ----------
    rates
        The fit to production rates.
    match
        The refinement on populations, with real time points.
    diffusion
        :math:`D`.
    held_out_r2
        Share of the velocity's variance in blocks of cells that the rate fit did not see.
    held_out_time
        How well a fit without the middle one of three or more time points meets it.
    """

    rates: RateFit
    match: PopulationMatch | None
    diffusion: float
    held_out_r2: float
    held_out_time: Mapping[str, float]

    @property
    def drift(self) -> RegulatoryDrift:
        """The drift of the model."""
        return self.rates.drift if self.match is None else self.match.drift

    @property
    def converged(self) -> bool:
        """Whether every step of the fit came to its end."""
        return self.rates.converged and (self.match is None or self.match.converged)


class ModelFit:
    """The data of a fit, so that the model and its replicates are fitted in the same way.

    Parameters
    ----------
    x, z
        States and coordinates of the cells, shapes ``(n, d)`` and ``(n, k)``.
    directed
        What the direction says about every cell.
    mask
        Edges that may be non-zero, ``[target, regulator]``.
    stability
        Probability of each edge to be in the network, which edges of a replicate are drawn with; ``None`` keeps all.
    decay
        Decay rate of each regulator where it is known, shape ``(d,)``.
    hill, diffusion, refine, n_steps
        As for :func:`landscape.tl.dynamics`.
    gen
        Random generator.
    """

    def __init__(
        self,
        x: NDArray[np.float64],
        z: NDArray[np.float64],
        directed: Directed,
        mask: NDArray[np.float64],
        *,
        stability: NDArray[np.float64] | None,
        decay: NDArray[np.float64] | None,
        hill: float,
        diffusion: float | None,
        refine: bool,
        n_steps: int,
        gen: np.random.Generator,
    ) -> None:
        self.x, self.directed = torch.as_tensor(x), directed
        self.times = directed.times
        self.growth = None if directed.growth is None else growth_of(x, directed.growth)
        self.known_decay = decay is not None
        # Without a clock the mean lifetime of an mRNA is the unit, and states decay at half the rate of abundance. With
        # one, states change between time points: nobody samples much more or less often than that, whatever the unit.
        usual = ROOT_DECAY if directed.times is None else 1.0 / np.diff(np.unique(directed.times)).mean()
        self.decay = torch.full((x.shape[1],), usual, dtype=torch.float64) if decay is None else torch.as_tensor(decay)
        # A chain that neither starts nor ends anywhere, as on a ring, has no course.
        self.matched = refine and (directed.times is not None or len(directed.start) > 0 or len(directed.ends) > 0)
        self.speed = self._speed(directed)
        self.velocity = torch.as_tensor(directed.velocity * self.speed)
        self.coordinates = z
        self.mask, self.stability = torch.as_tensor(mask), stability
        self.hill, self.stated, self.n_steps, self.gen = hill, diffusion, n_steps, gen
        self.patch = blocks(z, n_blocks=N_PATCHES, rng=gen)
        self.weights = torch.as_tensor(1.0 / np.bincount(self.patch)[self.patch])
        self.block = blocks(z, rng=gen)

    def fit(self, graph: CellGraph) -> Fitted:
        """Fit the model to all cells."""
        rates = self.rates(self.weights, self.mask)
        if not rates.converged:
            logger.warning("the fit of production rates reached its limit of %d steps", rates.n_steps)
        held_out = self._held_out(rates)
        if not self.matched:
            noise = self._noise(rates.drift, graph) if self.stated is None else float(self.stated)
            return Fitted(rates, None, noise, held_out, {})
        if self.times is None and not len(self.directed.start):
            start = find_start(graph, self.directed.transitions, self.coordinates)
            chain = through(graph, self.directed.transitions, start)
            self.directed = replace(self.directed, transitions=chain, start=start)
        populations = self.populations(None)
        match = self._match(rates.drift, populations, self.n_steps)
        noise = match.diffusion if self.stated is None else float(self.stated)
        return Fitted(rates, match, noise, held_out, self._held_out_time(populations))

    def _noise(self, drift: RegulatoryDrift, graph: CellGraph) -> float:
        """Noise of a drift that was fitted to velocities alone, from populations that its start does not matter for."""
        if self.times is not None:
            populations = self.populations(None)
        else:
            share = (self.weights / self.weights.sum()).numpy()
            ahead = populations_ahead(self.directed.transitions, share, rng=self.gen)
            populations = {m / self.speed: self.x[torch.as_tensor(cells)] for m, cells in ahead.items()}
        # Differences among neighbours along the manifold count as well, so that this is the most there can be.
        most = float(drift.decay.mean()) * _spread_within(self.x.numpy(), graph)
        return fit_diffusion(drift, populations, most=most, growth=self.growth, rng=self.gen)

    def _speed(self, directed: Directed) -> float:
        """Steps of the chain in a unit of time.

        Velocities alone do not say what holds cells on their manifold. At the speed of the fastest falls dense networks
        of hundreds of regulators never come to rest, so that without populations a step lasts a lifetime of the state.
        """
        if directed.times is not None:
            return 1.0
        return steps_per_lifetime(self.x.numpy(), directed.velocity, ROOT_DECAY) if self.matched else ROOT_DECAY

    def rates(self, weights: Tensor, mask: Tensor, start: RegulatoryDrift | None = None, **options: Any) -> RateFit:
        """Fit production rates under weights of cells, with further options of :func:`fit_rates`."""
        return fit_rates(
            self.x,
            self.velocity,
            support=mask,
            weights=weights,
            decay=self.decay,
            hill=self.hill,
            start=start,
            **options,
        )

    def options(self, mask: Tensor) -> dict[str, Any]:
        """What every fit to populations is told."""
        return {"support": mask, "fit_decay": not self.known_decay, "growth": self.growth, "rng": self.gen}

    def _match(
        self, start: RegulatoryDrift, populations: Mapping[float, Tensor], n_steps: int, *, report: bool = True
    ) -> PopulationMatch:
        """Bridges find the model, the populations it carries forward refine it."""
        options = self.options(self.mask)
        noise = self.stated or START_DIFFUSION
        bridged = fit_bridges(start, populations, diffusion=noise, **options)
        return match_populations(bridged.drift, populations, diffusion=noise, n_steps=n_steps, report=report, **options)

    def replicates(self, fitted: Fitted, n: int) -> Iterator[tuple[RegulatoryDrift, float]]:
        """Fit the model to ``n`` resamples of blocks of cells and of edges, each starting at the model."""
        drawn = bayesian_weights(self.block, n_replicates=n, rng=self.gen)
        for weight in drawn:
            mask = self._resampled_edges()
            if not self.matched:
                again = self.rates(self.weights * torch.as_tensor(weight), mask, fitted.rates.drift)
                yield again.drift, fitted.diffusion
                continue
            match = match_populations(
                fitted.drift,
                self.populations(weight),
                diffusion=fitted.diffusion,
                n_steps=max(1, self.n_steps // REPLICATE_STEPS),
                report=False,
                **self.options(mask),
            )
            yield match.drift, match.diffusion if self.stated is None else float(self.stated)

    def _held_out_time(self, populations: Mapping[float, Tensor]) -> Mapping[str, float]:
        """Energy distance at the middle time of a fit that did not see it, and of cells that go straight past it."""
        times, observed = sorted(populations), self.times
        if len(times) < 3 or observed is None:
            return {}
        k = len(times) // 2
        rest = {t: x for t, x in populations.items() if t != times[k]}
        # Velocities into that time and out of it know its cells.
        knows = torch.as_tensor(np.isin(observed, times[k - 1 : k + 1]))
        start = self.rates(torch.where(knows, 0.0, self.weights), self.mask).drift
        match = self._match(start, rest, max(1, self.n_steps // REPLICATE_STEPS), report=False)
        return without_one_time(
            match.drift, populations, times[k], diffusion=match.diffusion, growth=self.growth, rng=self.gen
        )

    def _held_out(self, rates: RateFit) -> float:
        """Share of the velocity's variance explained in every fifth block, which a second fit does not see."""
        order = self.gen.permutation(int(self.block.max()) + 1)
        unseen = torch.as_tensor(np.isin(self.block, order[: max(1, int(HELD_OUT * len(order)))]))
        if unseen.all():
            return float("nan")
        w = torch.where(unseen, 0.0, self.weights)
        again = self.rates(w, self.mask, rates.drift)
        w, v = self.weights[unseen, None], self.velocity[unseen]
        w = w / w.sum()
        left = (w * (again.drift(self.x[unseen]) - v) ** 2).sum()
        # The variance is about the mean of the cells that were seen: all that a constant could have known.
        seen = self.weights[~unseen, None]
        mean = (seen * self.velocity[~unseen]).sum(0) / seen.sum()
        return 1 - float(left / (w * (v - mean) ** 2).sum())

    def populations(self, weight: NDArray[np.float64] | None) -> Mapping[float, Tensor]:
        """States at each time; without a clock, of the cells that the chain carries there from its start."""
        if self.times is None:
            drawn = populations_along(
                self.directed.transitions, self.directed.start, self.patch, weights=weight, rng=self.gen
            )
            return {m / self.speed: self.x[torch.as_tensor(cells)] for m, cells in drawn.items()}
        found = {}
        for t in np.unique(self.times):
            cells = np.flatnonzero(self.times == t)
            if weight is not None:
                cells = self.gen.choice(cells, len(cells), p=weight[cells] / weight[cells].sum())
            found[float(t)] = self.x[torch.as_tensor(cells)]
        return found

    def _resampled_edges(self) -> Tensor:
        if self.stability is None:
            return self.mask
        return self.mask * torch.as_tensor(self.gen.random(self.mask.shape) < self.stability)


def _spread_within(x: NDArray[np.float64], graph: CellGraph) -> float:
    """Variance of states within a neighbourhood."""
    degree = np.asarray(graph.weights.sum(1))
    mean, square = graph.weights @ x / degree, graph.weights @ x**2 / degree
    return float(max((square - mean**2).mean(), 1e-6))


def tangency(
    model: Any,
    adata: AnnData,
    names: list[str],
    x: NDArray[np.float64],
    velocity: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> dict[str, float]:
    """Mean cosine between the drift and the tangent space of the decoder's manifold, and what chance would give."""
    n, d = velocity.shape
    chosen = np.unique(np.linspace(0, n - 1, min(n, TANGENCY_CELLS)).astype(int))
    # The decoder's manifold is one of log(1 + e), states are roots of e.
    root = x[chosen] * scale
    slope = 2 * root * scale / (1 + root**2)
    found = model.get_tangency(velocity[chosen] * slope, adata[chosen].copy(), genes=names)
    # E cos^2 of a random direction is the share of dimensions that are tangent.
    chance = min(1.0, model.get_latent_representation(adata[chosen[:1]].copy()).shape[1] / d) ** 0.5
    return {"tangency": float(np.nanmean(found)), "tangency_by_chance": chance}
