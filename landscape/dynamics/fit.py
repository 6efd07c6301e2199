"""Fit of the model and of its replicates: rates, then populations or noise."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape.dynamics.bridges import fit_bridges
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.energy_score import FlowMapScore, flow_map_score
from landscape.dynamics.flow_map import FlowMapFit, fit_flow_map
from landscape.dynamics.grading import require_better_than_staying, require_explained
from landscape.dynamics.held_out import held_out_distances
from landscape.dynamics.model import GeneModel, Model
from landscape.dynamics.noise import fit_diffusion
from landscape.dynamics.population_match import PopulationMatch, match_populations
from landscape.dynamics.problem import Problem
from landscape.dynamics.rates import RateFit, fit_rates
from landscape.markov.bootstrap import bayesian_weights

logger = logging.getLogger(__name__)

# Share of the blocks of cells that are held out to assess the fit of rates.
HELD_OUT = 0.2
# Noise of the first simulated paths, where none is stated, in units of the squared 99th percentile of a gene.
START_DIFFUSION = 0.005
# Factor by which a replicate, or the fit without one time, needs fewer steps: it starts near its optimum.
FEWER_STEPS = 3
# Smallest mean level of a gene in a model without edges.
MIN_MEAN = 1e-3


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model, with how well it fits.

    Attributes
    ----------
    model
        The model.
    rates
        Fit of rates to velocities, where the fit begins.
    match
        Match of populations; ``None`` where they are not matched.
    flow
        Fit to the descendants of cells; ``None`` where there is none.
    score
        Score of the model's paths against the descendants of cells, of those that the fit did not see where it saw any.
    held_out_r2
        Share of the variance of velocities that the fit of rates explains in held-out blocks of cells; NaN with too few
        blocks.
    held_out_time
        Result of :func:`~landscape.dynamics.held_out.held_out_distances` for the middle one of three or more time points;
        empty where populations are not matched or there are fewer.
    """

    model: GeneModel
    rates: RateFit
    match: PopulationMatch | None
    flow: FlowMapFit | None
    score: FlowMapScore
    held_out_r2: float
    held_out_time: Mapping[str, float]

    @property
    def converged(self) -> bool:
        """Whether all parts of the fit converged."""
        refinements = (self.match, self.flow)
        return self.explains and self.rates.converged and all(part is None or part.converged for part in refinements)

    @property
    def explains(self) -> bool:
        """Whether rates that nothing refines predict velocities of held-out cells better than their mean does."""
        return self.match is not None or self.flow is not None or not self.held_out_r2 < 0


def fit_model(problem: Problem, *, rng: RandomLike = 0) -> Fitted:
    """Fit the model to all cells.

    Production rates are fitted first. Where populations are matched, bridges between them and the match follow, otherwise
    the noise is fitted, and paths are fitted to descendants if asked for.

    Parameters
    ----------
    problem
        Data and choices, see :func:`~landscape.dynamics.problem.set_up_problem`; not changed.
    rng
        Seed or generator.

    Returns
    -------
    The model with its diagnostics. A warning is logged where a part did not converge.

    Raises
    ------
    ValueError
        If the model tells less about where cells go than that they stay, or, fitted to velocities alone with a clock, less
        about velocities than their mean.
    """
    gen = generator(rng)
    rates = regress(problem, problem.weights)
    if not rates.converged:
        logger.warning("the fit of production rates did not converge in %d steps", rates.n_steps)
    held_out = _held_out(problem, rates, gen)
    if problem.matched:
        populations = problem.populations(gen)
        match = _match(problem, rates.drift, populations, problem.n_steps, gen)
        model = match.model.with_diffusion(problem.diffusion)
        later = _held_out_time(problem, populations, gen)
        return Fitted(model, rates, match, None, _score(problem, model, gen), held_out, later)
    if not problem.to_descendants:
        require_explained(held_out, clock=problem.times is not None)
        model = _model(problem, rates.drift, _noise(problem, rates.drift, gen))
        return Fitted(model, rates, None, None, _score(problem, model, gen), held_out, {})
    flow = _flow(problem, _start(problem, rates.drift, held_out, gen), problem.n_steps, gen)
    require_better_than_staying(flow.score)
    return Fitted(flow.model.with_diffusion(problem.diffusion), rates, None, flow, flow.score, held_out, {})


