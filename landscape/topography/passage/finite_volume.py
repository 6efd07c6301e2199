"""Finite-volume discretisation of the stochastic dynamics in one or two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from landscape.dynamics import Drift, evaluate
from landscape.topography.whitening import constant_diffusion, diffusion_diagonal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from landscape.dynamics.sde import Diffusion


@dataclass(frozen=True)
class FiniteVolumes:
    """Rates between volumes: ``generator`` csr ``(n, n)`` with rows that sum to 0, and their centres ``points`` ``(n, d)``."""

    generator: sparse.csr_array
    points: NDArray[np.float64]

    def jump_chain(self) -> sparse.csr_array:
        """Transition matrix of the embedded jump chain, which has the hitting probabilities of the process."""
        leaving = -self.generator.diagonal()
        chain = sparse.csr_array(sparse.diags_array(1 / leaving) @ self.generator)
        chain.setdiag(0.0)
        chain.eliminate_zeros()
        return chain

    def ball(self, centre: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
        """Indices of the volumes whose centre lies in a ball."""
        return np.flatnonzero(np.linalg.norm(self.points - centre, axis=1) <= radius)


# Below this the Bernoulli function is its Taylor polynomial to rounding; beyond the other its exponential overflows.
SMALL, MAX_EXPONENT = 1e-8, 700


def bernoulli(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bernoulli function u / (exp(u) - 1), finite everywhere."""
    small = np.abs(u) < SMALL
    safe = np.clip(np.where(small, 1.0, u), -MAX_EXPONENT, MAX_EXPONENT)
    return np.where(small, 1 - u / 2, safe / np.expm1(safe))


def finite_volumes(
    drift: Drift,
    lower: Sequence[float] | NDArray,
    upper: Sequence[float] | NDArray,
    shape: Sequence[int],
    *,
    diffusion: Diffusion,
) -> FiniteVolumes:
    r"""Finite-volume generator with reflecting walls and exponentially fitted rates.

    .. math:: q_{i \to j} = \frac{D}{h^2} B\!\left(-\frac{v h}{D}\right), \qquad B(u) = \frac{u}{e^u - 1}

    with the velocity :math:`v = f - D'` at the face (Ito). In one dimension the stationary distribution is exact at
    the centres for any spacing if :math:`v h / D` is the exact integral over the link, and of second order otherwise.

    References
    ----------
    Scharfetter and Gummel (1969), *IEEE Trans. Electron Devices* 16, 64. https://doi.org/10.1109/T-ED.1969.16566
    """
    d = len(shape)
    if d not in (1, 2):
        msg = f"Expected one or two dimensions on a grid, found {d}; use `method='simulation'`."
        raise ValueError(msg)
    axes = [np.linspace(lo, hi, n) for lo, hi, n in zip(lower, upper, shape, strict=True)]
    points = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
    level = _diagonals(diffusion, points)
    cells = np.arange(len(points)).reshape(shape)
    rows, columns, rates = [], [], []
    for axis in range(d):
        h = axes[axis][1] - axes[axis][0]
        i = np.take(cells, np.arange(shape[axis] - 1), axis).ravel()
        j = np.take(cells, np.arange(1, shape[axis]), axis).ravel()
        middle = torch.as_tensor(0.5 * (points[i] + points[j]))
        velocity = evaluate(drift, middle).detach().numpy()[:, axis] - (level[j, axis] - level[i, axis]) / h
        noise = 0.5 * (level[i, axis] + level[j, axis])
        push = velocity * h / noise
        rows += [i, j]
        columns += [j, i]
        rates += [noise / h**2 * bernoulli(-push), noise / h**2 * bernoulli(push)]
    off = sparse.csr_array(
        (np.concatenate(rates), (np.concatenate(rows), np.concatenate(columns))), shape=(len(points),) * 2
    )
    return FiniteVolumes(sparse.csr_array(off - sparse.diags_array(off.sum(1))), points)


def _diagonals(diffusion: Diffusion, points: NDArray[np.float64]) -> NDArray[np.float64]:
    if callable(diffusion):
        return diffusion_diagonal(diffusion, torch.as_tensor(points)).detach().numpy()
    value = constant_diffusion(diffusion, points.shape[1])
    if value.ndim == 2:
        off = value - torch.diag(value.diagonal())
        if bool((off != 0).any()):
            msg = "A grid needs a diagonal `diffusion`, found a matrix with correlations; use `method='simulation'`."
            raise ValueError(msg)
        value = value.diagonal()
    return np.broadcast_to(value.numpy(), points.shape)
