"""The Eyring-Kramers formula: the mean exit time from a basin of a gradient field, with its prefactor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics import Drift, jacobian
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.fixed_points.saddles import Saddle, find_saddle
from landscape.topography.large_deviations.action import barrier
from landscape.topography.whitening import whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from landscape.dynamics.sde import Diffusion

# Relative asymmetry of the Jacobian below which a field is a gradient.
GRADIENT = 1e-6
# Barrier from which the formula is valid: the next term of the expansion is of order 1/S.
HIGH = 4.0
# Nodes of the Gauss-Legendre rule between attractor and saddle: exact for polynomials of degree 63.
N_NODES = 32


@dataclass(frozen=True)
class KramersTime:
    r"""Mean time from an attractor over a saddle into the next basin.

    Attributes
    ----------
    time
        In the unit of time of the drift; with ``exact=False`` only its logarithm is meaningful, to leading order.
    rate
        Its inverse.
    prefactor
        ``time`` without the exponential factor.
    action
        :math:`S = \Delta U`, the barrier in units of the noise.
    asymmetry
        Largest :math:`\lVert J - J^\top \rVert / \lVert J + J^\top \rVert` in coordinates of unit noise.
    exact
        Whether the prefactor is exact to leading order, which holds for gradient fields.
    valid
        Whether it is exact and the barrier is at least 4; below that the expansion in 1/S fails.
    """

    time: float
    rate: float
    prefactor: float
    action: float
    asymmetry: float
    exact: bool
    valid: bool


def _asymmetry(jac: Tensor) -> Tensor:
    r""":math:`\lVert J - J^\top \rVert / \lVert J + J^\top \rVert` of matrices ``(n, d, d)``, shape ``(n,)``."""
    odd = torch.linalg.matrix_norm(jac - jac.mT)
    return odd / torch.linalg.matrix_norm(jac + jac.mT).clamp_min(TINY)


def kramers_time(
    drift: Drift,
    attractor: ArrayLike | Tensor,
    saddle: Saddle | ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    leading_order: bool = False,
) -> KramersTime:
    r"""Mean time from an attractor over a saddle, by the Eyring-Kramers formula.

    .. math:: \tau = \frac{2\pi}{\lambda_u} \sqrt{\frac{|\det H_s|}{\det H_a}}\; e^{S}

    with the Hessians at the saddle and the attractor and the unstable rate :math:`\lambda_u`, all in coordinates in
    which the noise has unit size, where the drift must be a gradient: :math:`f = -D \nabla U`. The rates over
    several saddles of one basin add up.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, differentiable.
    attractor
        State, shape ``(d,)``.
    saddle
        Saddle record or a state near one.
    diffusion
        Constant: a number, ``(d,)`` or ``(d, d)``. By default that of a model.
    leading_order
        If the drift is not a gradient, return :math:`\tau = (2\pi/\lambda_u) e^S` with the minimum action :math:`S` and
        ``exact=False`` instead of an error.

    Returns
    -------
    Time, rate, and the terms of the formula.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If the diffusion depends on the state, the saddle has another index than 1, the attractor is not stable, or
        the drift is not a gradient and ``leading_order`` is false.

    References
    ----------
    Bovier, Eckhoff, Gayrard, Klein (2004), *J. Eur. Math. Soc.* 6, 399. https://doi.org/10.4171/jems/14
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    low = as_states(attractor, name="attractor")
    if callable(diffusion):
        msg = "The Eyring-Kramers formula needs a constant `diffusion`, found a callable; use `method='simulation'`."
        raise ValueError(msg)
    if not isinstance(saddle, Saddle):
        near = as_states(saddle, name="saddle")
        saddle = find_saddle(drift, near, scale=float((near - low).norm()) or 1.0)
    if not saddle.converged:
        msg = f"Expected a saddle with one unstable direction, found index {saddle.index}, residual {saddle.residual:.2g}."
        raise ValueError(msg)
    ends = torch.cat([low, torch.as_tensor(saddle.x[None])])
    space = whitened(drift, ends, diffusion)
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    share = torch.as_tensor(np.concatenate([[0.0], 0.5 * (nodes + 1), [1.0]]))[:, None]
    line = ends[:1] + share * (ends[1:] - ends[:1])
    white = _white_jacobian(drift, line, space.factor, space.inverse)
    odd = float(_asymmetry(white).max())
    values = torch.linalg.eigvals(white[[0, -1]]).real
    if (values[0] >= 0).any():
        msg = f"Expected a stable `attractor`, found a leading eigenvalue of {float(values[0].max()):.3g}."
        raise ValueError(msg)
    unstable = float(values[1].max())
    if odd <= GRADIENT:
        with torch.no_grad():
            pull = space.velocity(space.inside(line[1:-1]))
        step = space.inside(ends)[1] - space.inside(ends)[0]
        action = -float((torch.as_tensor(weights) * 0.5 * (pull @ step)).sum())
        log_ratio = 0.5 * float(values[1].abs().log().sum() - values[0].abs().log().sum())
        prefactor = 2 * np.pi / unstable * float(np.exp(log_ratio))
        return _record(prefactor, action, odd, exact=True)
    if not leading_order:
        msg = (
            f"The drift is not a gradient in coordinates of unit noise (asymmetry {odd:.2g}), so that the Eyring-Kramers "
            "prefactor does not hold; use `method='simulation'`, or `leading_order=True` for the exponent alone."
        )
        raise ValueError(msg)
    found = barrier(drift, low, saddle, diffusion=diffusion)
    return _record(2 * np.pi / unstable, found.action, odd, exact=False)


def _white_jacobian(drift: Drift, x: Tensor, factor: Tensor, inverse: Tensor) -> Tensor:
    jac = jacobian(drift, x).detach()
    if factor.ndim == 1:
        return inverse[:, None] * jac * factor
    return inverse @ jac @ factor


def _record(prefactor: float, action: float, odd: float, *, exact: bool) -> KramersTime:
    time = prefactor * float(np.exp(action))
    return KramersTime(time, 1 / time, prefactor, action, odd, exact, exact and action >= HIGH)
