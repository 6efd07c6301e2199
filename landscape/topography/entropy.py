"""How far a field is from a gradient: its curl, and the entropy it produces."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy.linalg import solve_continuous_lyapunov
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics import Drift, evaluate, integrate, jacobian
from landscape.topography.field import as_states
from landscape.topography.metric import matrices_at, whitened
from landscape.topography.passage.hitting import default_step

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

FEWEST = 20
# Successive states are nearly the same: look at every fourth step, of which a relaxation time has twenty.
LOOK_EVERY = 4


@dataclass(frozen=True)
class CurlShare:
    r"""Antisymmetric part of the Jacobian in coordinates of unit noise.

    Attributes
    ----------
    share
        :math:`\sum_n \lVert A_n \rVert^2 / \sum_n \lVert J_n \rVert^2` over all states, with
        :math:`A = (J - J^\top) / 2`: 0 for :math:`f = -D \nabla U`, 1 for pure rotation.
    by_state
        The same at each state, shape ``(n,)``.
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
        Over independent paths; 0 for the closed form.
    relaxation_error
        Difference of the means over the second and the first half of the counted time: large where the ensemble
        has not settled. 0 for the closed form.
    n_paths
        Paths; 0 for the closed form.
    method
        ``"linear"`` or ``"simulation"``.
    converged
        Whether the two halves agree within three standard errors, or the closed form's residual is rounding.
    """

    rate: float
    standard_error: float
    relaxation_error: float
    n_paths: int
    method: Literal["linear", "simulation"]
    converged: bool


def curl_share(drift: Drift, states: ArrayLike | Tensor, *, diffusion: Diffusion = 1.0) -> CurlShare:
    r"""Share of the antisymmetric part in the Jacobian of a drift.

    A field is a gradient in the metric of the noise, :math:`f = -D \nabla U` for constant D, exactly if the Jacobian
    of the whitened drift is symmetric everywhere; then the least action is a difference of U.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, differentiable.
    states
        Where to look, such as cells or the states of a path, shape ``(n, d)``.
    diffusion
        As in :func:`minimum_action`; a callable is taken at each state (its own gradient is not).
    """
    x = as_states(states, name="states")
    space = whitened(drift, x, diffusion)
    jac = jacobian(drift, x).detach()
    if callable(diffusion):
        root = torch.diagonal(matrices_at(diffusion, x), dim1=1, dim2=2).sqrt()
        white = jac * root[:, None, :] / root[:, :, None]
    elif space.factor.ndim == 1:
        white = space.inverse[:, None] * jac * space.factor
    else:
        white = space.inverse @ jac @ space.factor
    odd = (0.5 * (white - white.mT)).square().sum((1, 2))
    whole = white.square().sum((1, 2))
    by_state = (odd / whole.clamp_min(1e-300)).numpy()
    return CurlShare(float(odd.sum() / whole.sum().clamp_min(1e-300)), by_state)


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
        msg = f"Expected a stable `matrix`, found an eigenvalue with real part {leading:.3g}; it has no stationary law."
        raise ValueError(msg)
    noise = matrices_at(torch.as_tensor(np.asarray(diffusion, float)), torch.zeros(1, len(a)))[0].numpy()
    covariance = solve_continuous_lyapunov(a, -2 * noise)
    residual = np.abs(a @ covariance + covariance @ a.T + 2 * noise).max() / np.abs(noise).max()
    rate = float(np.trace(np.linalg.solve(noise, a @ covariance @ a.T)) + np.trace(a))
    return EntropyProduction(rate, 0.0, 0.0, 0, "linear", bool(residual < 1e-8))


def entropy_production(
    drift: Drift,
    start: ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
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

    The second form is the mean of the first (Stratonovich) integral without the noise of its increments, and its
    bias is that of the ensemble alone: second order in the step for constant D.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    start
        One state or several; paths start from them in turn, shape ``(n, d)``.
    diffusion
        As in :func:`landscape.dynamics.integrate`.
    duration, burn_in
        Time that is counted, and time before that in which the ensemble settles.
    n_paths
        Paths, at least 20.
    step
        Time step; by default a twentieth of the fastest relaxation.
    lower, rng
        Reflecting lower bound, seed.

    References
    ----------
    Seifert (2012), *Rep. Prog. Phys.* 75, 126001. https://doi.org/10.1088/0034-4885/75/12/126001
    """
    x = as_states(start, name="start")
    if n_paths < FEWEST or not duration > 0 or burn_in < 0:
        msg = (
            f"Expected `n_paths` of at least {FEWEST}, positive `duration` and `burn_in` of at least 0, found "
            f"{n_paths}, {duration}, {burn_in}."
        )
        raise ValueError(msg)
    evaluate(drift, x)
    step = default_step(drift, x) if step is None else step
    at = x[torch.arange(n_paths) % len(x)]
    scheme: Literal["euler", "heun"] = "euler" if callable(diffusion) else "heun"
    before, counted = round(burn_in / step), max(4 * LOOK_EVERY, round(duration / step))
    sums, looks = torch.zeros((2, n_paths), dtype=torch.float64), [0, 0]
    path = integrate(drift, at, diffusion=diffusion, step=step, rng=rng, scheme=scheme, lower=lower)
    for t, y in zip(range(before + counted), path, strict=False):
        if t >= before and t % LOOK_EVERY == 0:
            half = int(2 * (t - before) >= counted)
            sums[half] += _dissipation(drift, diffusion, y)
            looks[half] += 1
    halves = sums.numpy() / np.array(looks)[:, None]
    each = sums.sum(0).numpy() / sum(looks)
    error = float(each.std(ddof=1) / np.sqrt(n_paths))
    change = float(np.diff(halves.mean(1))[0])
    spread = float(np.diff(halves, axis=0)[0].std(ddof=1) / np.sqrt(n_paths))
    settled = abs(change) <= 3 * spread
    if not settled:
        logger.warning("entropy production still changes, by %.2g between two halves; raise `burn_in`", change)
    return EntropyProduction(float(each.mean()), error, change, n_paths, "simulation", settled)


def _dissipation(drift: Drift, diffusion: Diffusion, x: Tensor) -> Tensor:
    """F' D^-1 F + div F at each state, shape ``(n,)``."""

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
    return (value * torch.linalg.solve(matrices_at(diffusion, x[:1])[0], value.T).T).sum(1) + divergence
