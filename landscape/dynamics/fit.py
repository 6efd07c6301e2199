"""The fit of the model to cells: rates, then noise or populations, then the same on resampled cells."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.bridges import fit_bridges
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.held_out import without_one_time
from landscape.dynamics.model import GeneModel, Model
from landscape.dynamics.noise import fit_diffusion
from landscape.dynamics.populations import PopulationMatch, match_populations
from landscape.dynamics.problem import Problem
from landscape.dynamics.rates import RateFit, fit_rates
from landscape.markov.bootstrap import bayesian_weights

logger = logging.getLogger(__name__)

# Share of the blocks of cells that are held out to judge the fit.
HELD_OUT = 0.2
# Noise of the first simulated paths, in units of the squared 99th percentile of a gene.
START_DIFFUSION = 0.005
# A replicate starts at the model, so a third of the steps brings it to its own optimum.
REPLICATE_STEPS = 3


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model of the regulators, and how well it does.

    Attributes
    ----------
    model
        The model.
    rates
        The fit to production rates.
    match
        The refinement on populations, where they are matched.
    held_out_r2
        Share of the velocity's variance in blocks of cells that the rate fit did not see.
    held_out_time
        How well a fit without the middle one of three or more time points meets it.
    """

    model: GeneModel
    rates: RateFit
    match: PopulationMatch | None
    held_out_r2: float
    held_out_time: Mapping[str, float]

    @property
    def converged(self) -> bool:
        """Whether every step of the fit came to its end."""
        return self.rates.converged and (self.match is None or self.match.converged)


def fit_model(problem: Problem, *, rng: RandomLike = 0) -> Fitted:
    """Fit the model to all cells."""
    gen = generator(rng)
    rates = regress(problem, problem.weights)
    if not rates.converged:
        logger.warning("the fit of production rates reached its limit of %d steps", rates.n_steps)
    held_out = _held_out(problem, rates, gen)
    if not problem.matched:
        model = _model(problem, rates.drift, _noise(problem, rates.drift, gen))
        return Fitted(model, rates, None, held_out, {})
    populations = problem.populations(gen)
    match = _match(problem, rates.drift, populations, problem.n_steps, gen)
    model = match.model.with_diffusion(problem.diffusion)
    return Fitted(model, rates, match, held_out, _held_out_time(problem, populations, gen))


def fit_replicates(problem: Problem, fitted: Fitted, n: int, *, rng: RandomLike = 0) -> Iterator[GeneModel]:
    """Fit the model to ``n`` resamples of blocks of cells and of edges, each starting at the model."""
    gen = generator(rng)
    for weight in bayesian_weights(problem.block, n_replicates=n, rng=gen):
        support = _resampled_edges(problem, gen)
        if not problem.matched:
            weights = problem.weights * torch.as_tensor(weight)
            found = regress(problem, weights, support=support, start=fitted.rates.drift)
            yield _model(problem, found.drift, fitted.model.diffusion)
            continue
        match = match_populations(
            fitted.model,
            problem.populations(gen, weight),
            n_steps=max(1, problem.n_steps // REPLICATE_STEPS),
            report=False,
            **population_options(problem, gen, support),
        )
        yield match.model.with_diffusion(problem.diffusion)


def regress(
    problem: Problem,
    weights: Tensor,
    *,
    support: Tensor | None = None,
    start: RegulatoryDrift | None = None,
    **options: Any,
) -> RateFit:
    """Fit production rates under weights of cells, with further options of :func:`fit_rates`."""
    return fit_rates(
        problem.states,
        problem.velocity,
        support=problem.support if support is None else support,
        weights=weights,
        decay=problem.decay,
        hill=problem.hill,
        start=start,
        **options,
    )


def population_options(problem: Problem, gen: np.random.Generator, support: Tensor | None = None) -> dict[str, Any]:
    """Options that every fit to populations shares."""
    return {
        "support": problem.support if support is None else support,
        "fit_decay": not problem.decay_known,
        "growth": problem.growth,
        "rng": gen,
    }


def _model(problem: Problem, drift: RegulatoryDrift, diffusion: Any) -> GeneModel:
    return Model(drift, diffusion, problem.regulators, problem.scale)


def _noise(problem: Problem, drift: RegulatoryDrift, gen: np.random.Generator) -> float:
    """Noise of a drift that was fitted to velocities alone, from populations that no start matters for."""
    if problem.diffusion is not None:
        return float(problem.diffusion)
    # Differences among neighbours along the manifold count as well, so that this is an upper bound.
    upper = float(drift.decay.mean()) * problem.spread
    populations = problem.populations_ahead(gen)
    return fit_diffusion(_model(problem, drift, upper), populations, growth=problem.growth, rng=gen)


def _match(
    problem: Problem,
    start: RegulatoryDrift,
    populations: Mapping[float, Tensor],
    n_steps: int,
    gen: np.random.Generator,
    *,
    report: bool = True,
) -> PopulationMatch:
    """Bridges find the model, the populations it carries forward refine it."""
    options = population_options(problem, gen)
    model = _model(problem, start, problem.diffusion or START_DIFFUSION)
    bridged = fit_bridges(model, populations, **options)
    return match_populations(bridged.model, populations, n_steps=n_steps, report=report, **options)


def _held_out_time(
    problem: Problem, populations: Mapping[float, Tensor], gen: np.random.Generator
) -> Mapping[str, float]:
    """Energy distance at the middle time of a fit that did not see it, and of cells that go straight past it."""
    times, observed = sorted(populations), problem.times
    if len(times) < 3 or observed is None:
        return {}
    k = len(times) // 2
    rest = {t: x for t, x in populations.items() if t != times[k]}
    # Velocities into that time and out of it know its cells.
    knows = torch.as_tensor(np.isin(observed, times[k - 1 : k + 1]))
    start = regress(problem, torch.where(knows, 0.0, problem.weights)).drift
    match = _match(problem, start, rest, max(1, problem.n_steps // REPLICATE_STEPS), gen, report=False)
    return without_one_time(match.model, populations, times[k], growth=problem.growth, rng=gen)


def _held_out(problem: Problem, rates: RateFit, gen: np.random.Generator) -> float:
    """Share of the velocity's variance explained in every fifth block, which a second fit does not see."""
    order = gen.permutation(int(problem.block.max()) + 1)
    unseen = torch.as_tensor(np.isin(problem.block, order[: max(1, int(HELD_OUT * len(order)))]))
    if unseen.all():
        return float("nan")
    again = regress(problem, torch.where(unseen, 0.0, problem.weights), start=rates.drift)
    w, v = problem.weights[unseen, None], problem.velocity[unseen]
    w = w / w.sum()
    left = (w * (again.drift(problem.states[unseen]) - v) ** 2).sum()
    # The variance is about the mean of the cells that were seen: all that a constant could have known.
    seen = problem.weights[~unseen, None]
    mean = (seen * problem.velocity[~unseen]).sum(0) / seen.sum()
    return 1 - float(left / (w * (v - mean) ** 2).sum())


def _resampled_edges(problem: Problem, gen: np.random.Generator) -> Tensor:
    if problem.stability is None:
        return problem.support
    return problem.support * torch.as_tensor(gen.random(problem.support.shape) < problem.stability)
