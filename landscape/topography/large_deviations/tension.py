"""Tension of a path: derivative of its minimum action in every parameter of a regulatory drift, by the envelope theorem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._threads import on_one_thread
from landscape.dynamics import Drift, GeneModel, RegulatoryDrift
from landscape.dynamics.model import drift_of
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.parameter_slopes import parameter_slopes
from landscape.topography.whitening import whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion


@dataclass(frozen=True, eq=False)
class Pull:
    r"""How a path's action depends on the drift along it.

    Attributes
    ----------
    midpoints
        Midpoints of the segments, shape ``(n, d)``.
    force
        :math:`\partial S / \partial f` at each midpoint, shape ``(n, d)``.
    action
        Action of each segment, shape ``(n,)``: the product of force and drift, summed over variables.
    """

    midpoints: NDArray[np.float64]
    force: NDArray[np.float64]
    action: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tension:
    r"""Derivatives of a minimum action in the parameters of a regulatory drift.

    The first six are plain derivatives; the last ones are per e-fold, in units of the action.

    Attributes
    ----------
    action
        :math:`S` of the discretised path, to which the derivatives belong.
    weights
        :math:`\partial S/\partial W`, shape ``(d, d)``, ``[target, regulator]``.
    bias, ceiling, decay, threshold, hill
        :math:`\partial S/\partial b, a, \gamma, k, n`, each of shape ``(d,)``; that of the signal is that of the bias.
    strength
        :math:`\sum_i W_{ij}\, \partial S/\partial W_{ij}`, shape ``(d,)``: all ropes of gene :math:`j`, its outgoing edges,
        made stronger together.
    production, turnover
        :math:`a_i\, \partial S/\partial a_i` and :math:`\gamma_i\, \partial S/\partial \gamma_i`, shape ``(d,)``. Over all genes,
        both together sum to ``action``.
    edges
        :math:`W_{ij}\, \partial S/\partial W_{ij}`, shape ``(d, d)``, ``[target, regulator]``.
    strength_along
        Share of each segment in ``strength``, shape ``(n, d)``.
    """

    action: float
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    decay: NDArray[np.float64]
    threshold: NDArray[np.float64]
    hill: NDArray[np.float64]
    strength: NDArray[np.float64]
    production: NDArray[np.float64]
    turnover: NDArray[np.float64]
    edges: NDArray[np.float64]
    strength_along: NDArray[np.float64]


def path_pull(drift: Drift, path: ArrayLike | Tensor, *, diffusion: Diffusion | None = None) -> Pull:
    r"""Derivative of the action of a path in the drift along it.

    .. math:: S = \sum_k \tfrac12 \frac{|d_k| |f_k| - \langle d_k, f_k \rangle}{D}, \qquad
              \frac{\partial S}{\partial f_k} = \tfrac12 D^{-1} \Big(|d_k| \frac{f_k}{|f_k|} - d_k\Big)

    with :math:`d_k` the segments, :math:`f_k` the drift at their midpoints, and norms in :math:`D^{-1}`. Where the drift vanishes its
    direction is taken to be zero.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``.
    path
        States, shape ``(n + 1, d)``.
    diffusion
        As in :func:`landscape.topography.minimum_action`.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If the path has fewer than two states, or drift or diffusion are invalid.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    states = as_states(path, name="path")
    if len(states) < 2:
        msg = f"Expected a path of at least two states, found {len(states)}."
        raise ValueError(msg)
    space = whitened(drift, states, diffusion)
    with torch.no_grad():
        y = space.inside(states)
        d, m = y[1:] - y[:-1], 0.5 * (y[1:] + y[:-1])
        f, weight = space.velocity(m), space.resistance(m)
        df, ff = (d, f) if weight is None else (d * weight, f * weight)
        length, speed = (df * d).sum(1).sqrt(), (ff * f).sum(1).sqrt()
        ahead = torch.where(speed > 0, length / speed.clamp_min(torch.finfo(speed.dtype).tiny), 0.0)
        force = 0.5 * (ahead[:, None] * ff - df)
        action = 0.5 * (length * speed - (df * f).sum(1))
        outside = force * space.inverse if space.inverse.ndim == 1 else force @ space.inverse
    middle = 0.5 * (states[1:] + states[:-1])
    return Pull(middle.numpy(), outside.numpy(), action.numpy())


