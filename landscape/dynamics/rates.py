"""Fit of the regulatory drift to production rates of cells."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.dynamics import penalties
from landscape.dynamics._levenberg import Logistic, fit_logistic
from landscape.dynamics.drift import RegulatoryDrift

logger = logging.getLogger(__name__)

# Percentiles of a state that stand for off and on.
OFF, ON = 0.02, 0.98
# Smallest threshold of a response, which must be positive.
MIN_THRESHOLD = 1e-3
# Production above this multiple of the largest decay of a gene is noise of its velocity.
MAX_PRODUCTION = 1.5
# Prior mean of the ceiling, in units of the largest production: a response that saturates does not reach it.
CEILING_SHARE = 1.2
# Smallest standard deviation of a response, of a production and of a state that varies.
MIN_RESPONSE_SD, MIN_PRODUCTION_SD, MIN_STATE_SD = 1e-6, 1e-9, 1e-9
# Mean production over the ceiling, from which the offset starts, is kept this far from 0 and 1.
START_MARGIN = 1e-3


@dataclass(frozen=True)
class RateFit:
    """A drift that was fitted to production rates.

    Attributes
    ----------
    drift
        The fitted drift.
    velocity_r2
        Weighted share of the variance of velocities that the drift explains, over all genes; negative where it is worse
        than a constant.
    production_r2
        The same for the production of each gene, shape ``(d,)``.
    gradient_norm
        Largest entry of the gradient of the loss at the end.
    converged
        Whether all targets met the tolerance within ``max_steps``.
    n_steps
        Number of Levenberg-Marquardt steps.
    """

    drift: RegulatoryDrift
    velocity_r2: float
    production_r2: Tensor
    gradient_norm: float
    converged: bool
    n_steps: int


def response_thresholds(states: Tensor) -> Tensor:
    r"""Threshold of each regulator's response, shape ``(d,)``.

    .. math:: k = \sqrt{(q_{2}^2 + q_{98}^2) / 2}

    with percentiles :math:`q`: the midpoint of off and on in abundance, of which states are the square root.
    """
    low, high = torch.quantile(states, torch.tensor([OFF, ON], dtype=states.dtype), dim=0)
    return torch.sqrt((low**2 + high**2) / 2).clamp_min(MIN_THRESHOLD)


def fit_rates(
    states: Tensor,
    velocity: Tensor,
    *,
    support: Tensor | None = None,
    weights: Tensor | None = None,
    decay: Tensor | float = 1.0,
    hill: float = 8.0,
    penalty: float = penalties.RATES,
    prior: Tensor | None = None,
    start: RegulatoryDrift | None = None,
    max_steps: int = 100,
) -> RateFit:
    r"""Fit :math:`a\,s(W\phi(x) + b)` to the production :math:`p = v + \gamma x` of every cell.

    .. math:: \min_{W, b, a} \sum_i \frac{1}{\gamma_i^2 \sigma_i^2} \frac{\sum_c w_c
              \big(a_i s(h_i(x_c)) - p_{ci}\big)^2}{\sum_c w_c} + \lambda \sum_{ij} \big((W_{ij} - W^0_{ij})\,\mathrm{sd}\,\phi_j\big)^2
              + \lambda \sum_i \ln^2 \frac{a_i}{1.2 \max_c p_{ci}}

    with :math:`\sigma_i` the standard deviation of gene :math:`i`. The loss is minimised by Levenberg-Marquardt steps for
    all targets at once. Production is bounded by zero and the ceiling, so that noisy values outside of
    :math:`[0, 1.5 \max_c \gamma_i x_{ci}]` are clipped first.

    Parameters
    ----------
    states, velocity
        :math:`x` and :math:`v` of the cells, shape ``(n, d)``.
    support
        Edges that may be non-zero, shape ``(d, d)``, ``[target, regulator]``; all but self-edges by default.
    weights
        :math:`w`, shape ``(n,)``, of any sum; equal by default.
    decay
        :math:`\gamma`, one number or of shape ``(d,)``.
    hill
        Hill coefficient of all responses to states, twice that of responses to abundance, of which states are the
        square root.
    penalty
        :math:`\lambda`, see :mod:`landscape.dynamics.penalties`.
    prior
        :math:`W^0`, shape ``(d, d)``; zero by default.
    start
        Drift to start from, such as a fit to other weights, with the same decay rates and responses.
    max_steps
        Largest number of Levenberg-Marquardt steps.

    Returns
    -------
    The fitted drift with its diagnostics.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or a gene does not vary.
    """
    n, d = _check(states, velocity)
    support = 1 - torch.eye(d, dtype=torch.float64) if support is None else support.to(torch.float64)
    w = torch.ones(n, dtype=torch.float64) if weights is None else weights
    w = (w / w.sum())[:, None]
    gamma = torch.as_tensor(decay, dtype=torch.float64).expand(d).clone()
    production = torch.minimum(
        (velocity + gamma * states).clamp_min(0.0), MAX_PRODUCTION * (gamma * states).max(0).values
    )
    threshold, power = response_thresholds(states), torch.full((d,), float(hill), dtype=torch.float64)
    ceiling = CEILING_SHARE * production.max(0).values
    zero = torch.zeros(d, dtype=torch.float64)
    base = RegulatoryDrift(torch.zeros(d, d, dtype=torch.float64), zero, ceiling, gamma, threshold, power, zero)
    phi = base.response(states)
    spread = _weighted_sd(phi, w).clamp_min(MIN_RESPONSE_SD)
    # Production in units of decay makes the penalty independent of the unit of time.
    scale = gamma * _weighted_sd(states, w)
    # Standardised responses make the least-squares problem well conditioned.
    standard = (phi - (w * phi).sum(0)) / spread
    mean = (w * phi).sum(0)
    if start is None:
        first = (
            base.weights,
            torch.logit((production * w).sum(0) / ceiling, eps=START_MARGIN),
            torch.log(ceiling / scale),
        )
    else:
        first = (start.weights * spread, start.bias + start.weights @ mean, torch.log(start.ceiling / scale))
    found = fit_logistic(
        standard,
        production / scale,
        w,
        free=support,
        start=first,
        log_ceiling=torch.log(ceiling / scale),
        penalty=penalty,
        max_steps=max_steps,
        centre=None if prior is None else prior * spread,
    )
    coefficients = found.slope / spread
    bias = found.offset - coefficients @ mean
    drift = RegulatoryDrift(coefficients, bias, torch.exp(found.log_ceiling) * scale, gamma, threshold, power, zero)
    return _assess(drift, states, production, w, found)


def _assess(
    drift: RegulatoryDrift,
    states: Tensor,
    production: Tensor,
    w: Tensor,
    found: Logistic,
) -> RateFit:
    """Shares of variance that the drift explains."""
    velocity = production - drift.decay * states
    residual = (w * (drift.production(states) - production) ** 2).sum(0)
    r2 = 1 - float(residual.sum() / (w * (velocity - (w * velocity).sum(0)) ** 2).sum())
    per_gene = 1 - residual / _weighted_sd(production, w).clamp_min(MIN_PRODUCTION_SD) ** 2
    logger.info("fitted production rates: velocity R2 %.3f in %d steps", r2, found.n_steps)
    return RateFit(drift, r2, per_gene, found.gradient_norm, found.n_unsettled == 0, found.n_steps)


def _weighted_sd(values: Tensor, w: Tensor) -> Tensor:
    return torch.sqrt((w * (values - (w * values).sum(0)) ** 2).sum(0))


def _check(states: Tensor, velocity: Tensor) -> tuple[int, int]:
    if states.ndim != 2 or velocity.shape != states.shape:
        msg = f"Expected states and velocity of one shape (n, d), found {tuple(states.shape)}, {tuple(velocity.shape)}."
        raise ValueError(msg)
    for name, value in (("states", states), ("velocity", velocity)):
        if not torch.isfinite(value).all():
            msg = f"`{name}` has {int((~torch.isfinite(value)).sum())} values that are not finite."
            raise ValueError(msg)
    if constant := torch.nonzero(states.std(0) < MIN_STATE_SD).flatten().tolist():
        msg = f"Expected regulators that vary, found {len(constant)} that do not (columns {constant[:5]}); leave them out."
        raise ValueError(msg)
    return states.shape[0], states.shape[1]