def fit_replicates(
    problem: Problem,
    fitted: Fitted,
    n: int,
    *,
    resampled: Callable[[np.random.Generator], Problem] | None = None,
    rng: RandomLike = 0,
) -> Iterator[GeneModel]:
    """Fit the model to resamples of blocks of cells and of edges, and of what else the caller resamples.

    Parameters
    ----------
    problem, fitted
        Data and choices, and the model, at which every replicate starts; not changed.
    n
        Number of replicates.
    resampled
        Function of a generator that returns the problem of a replicate, with the same cells and regulators; by default all
        have ``problem``.
    rng
        Seed or generator.

    Yields
    ------
    The model of each replicate.
    """
    gen = generator(rng)
    for weight in bayesian_weights(problem.block, n_replicates=n, rng=gen):
        if resampled is not None:
            problem = resampled(gen)
        support = _resampled_edges(problem, gen)
        if problem.to_descendants:
            flow = _flow(problem, fitted.model, max(1, problem.n_steps // FEWER_STEPS), gen, support, weight)
            yield flow.model.with_diffusion(problem.diffusion)
            continue
        if not problem.matched:
            weights = problem.weights * torch.as_tensor(weight)
            found = regress(problem, weights, support=support, start=fitted.rates.drift)
            yield _model(problem, found.drift, fitted.model.diffusion)
            continue
        match = match_populations(
            fitted.model,
            problem.populations(gen, weight),
            n_steps=max(1, problem.n_steps // FEWER_STEPS),
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
    """Fit production rates to weighted cells.

    Parameters
    ----------
    problem
        Data and choices.
    weights
        Weight of each cell, shape ``(n,)``.
    support
        Edges that may be non-zero, shape ``(d, d)``; by default those of the problem.
    start, options
        As in :func:`~landscape.dynamics.rates.fit_rates`.
    """
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
    """Options of :func:`fit_bridges` and :func:`match_populations` that follow from a problem."""
    return {
        "support": problem.support if support is None else support,
        "fit_decay": not problem.decay_known,
        "growth": problem.growth,
        "rng": gen,
    }


def _start(problem: Problem, drift: RegulatoryDrift, held_out_r2: float, gen: np.random.Generator) -> GeneModel:
    """Model at which the fit to descendants starts: the fit to velocities, unless it is worse than none.

    Where the rates explain no velocity of held-out cells, edges may have to be unlearned first; the start is then the better
    one of the rates and of a model without edges.
    """
    model = _model(problem, drift, _noise(problem, drift, gen))
    if not held_out_r2 < 0:
        return model
    plain = _without_edges(problem, drift)
    without = _model(problem, plain, _noise(problem, plain, gen))
    scores = [_score(problem, start, gen).score for start in (model, without)]
    logger.info(
        "the rates explain no velocity of held-out cells; paths of a model without edges score %.3g, with them %.3g",
        scores[1],
        scores[0],
    )
    return without if scores[1] < scores[0] else model


def _without_edges(problem: Problem, drift: RegulatoryDrift) -> RegulatoryDrift:
    """The drift without edges, whose only steady state is the mean state of the cells."""
    mean = (problem.weights[:, None] * problem.states).sum(0) / problem.weights.sum()
    production = drift.decay * mean.clamp_min(MIN_MEAN)
    # Half of the ceiling leaves room on both sides.
    ceiling = torch.maximum(drift.ceiling, 2 * production)
    return replace(
        drift, weights=torch.zeros_like(drift.weights), bias=torch.logit(production / ceiling), ceiling=ceiling
    )


def _score(problem: Problem, model: GeneModel, gen: np.random.Generator) -> FlowMapScore:
    """Score of a model that was not fitted to descendants, at one cell of each patch."""
    order = gen.permutation(len(problem.landmarks))
    _, first = np.unique(problem.landmarks[order], return_index=True)
    return flow_map_score(model, problem.states, problem.descendants, cells=np.sort(order[first]), rng=gen)


def _model(problem: Problem, drift: RegulatoryDrift, diffusion: Any) -> GeneModel:
    return Model(drift, diffusion, problem.regulators, problem.scale)


def _noise(problem: Problem, drift: RegulatoryDrift, gen: np.random.Generator) -> float:
    """Noise of a drift that was fitted to velocities alone."""
    if problem.diffusion is not None:
        return float(problem.diffusion)
    # At a stationary state D is the decay rate times the variance. Neighbours also differ along the manifold, so that this
    # is an upper bound.
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
    """Fit along bridges, then match populations."""
    options = population_options(problem, gen)
    model = _model(problem, start, problem.diffusion or START_DIFFUSION)
    bridged = fit_bridges(model, populations, **options)
    return match_populations(bridged.model, populations, n_steps=n_steps, report=report, **options)


def _flow(
    problem: Problem,
    start: GeneModel,
    n_steps: int,
    gen: np.random.Generator,
    support: Tensor | None = None,
    weight: NDArray[np.float64] | None = None,
) -> FlowMapFit:
    """Fit paths of the model to the descendants of cells."""
    return fit_flow_map(
        start,
        problem.states,
        problem.descendants,
        patch=problem.landmarks,
        support=problem.support if support is None else support,
        fit_decay=problem.times is not None and not problem.decay_known,
        weight=weight,
        start=problem.start,
        ends=problem.ends,
        n_steps=n_steps,
        rng=gen,
    )


def _held_out_time(
    problem: Problem, populations: Mapping[float, Tensor], gen: np.random.Generator
) -> Mapping[str, float]:
    """Energy distances at the middle time of a model that is fitted without it."""
    times, observed = sorted(populations), problem.times
    if len(times) < 3 or observed is None:
        return {}
    k = len(times) // 2
    others = {t: x for t, x in populations.items() if t != times[k]}
    # Velocities of cells of that time and of the time before depend on its cells.
    excluded = torch.as_tensor(np.isin(observed, times[k - 1 : k + 1]))
    start = regress(problem, torch.where(excluded, 0.0, problem.weights)).drift
    match = _match(problem, start, others, max(1, problem.n_steps // FEWER_STEPS), gen, report=False)
    return held_out_distances(match.model, populations, times[k], growth=problem.growth, rng=gen)


def _held_out(problem: Problem, rates: RateFit, gen: np.random.Generator) -> float:
    """Share of the variance of velocities that a fit without a fifth of the blocks explains in them."""
    order = gen.permutation(int(problem.block.max()) + 1)
    held_out = torch.as_tensor(np.isin(problem.block, order[: max(1, int(HELD_OUT * len(order)))]))
    if held_out.all():
        return float("nan")
    without = regress(problem, torch.where(held_out, 0.0, problem.weights), start=rates.drift)
    w, v = problem.weights[held_out, None], problem.velocity[held_out]
    w = w / w.sum()
    residual = (w * (without.drift(problem.states[held_out]) - v) ** 2).sum()
    # The variance is about the mean of the other cells, which is what a fit of a constant would predict.
    others = problem.weights[~held_out, None]
    mean = (others * problem.velocity[~held_out]).sum(0) / others.sum()
    return 1 - float(residual / (w * (v - mean) ** 2).sum())


def _resampled_edges(problem: Problem, gen: np.random.Generator) -> Tensor:
    """Support of a replicate: every edge is kept with its stability."""
    if problem.stability is None:
        return problem.support
    return problem.support * torch.as_tensor(gen.random(problem.support.shape) < problem.stability)
