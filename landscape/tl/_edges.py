"""Which edges of the model the cells tell, by regressions on resamples that start from other beliefs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from landscape.dynamics import RegulatoryDrift
from landscape.dynamics.bridges import fit_bridges
from landscape.markov.bootstrap import bayesian_weights
from landscape.tl._fit import Fitted, ModelFit

# The model is near the optimum of every resample, so that few steps of Gauss and Newton reach it.
STEPS = 5
# Points of all paths in a regression along bridges; more than enough for a spread over regressions.
POINTS = 4000


def edge_evidence(fit: ModelFit, fitted: Fitted, n: int) -> dict[str, NDArray[np.float64]]:
    r"""How far cells determine each weight of the model.

    Production is regressed anew on ``n`` resamples of blocks of cells, which tells what sampling leaves open. What cells
    leave open however many there are, as which of several regulators that go together acts, is told by the prior: in
    each regression the ridge pulls :math:`W_{ij}` to a draw from :math:`N(0, \tau_i^2)` instead of zero (randomised maximum
    a posteriori), with :math:`\tau_i` the norm of all fitted weights of the target: any regulator may do what now all do
    together. Where cells determine a weight all regressions agree; elsewhere they keep what they drew. With populations the
    regression is along new bridges.

    Parameters
    ----------
    fit, fitted
        The data and the model.
    n
        Regressions; 2 or more.

    Returns
    -------
    ``edge_support``, the share of regressions in which the weight has the sign of the model, and ``edge_sd``, its standard
    deviation; ``[target, regulator]``.

    References
    ----------
    Bardsley, Solonen, Haario & Laine (2014), *SIAM J. Sci. Comput.* 36, A1895. https://doi.org/10.1137/140964023
    """
    weights = bayesian_weights(fit.block, n_replicates=n, rng=fit.gen)
    drawn = torch.stack(
        [
            _regressed(fit, fitted, weight, _belief(fit, fitted.drift)).weights
            for weight in tqdm(weights, desc="edges", leave=False)
        ]
    )
    agree = (torch.sign(drawn) == torch.sign(fitted.drift.weights)) & (drawn != 0)
    return {"edge_support": agree.double().mean(0).numpy(), "edge_sd": drawn.std(0).numpy()}


def _regressed(fit: ModelFit, fitted: Fitted, weight: NDArray[np.float64], prior: Tensor) -> RegulatoryDrift:
    if fit.matched:
        return fit_bridges(
            fitted.drift,
            fit.populations(weight),
            diffusion=fitted.diffusion,
            prior=prior,
            n_rounds=1,
            max_points=POINTS,
            max_steps=STEPS,
            **fit.options(fit.mask) | {"fit_decay": False},
        ).drift
    weights = fit.weights * torch.as_tensor(weight)
    return fit.rates(weights, fit.mask, fitted.rates.drift, prior=prior, max_steps=STEPS).drift


def _belief(fit: ModelFit, drift: RegulatoryDrift) -> Tensor:
    """Weights that a regression is pulled to, in units of their inputs' spread as large as all of a target together."""
    spread = drift.response(fit.x).std(0).clamp_min(1e-6)
    size = torch.linalg.norm(drift.weights * spread, dim=1, keepdim=True)
    return size * torch.as_tensor(fit.gen.standard_normal(fit.mask.shape)) / spread
