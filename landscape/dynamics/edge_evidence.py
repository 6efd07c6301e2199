"""How far cells determine each edge of the model, by regressions on resamples that start from other priors."""

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

# The model is near the optimum of every resample, so that few Gauss-Newton steps reach it.
STEPS = 5
# Points of all paths in a regression along bridges; more than enough for a spread over regressions.
POINTS = 4000


def edge_evidence(problem: Problem, fitted: Fitted, n: int, *, rng: RandomLike = 0) -> dict[str, NDArray[np.float64]]:
    r"""How far cells determine each weight of the model.

    Production is regressed on ``n`` resamples of blocks of cells, which shows what sampling leaves open. What cells
    leave open however many there are, such as which of several correlated regulators acts, is shown by the prior: in
    each regression the ridge pulls :math:`W_{ij}` to a draw from :math:`N(0, \tau_i^2)` instead of zero (randomised
    maximum a posteriori), with :math:`\tau_i` the norm of all fitted weights of the target: any regulator may do what
    all do together. Where cells determine a weight all regressions agree; elsewhere they keep the prior draw. With
    populations the regression is along new bridges.

    Parameters
    ----------
    problem, fitted
        The data and the model.
    n
        Regressions; 2 or more.
    rng
        Seed or generator.

    Returns
    -------
    ``edge_support``, the share of regressions in which the weight has the sign of the model, and ``edge_sd``, its standard
    deviation; ``[target, regulator]``.

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
    if problem.matched:
        return fit_bridges(
            fitted.model,
            problem.populations(gen, weight),
            prior=prior,
            n_rounds=1,
            max_points=POINTS,
            max_steps=STEPS,
            **population_options(problem, gen) | {"fit_decay": False},
        ).model.drift
    weights = problem.weights * torch.as_tensor(weight)
    return regress(problem, weights, start=fitted.rates.drift, prior=prior, max_steps=STEPS).drift


def _prior(problem: Problem, drift: RegulatoryDrift, gen: np.random.Generator) -> Tensor:
    """Weights that a regression is pulled to, in units of their inputs' spread as large as all of a target together."""
    spread = drift.response(problem.states).std(0).clamp_min(1e-6)
    size = torch.linalg.norm(drift.weights * spread, dim=1, keepdim=True)
    return size * torch.as_tensor(gen.standard_normal(problem.support.shape)) / spread
