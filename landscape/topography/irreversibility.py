"""Departure from detailed balance: the rotational share of a drift, and its entropy production."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy.linalg import solve_continuous_lyapunov
from torch import Tensor

from landscape._numbers import TINY
from landscape._random import RandomLike
from landscape.dynamics import Drift, Model, evaluate, integrate, jacobian
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.passage.first_hits import default_step
from landscape.topography.whitening import diffusion_matrices, whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# Fewest paths from which a mean and its error are estimated.
MIN_PATHS = 20
# Steps between observations, because successive states are nearly the same: a relaxation time has twenty steps.
STRIDE = 4
# Fewest observations.
MIN_OBSERVATIONS = 4
# Standard errors by which the means over two halves may differ.
MAX_ERRORS = 3
# Relative residual of the Lyapunov equation up to which its solution has converged.
LYAPUNOV_RESIDUAL = 1e-8


@dataclass(frozen=True)
class CurlShare:
    r"""Share of the antisymmetric part of the Jacobian in coordinates of unit noise.

    Attributes
    ----------
    share
        :math:`\sum_n \lVert A_n \rVert^2 / \sum_n \lVert J_n \rVert^2` over all states, with
        :math:`A = (J - J^\top) / 2`: 0 for :math:`f = -D \nabla U`, 1 for pure rotation.
    by_state
        The same ratio at each state, shape ``(n,)``.
    """

    share: float
    by_state: NDArray[np.float64]


@dataclass(frozen=True)
class EntropyProduction:
    """Entropy production rate, in units of Boltzmann's constant per unit time.

    Attributes
    ----------
    rate
        Zero for detailed balance.
    standard_error
        Standard error over independent paths; 0 for the closed form.
    relaxation_error
        Difference between the means over the second and the first half of the counted time: large if the ensemble is
        not stationary. 0 for the closed form.
    n_paths
        Number of paths; 0 for the closed form.
    method
        ``"linear"`` or ``"simulation"``.
    converged
        Whether the two halves agree within three standard errors, or the residual of the closed form is rounding.
    """

    rate: float
    standard_error: float
    relaxation_error: float
    n_paths: int
    method: Literal["linear", "simulation"]
    converged: bool


def curl_share(drift: Drift, states: ArrayLike | Tensor, *, diffusion: Diffusion | None = None) -> CurlShare:
    r"""Share of the antisymmetric part in the Jacobian of a drift.

    A field is a gradient in the metric of the noise, :math:`f = -D \nabla U` for constant D, exactly if the Jacobian
    of the whitened drift is symmetric everywhere; then the minimum action is a difference of U.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, differentiable.
    states
        States at which to evaluate, such as cells or the states of a path, shape ``(n, d)``.
    diffusion
        As in :func:`minimum_action`; by default that of a model, and 1 for a plain callable, because only ratios matter.
        A callable is evaluated at each state; its gradient is ignored.
    """
    x = as_states(states, name="states")
    if diffusion is None and not isinstance(drift, Model):
        diffusion = 1.0
    drift, diffusion = drift_and_noise(drift, diffusion)
    space = whitened(drift, x, diffusion)
    jac = jacobian(drift, x).detach()
    if callable(diffusion):
        root = torch.diagonal(diffusion_matrices(diffusion, x), dim1=1, dim2=2).sqrt()
        white = jac * root[:, None, :] / root[:, :, None]
    elif space.factor.ndim == 1:
        white = space.inverse[:, None] * jac * space.factor
    else:
        white = space.inverse @ jac @ space.factor
    odd = (0.5 * (white - white.mT)).square().sum((1, 2))
    whole = white.square().sum((1, 2))
    by_state = (odd / whole.clamp_min(TINY)).numpy()
    return CurlShare(float(odd.sum() / whole.sum().clamp_min(TINY)), by_state)


def linear_entropy_production(matrix: ArrayLike, diffusion: ArrayLike) -> EntropyProduction:
    r"""Entropy production of :math:`dx = A x\,dt + \sqrt{2D}\,dB` in closed form.

    .. math:: A S + S A^\top + 2D = 0, \qquad e_p = \mathrm{tr}(A S A^\top D^{-1}) + \mathrm{tr} A

    Parameters
    ----------
    matrix
        :math:`A`, all eigenvalues with negative real part, shape ``(d, d)``, per unit time.
    diffusion
        :math:`D`, positive definite, shape ``(d, d)``, or its diagonal, or a number.

    Raises
    ------
    ValueError
        If the matrix is not stable or the diffusion is not positive definite.
    """
    a = np.asarray(matrix, dtype=float)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        msg = f"Expected `matrix` of shape (d, d), found {a.shape}."
        raise ValueError(msg)
    leading = float(np.linalg.eigvals(a).real.max())
    if leading >= 0:
        msg = f"Expected a stable `matrix`, found an eigenvalue with real part {leading:.3g}; it has no stationary distribution."
        raise ValueError(msg)
    noise = diffusion_matrices(torch.as_tensor(np.asarray(diffusion, float)), torch.zeros(1, len(a)))[0].numpy()
    covariance = solve_continuous_lyapunov(a, -2 * noise)
    residual = np.abs(a @ covariance + covariance @ a.T + 2 * noise).max() / np.abs(noise).max()
    rate = float(np.trace(np.linalg.solve(noise, a @ covariance @ a.T)) + np.trace(a))
    return EntropyProduction(rate, 0.0, 0.0, 0, "linear", bool(residual < LYAPUNOV_RESIDUAL))


def entropy_production(
    drift: Drift,
    start: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    duration: float,
    burn_in: float,
    n_paths: int = 1_000,
    step: float | None = None,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> EntropyProduction:
    r"""Entropy production in the stationary state, by simulation.

    .. math::
        e_p = \frac{1}{T} \Big\langle \int F^\top D^{-1} \circ dx \Big\rangle
            = \big\langle F^\top D^{-1} F + \nabla\!\cdot F \big\rangle, \qquad F = f - \nabla\!\cdot D

    The second form is the expectation of the first (Stratonovich) integral without the noise of its increments. Its
    bias is that of the ensemble alone, of second order in the step for constant D.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    start
        Initial states, used in turn, shape ``(n, d)``.
    diffusion
        As in :func:`landscape.dynamics.integrate`. By default that of a model.
    duration, burn_in
        Time that is counted, and time before it in which the ensemble becomes stationary.
    n_paths
        Number of paths, at least 20.
    step
        Time step; by default a twentieth of the shortest relaxation time.
    lower, rng
        Reflecting lower bound, seed.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If an option is out of its range.

    References
    ----------
    Seifert (2012), *Rep. Prog. Phys.* 75, 126001. https://doi.org/10.1088/0034-4885/75/12/126001
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    x = as_states(start, name="start")
    if n_paths < MIN_PATHS or not duration > 0 or burn_in < 0:
        msg = (
            f"Expected `n_paths` of at least {MIN_PATHS}, positive `duration` and `burn_in` of at least 0, found "
            f"{n_paths}, {duration}, {burn_in}."
        )
        raise ValueError(msg)
    evaluate(drift, x)
    step = default_step(drift, x) if step is None else step
    at = x[torch.arange(n_paths) % len(x)]
    scheme: Literal["euler", "heun"] = "euler" if callable(diffusion) else "heun"
    before, counted = round(burn_in / step), max(MIN_OBSERVATIONS * STRIDE, round(duration / step))
    sums, n_observations = torch.zeros((2, n_paths), dtype=torch.float64), [0, 0]
    path = integrate(drift, at, diffusion=diffusion, step=step, rng=rng, scheme=scheme, lower=lower)
    for t, y in zip(range(before + counted), path, strict=False):
        if t >= before and t % STRIDE == 0:
            half = int(2 * (t - before) >= counted)
            sums[half] += _dissipation(drift, diffusion, y)
            n_observations[half] += 1
    halves = sums.numpy() / np.array(n_observations)[:, None]
    each = sums.sum(0).numpy() / sum(n_observations)
    error = float(each.std(ddof=1) / np.sqrt(n_paths))
    change = float(np.diff(halves.mean(1))[0])
    spread = float(np.diff(halves, axis=0)[0].std(ddof=1) / np.sqrt(n_paths))
    settled = abs(change) <= MAX_ERRORS * spread
    if not settled:
        logger.warning(
            "the entropy production is not stationary: it changes by %.2g between two halves; raise `burn_in`", change
        )
    return EntropyProduction(float(each.mean()), error, change, n_paths, "simulation", settled)


def _dissipation(drift: Drift, diffusion: Diffusion, x: Tensor) -> Tensor:
    """F^T D^-1 F + div F at each state, shape ``(n,)``."""

    def force(points: Tensor) -> Tensor:
        value = drift(points)
        if not callable(diffusion):
            return value
        level = diffusion(points)
        if not level.requires_grad:
            return value
        # D_ii may depend on every x_j: its divergence takes one derivative for each coordinate.
        return value - torch.stack(
            [torch.autograd.grad(level[:, i].sum(), points, create_graph=True)[0][:, i] for i in range(x.shape[1])], 1
        )

    with torch.enable_grad():
        points = x.detach().requires_grad_(True)
        value = force(points)
        divergence = torch.stack(
            [torch.autograd.grad(value[:, i].sum(), points, retain_graph=True)[0][:, i] for i in range(x.shape[1])], 1
        ).sum(1)
    value = value.detach()
    if callable(diffusion):
        return (value.square() / diffusion(x).detach()).sum(1) + divergence
    return (value * torch.linalg.solve(diffusion_matrices(diffusion, x[:1])[0], value.T).T).sum(1) + divergence
