"""Levenberg-Marquardt for many logistic regressions with shared inputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape._numbers import TINY

# A target has converged when the next step is predicted to lower its loss by less than this share of its variance.
SETTLED = 1e-6
# Conjugate gradients stop after this many iterations, or when the squared residual has fallen by this factor: the step is
# inexact, and the ratio below judges it.
MAX_INNER, INNER_TOLERANCE = 40, 1e-4
# A step is accepted if the loss falls by this share of the prediction. The damping is multiplied by `LOWER` where the
# ratio is above `GOOD`, by `RAISE` where it is below `POOR`, and by `REJECT` where the step is rejected (More 1978).
ACCEPTED, POOR, GOOD = 1e-4, 0.25, 0.75
LOWER, RAISE, REJECT = 0.2, 4.0, 8.0
# Damping at the start, and its bounds.
FIRST_DAMPING, MIN_DAMPING, MAX_DAMPING = 1e-3, 1e-9, 1e6


@dataclass(frozen=True)
class Logistic:
    r"""Fitted curves :math:`e^{\alpha_i}\,s(V_i \cdot X_c + b_i)` of all targets.

    Attributes
    ----------
    slope
        :math:`V`, shape ``(targets, inputs)``.
    offset, log_ceiling
        :math:`b` and :math:`\alpha`, shape ``(targets,)``.
    loss
        Loss of each target, shape ``(targets,)``.
    gradient_norm
        Largest entry of the gradient of the loss.
    n_steps
        Number of outer steps.
    n_unsettled
        Number of targets that had not converged after the last step.
    """

    slope: Tensor
    offset: Tensor
    log_ceiling: Tensor
    loss: Tensor
    gradient_norm: float
    n_steps: int
    n_unsettled: int


class _Targets:
    """Losses of all targets, their gradients, and products with their Gauss-Newton matrices.

    Parameters are rows ``(V_i, b_i, alpha_i)``; entries that are not in ``free`` are fixed.
    """

    def __init__(self, x: Tensor, y: Tensor, w: Tensor, free: Tensor, penalty: float, centre: Tensor) -> None:
        self.x, self.y, self.root, self.free = x, y, torch.sqrt(w), free
        self.penalty = torch.full((x.shape[1] + 2,), penalty, dtype=x.dtype)
        self.penalty[-2] = 0.0
        self.centre = centre

    def curve(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Logistic function and curve of every target, both of shape ``(n, targets)``."""
        s = torch.sigmoid(self.x @ p[:, :-2].T + p[:, -2])
        return s, torch.exp(p[:, -1]) * s

    def loss(self, p: Tensor) -> Tensor:
        """Loss of every target."""
        _, fitted = self.curve(p)
        return ((self.root * (fitted - self.y)) ** 2).sum(0) + (self.penalty * (p - self.centre) ** 2).sum(1)

    def linearise(self, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Half the gradient, and the derivatives of the residuals with respect to input and logarithmic ceiling."""
        s, fitted = self.curve(p)
        by_input, by_ceiling = self.root * fitted * (1 - s), self.root * fitted
        gradient = self._transposed_product(self.root * (fitted - self.y), by_input, by_ceiling) + self.penalty * (
            p - self.centre
        )
        return gradient * self.free, by_input, by_ceiling

    def product(self, p: Tensor, by_input: Tensor, by_ceiling: Tensor, damping: Tensor) -> Tensor:
        """Product of the damped Gauss-Newton matrices with ``p``."""
        image = by_input * (self.x @ p[:, :-2].T + p[:, -2]) + by_ceiling * p[:, -1]
        return (
            self._transposed_product(image, by_input, by_ceiling) + (self.penalty + damping[:, None]) * p
        ) * self.free

    def _transposed_product(self, r: Tensor, by_input: Tensor, by_ceiling: Tensor) -> Tensor:
        """Product of the transposed Jacobians of the residuals with ``r``."""
        inner = r * by_input
        return torch.cat([inner.T @ self.x, inner.sum(0)[:, None], (r * by_ceiling).sum(0)[:, None]], dim=1)


def fit_logistic(
    x: Tensor,
    y: Tensor,
    w: Tensor,
    *,
    free: Tensor,
    start: tuple[Tensor, Tensor, Tensor],
    log_ceiling: Tensor,
    penalty: float,
    max_steps: int,
    centre: Tensor | None = None,
) -> Logistic:
    r"""Fit saturating curves of shared inputs to many targets by least squares.

    .. math:: \sum_c w_c \big(e^{\alpha_i} s(V_i \cdot X_c + b_i) - y_{ci}\big)^2
              + \lambda |V_i - V_i^0|^2 + \lambda (\alpha_i - \alpha_i^0)^2

    Each target has its own damping, and its step is found by conjugate gradients; one iteration is two matrix products for
    all targets together. The eigenvectors of the Gram matrix of the inputs, which all targets share, precondition it.

    Parameters
    ----------
    x
        Inputs with mean zero, shape ``(n, inputs)``.
    y
        Targets in units of their spread, shape ``(n, targets)``.
    w
        Weights of the rows, shape ``(n, 1)``, sum 1.
    free
        Entries of :math:`V` that may differ from zero, shape ``(targets, inputs)``.
    start
        :math:`V`, :math:`b` and :math:`\alpha` to start from.
    log_ceiling
        :math:`\alpha^0`, shape ``(targets,)``.
    penalty
        :math:`\lambda`, positive.
    max_steps
        Largest number of outer steps.
    centre
        :math:`V^0`, shape ``(targets, inputs)``; zero by default.

    Returns
    -------
    The curves.

    References
    ----------
    More (1978), The Levenberg-Marquardt algorithm, *Lect. Notes Math.* 630, 105. https://doi.org/10.1007/BFb0067700
    """
    targets = y.shape[1]
    whole = torch.cat([free, torch.ones(targets, 2, dtype=x.dtype)], dim=1)
    at = torch.zeros(targets, x.shape[1] + 2, dtype=x.dtype)
    at[:, -1] = log_ceiling
    if centre is not None:
        at[:, :-2] = centre * free
    problem = _Targets(x, y, w, whole, penalty, at)
    values, vectors = torch.linalg.eigh(x.T @ (w * x))
    p = torch.cat([start[0] * free, start[1][:, None], start[2][:, None]], dim=1)
    loss, damping = problem.loss(p), torch.full((targets,), FIRST_DAMPING, dtype=x.dtype)
    active = torch.ones(targets, dtype=torch.bool)
    for n_steps in range(1, max_steps + 1):  # noqa: B007
        rows = torch.nonzero(active)[:, 0]
        part = _Targets(x, y[:, rows], w, whole[rows], penalty, at[rows])
        gradient, *slopes = part.linearise(p[rows])
        step, predicted = _step(part, gradient, slopes, damping[rows], values.clamp_min(0.0), vectors)
        tried = part.loss(p[rows] + step)
        # Fall of the loss over its prediction by the linearised curves.
        ratio = (loss[rows] - tried) / predicted.clamp_min(TINY)
        accepted = torch.isfinite(tried) & (ratio > ACCEPTED)
        p[rows] = torch.where(accepted[:, None], p[rows] + step, p[rows])
        loss[rows] = torch.where(accepted, tried, loss[rows])
        factor = torch.where(ratio > GOOD, LOWER, torch.where(ratio > POOR, 1.0, RAISE))
        damping[rows] = (damping[rows] * torch.where(accepted, factor, REJECT)).clamp(MIN_DAMPING, MAX_DAMPING)
        active[rows] = predicted > SETTLED
        if not active.any():
            break
    gradient, *_ = problem.linearise(p)
    return Logistic(p[:, :-2], p[:, -2], p[:, -1], loss, 2 * float(gradient.abs().max()), n_steps, int(active.sum()))


def _step(
    problem: _Targets, gradient: Tensor, slopes: list[Tensor], damping: Tensor, values: Tensor, vectors: Tensor
) -> tuple[Tensor, Tensor]:
    """Damped Gauss-Newton step of every target, and the fall of its loss that the linearised curves predict."""
    by_input, by_ceiling = slopes
    strength = (by_input**2).sum(0)
    inverse = 1 / (strength[:, None] * values + problem.penalty[0] + damping[:, None])
    small = _small_block(by_input, by_ceiling, problem, damping)

    def precondition(r: Tensor) -> Tensor:
        inner = ((r[:, :-2] @ vectors) * inverse) @ vectors.T
        outer = torch.linalg.solve(small, r[:, -2:, None])[..., 0]
        return torch.cat([inner, outer], dim=1) * problem.free

    step = torch.zeros_like(gradient)
    residual = -gradient
    z = precondition(residual)
    direction, product = z, (residual * z).sum(1)
    first = product.clamp_min(TINY)
    for _ in range(MAX_INNER):
        image = problem.product(direction, by_input, by_ceiling, damping)
        unfinished = product > INNER_TOLERANCE * first
        alpha = torch.where(unfinished, product / (direction * image).sum(1).clamp_min(TINY), 0.0)[:, None]
        step, residual = step + alpha * direction, residual - alpha * image
        z = precondition(residual)
        new = (residual * z).sum(1)
        direction = z + (new / product.clamp_min(TINY))[:, None] * direction
        product = torch.where(unfinished, new, product)
        if not unfinished.any():
            break
    # -2 g.p - p.H.p without the damping, with H p + mu p = -g - residual.
    predicted = -(step * gradient).sum(1) + (step * residual).sum(1) + damping * (step**2).sum(1)
    return step, predicted


def _small_block(by_input: Tensor, by_ceiling: Tensor, problem: _Targets, damping: Tensor) -> Tensor:
    """Damped Gauss-Newton matrices of offset and ceiling, shape ``(targets, 2, 2)``."""
    a, b, c = (by_input**2).sum(0), (by_input * by_ceiling).sum(0), (by_ceiling**2).sum(0)
    top, bottom = a + damping, c + damping + problem.penalty[-1]
    return torch.stack([torch.stack([top, b], -1), torch.stack([b, bottom], -1)], -2)