@on_one_thread
def tension(
    drift: RegulatoryDrift | GeneModel, path: ArrayLike | Tensor, *, diffusion: Diffusion | None = None
) -> Tension:
    r"""Derivative of a minimum action in every parameter of a regulatory drift, from one pass over its path.

    .. math:: \frac{dS}{d\theta} = \sum_k \frac{\partial S}{\partial f_k} \cdot \frac{\partial f}{\partial \theta}(m_k)

    with :math:`m_k` the midpoints of the segments and the force of :func:`path_pull`. The path itself changes with the
    parameter, but the action is stationary in it (envelope theorem). Its ends, fixed points, move too, and contribute
    :math:`p \cdot dx/d\theta` with the momentum :math:`p = \tfrac12 D^{-1} (|f|\, x'/|x'| - f)`, which is zero where
    :math:`f = 0`. The derivatives are those of the discretised action: of the order of the squared spacing away from the
    limit, and to first order in how far the path is from the minimum.

    Scaling all :math:`a` and :math:`\gamma` scales the drift and with it the action, so that
    :math:`\sum_i (\partial S/\partial \ln a_i + \partial S/\partial \ln \gamma_i) = S` on every path.

    Parameters
    ----------
    drift
        Regulatory drift, or a model with one.
    path
        States of a minimum-action path from a fixed point to a fixed point, shape ``(n + 1, d)``, such as
        ``minimum_action(...).path``. What follows downhill adds nothing.
    diffusion
        As in :func:`landscape.topography.minimum_action`.

    Returns
    -------
    Record with the derivatives.

    Raises
    ------
    TypeError
        If the drift is no regulatory drift, or there is no ``diffusion`` and the drift is not a model.
    ValueError
        If the path or the diffusion is invalid.

    References
    ----------
    Wells, Kath and Motter (2015), *Phys. Rev. X* 5, 031036. https://doi.org/10.1103/PhysRevX.5.031036

    Examples
    --------
    >>> import numpy as np, landscape as ls
    >>> drift = ls.dynamics.RegulatoryDrift.from_arrays([[4.0, -6.0], [-6.0, 4.0]], bias=0.5, hill=4.0)
    >>> high, top = [0.985962, 0.005895], [0.438966, 0.438966]
    >>> climb = ls.topography.minimum_action(drift, high, top, diffusion=1.0, split=False)
    >>> ropes = ls.topography.tension(drift, climb.path, diffusion=1.0)
    >>> bool(np.isclose(ropes.production.sum() + ropes.turnover.sum(), ropes.action))
    True
    """
    inner = drift_of(drift)
    if not isinstance(inner, RegulatoryDrift):
        msg = f"Expected a RegulatoryDrift or a model with one, found {type(inner).__name__}; `path_pull` takes any drift."
        raise TypeError(msg)
    pull = path_pull(drift, path, diffusion=diffusion)
    x = torch.as_tensor(pull.midpoints)
    array = {
        name: getattr(inner, name).detach().numpy() for name in ("weights", "ceiling", "decay", "threshold", "hill")
    }
    with torch.no_grad():
        slopes = parameter_slopes(inner, x)
    phi, steep = slopes.response.numpy(), pull.force * slopes.bias.numpy()
    ceiling, decay = ((pull.force * part.numpy()).sum(0) for part in (slopes.ceiling, slopes.decay))
    # What acts on the targets: a held gene's level.
    acting = pull.midpoints.copy()
    acting[:, list(inner.held)] = list(inner.held.values())
    weights = steep.T @ phi
    back = steep @ array["weights"]
    along, bend = back * phi, back * phi * (1 - phi)
    level = np.where(acting > 0, acting, array["threshold"])  # a gene that is off has no response to bend
    return Tension(
        action=float(pull.action.sum()),
        weights=weights,
        bias=steep.sum(0),
        ceiling=ceiling,
        decay=decay,
        threshold=-(bend * array["hill"] / array["threshold"]).sum(0),
        hill=(bend * np.log(level / array["threshold"])).sum(0),
        strength=along.sum(0),
        production=array["ceiling"] * ceiling,
        turnover=array["decay"] * decay,
        edges=array["weights"] * weights,
        strength_along=along,
    )
