"""How well cells determine each weight of the model, by randomised maximum a posteriori regressions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from landscape._random import RandomLike, generator
from landscape.dynamics.bridges import fit_bridges
from landscape.dynamics.drift import RegulatoryDrift
from landscape.dynamics.fit import Fitted, population_options, regress
from landscape.dynamics.problem import Problem
from landscape.markov.bootstrap import bayesian_weights

# Levenberg-Marquardt steps of a regression, which starts at the model and thus near its optimum.
MAX_STEPS = 5
# States of all paths in a regression along bridges: enough for the spread over regressions.
MAX_POINTS = 4000
# Smallest standard deviation of a response, for regulators that do not vary.
MIN_SPREAD = 1e-6


def edge_evidence(problem: Problem, fitted: Fitted, n: int, *, rng: RandomLike = 0) -> dict[str, NDArray[np.float64]]:
    r"""How well cells determine each weight of the model.

    Production is regressed on ``n`` resamples of blocks of cells, which covers the uncertainty of sampling. What no number
    of cells determines, such as which of several correlated regulators acts, is covered by the prior: in each regression
    the ridge penalty pulls :math:`W_{ij}` towards a draw from :math:`N(0, \tau_i^2)` instead of zero (randomised maximum a
    posteriori). :math:`\tau_i` is the norm of all fitted weights of target :math:`i`, so that under the prior any one
    regulator may have the effect of all together. Where cells determine a weight, all regressions agree; elsewhere
    weights stay at their draws. Where populations are matched, each regression is along new bridges.

    Parameters
    ----------
    problem, fitted
        Data and choices, and the model; not changed.
    n
        Number of regressions, two or more.
    rng
        Seed or generator.

    Returns
    -------
    ``edge_support``, the share of regressions in which a weight has the sign that it has in the model, and ``edge_sd``, its
    standard deviation over regressions; both ``[target, regulator]``, shape ``(d, d)``.

    References
    ----------
    Bardsley, Solonen, Haario & Laine (2014), *SIAM J. Sci. Comput.* 36, A1895. https://doi.org/10.1137/140964023
    """
    gen = generator(rng)
    weights = bayesian_weights(problem.block, n_replicates=n, rng=gen)
    drift = fitted.model.drift
    drawn = torch.stack(
        [
            _regressed(problem, fitted, weight, _prior(problem, drift, gen), gen).weights
            for weight in tqdm(weights, desc="edges", leave=False)
        ]
    )
    agree = (torch.sign(drawn) == torch.sign(drift.weights)) & (drawn != 0)
    return {"edge_support": agree.double().mean(0).numpy(), "edge_sd": drawn.std(0).numpy()}


def _regressed(
    problem: Problem, fitted: Fitted, weight: NDArray[np.float64], prior: Tensor, gen: np.random.Generator
) -> RegulatoryDrift:
    """Drift of one regression, on resampled cells and with a prior."""
    if problem.matched:
        return fit_bridges(
            fitted.model,
            problem.populations(gen, weight),
            prior=prior,
            n_rounds=1,
            max_points=MAX_POINTS,
            max_steps=MAX_STEPS,
            **population_options(problem, gen) | {"fit_decay": False},
        ).model.drift
    weights = problem.weights * torch.as_tensor(weight)
    return regress(problem, weights, start=fitted.rates.drift, prior=prior, max_steps=MAX_STEPS).drift


def _prior(problem: Problem, drift: RegulatoryDrift, gen: np.random.Generator) -> Tensor:
    """Draw of the weights; times the spread of their inputs, each is as large as all weights of its target together."""
    spread = drift.response(problem.states).std(0).clamp_min(MIN_SPREAD)
    size = torch.linalg.norm(drift.weights * spread, dim=1, keepdim=True)
    return size * torch.as_tensor(gen.standard_normal(problem.support.shape)) / spread
