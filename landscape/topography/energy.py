"""The Lyapunov energy of a regulatory network whose weights are symmetrisable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics import GeneModel, RegulatoryDrift
from landscape.dynamics.model import drift_of
from landscape.topography.field import as_states

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# ||dW - (dW)'|| / ||dW|| up to which W is symmetrisable: far above rounding, far below that of any fitted network.
SYMMETRISABLE = 1e-9
# Nodes and range of the double-exponential rule, exact to rounding for integrands with logarithmic ends.
NODES, RANGE = 129, 3.4
# Numbers of the integrand in memory at once (128 MB in float64).
BLOCK = 2**24
# Share of the ceiling by which rounding may exceed it.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Symmetriser:
    r"""Positive :math:`d` for which :math:`\mathrm{diag}(d) W` is closest to symmetric, and the residual.

    Attributes
    ----------
    scale
        :math:`d`, shape ``(n,)``; its logarithm has mean 0 on each connected part of the network.
    residual
        :math:`\lVert dW - (dW)^T \rVert / \lVert dW \rVert`, Frobenius; 0 where W is symmetrisable.
    exists
        Whether the residual is zero within rounding.
    """

    scale: NDArray[np.float64]
    residual: float
    exists: bool


def _square(weights: ArrayLike | Tensor) -> NDArray[np.float64]:
    w = np.asarray(weights.detach().numpy() if isinstance(weights, Tensor) else weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[0] != w.shape[1]:
        msg = f"Expected weights of shape (n, n), found {w.shape}."
        raise ValueError(msg)
    if not np.isfinite(w).all():
        msg = f"Expected finite weights, found {np.count_nonzero(~np.isfinite(w))} that are not."
        raise ValueError(msg)
    return w


def asymmetry(weights: ArrayLike | Tensor) -> float:
    r"""Asymmetry index :math:`\lVert W - W^T \rVert / \lVert W + W^T \rVert` (Frobenius).

    0 for a symmetric matrix, about 1 for independent entries, infinite for an antisymmetric one; dimensionless.

    Parameters
    ----------
    weights
        :math:`W`, shape ``(n, n)``.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite.
    """
    w = _square(weights)
    odd = float(torch.linalg.norm(torch.as_tensor(w - w.T)))
    even = float(torch.linalg.norm(torch.as_tensor(w + w.T)))
    if odd == 0:
        return 0.0
    return odd / even if even > 0 else float("inf")


def symmetriser(weights: ArrayLike | Tensor) -> Symmetriser:
    r"""Find :math:`d > 0` with :math:`d_i W_{ij} = d_j W_{ji}`, or the closest approximation.

    On each pair of genes that regulate each other with the same sign, :math:`\log d_i - \log d_j = \log(W_{ji} /
    W_{ij})` is solved by least squares. Edges in one direction only, and edges of opposite signs,
    admit no scale and remain in the residual.

    Parameters
    ----------
    weights
        :math:`W`, shape ``(n, n)``.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite.
    """
    w = _square(weights)
    n = len(w)
    i, j = np.nonzero(np.triu(w * w.T > 0, 1))
    strength = np.sqrt(w[i, j] * w[j, i])
    ratio = np.log(np.abs(w[j, i])) - np.log(np.abs(w[i, j]))
    system = np.zeros((len(i), n))
    system[np.arange(len(i)), i], system[np.arange(len(i)), j] = strength, -strength
    # Of all solutions the one of least norm, whose mean is 0 on each connected part.
    log_scale = np.linalg.lstsq(system, strength * ratio, rcond=None)[0] if len(i) else np.zeros(n)
    scale = np.exp(log_scale)
    scaled = scale[:, None] * w
    size = np.linalg.norm(scaled)
    residual = float(np.linalg.norm(scaled - scaled.T) / size) if size else 0.0
    return Symmetriser(scale, residual, residual <= SYMMETRISABLE)


@dataclass(frozen=True)
class LyapunovEnergy:
    r"""Energy that never rises along the noise-free flow: a callable from states ``(n, d)`` to energies ``(n,)``.

    .. math::
        E(x) = -\tfrac12 \phi^T (dW) \phi - (d (b + u))^T \phi
        + \sum_i d_i \int_0^{x_i} \phi_i'(y) \, s^{-1}(\gamma_i y / a_i) \, dy,
        \qquad \phi = \phi(x)

    Clamped genes enter through their constant level, and their relaxation adds
    :math:`\tfrac12 (x_i - \ell_i)^2`. The flow is a gradient flow in a state-dependent metric,
    :math:`f_i = -M_i \, \partial E / \partial x_i` with :math:`M_i > 0`, so that E is not
    :math:`-D \ln p` for constant or chemical-Langevin noise: its differences are not barriers.

    Attributes
    ----------
    drift
        The drift.
    scale
        :math:`d`, shape ``(n_genes,)``.
    asymmetry, residual
        Asymmetry index of W, and the residual of the symmetriser.
    """

    drift: RegulatoryDrift
    scale: Tensor
    asymmetry: float
    residual: float

    def __call__(self, states: ArrayLike | Tensor) -> Tensor:
        """Energy of states ``(n, d)``, dimensionless, shape ``(n,)``."""
        x, drift, held = self._checked(states), self.drift, list(self.drift.held)
        phi = drift.response(x)
        free = self._free()
        push = self.scale * (drift.bias + drift.signal)
        if held:
            push = push + self.scale * (drift.weights[:, held] @ phi[0, held])
        inner = phi * free
        quadratic = -0.5 * ((inner @ (self.scale[:, None] * drift.weights)) * inner).sum(1)
        rows = max(1, BLOCK // (NODES * x.shape[1]))
        integral = torch.cat([self._integral(part) for part in x.split(rows)])
        energy = quadratic - inner @ push + (integral * (self.scale * free)).sum(1)
        for i, level in drift.held.items():
            energy = energy + 0.5 * (x[:, i] - level) ** 2
        return energy

    def gradient(self, states: ArrayLike | Tensor) -> Tensor:
        r"""Gradient :math:`\partial E/\partial x_i = d_i \phi_i' (s^{-1}(\gamma_i x_i / a_i) - h_i)`, ``(n, d)``."""
        x = self._checked(states)
        drive = torch.logit((self.drift.decay * x / self.drift.ceiling).clamp_min(0.0)) - self.drift.input(x)
        slope = self.drift.response_slope(x)
        gradient = torch.where(slope == 0, 0.0, self.scale * slope * drive)
        for i, level in self.drift.held.items():
            gradient[:, i] = x[:, i] - level
        return gradient

    def _free(self) -> Tensor:
        free = torch.ones(self.drift.n_genes, dtype=torch.float64)
        free[list(self.drift.held)] = 0.0
        return free

    def _checked(self, states: ArrayLike | Tensor) -> Tensor:
        x = as_states(states, name="states")
        if x.shape[1] != self.drift.n_genes:
            msg = f"Expected states with {self.drift.n_genes} genes, found {x.shape[1]}."
            raise ValueError(msg)
        over = (x * self.drift.decay > self.drift.ceiling * (1 + ROUNDING)) & (self._free() > 0)
        if over.any():
            msg = (
                f"The energy is defined up to the ceiling a / gamma of each gene; {int(over.any(1).sum())} of {len(x)} "
                "states exceed it. Clip them: `torch.minimum(x, drift.ceiling / drift.decay)`."
            )
            raise ValueError(msg)
        return x

    def _integral(self, x: Tensor) -> Tensor:
        r"""Integral of :math:`\phi' s^{-1}` from 0 to x by the double-exponential rule, shape of ``x``."""
        t = torch.linspace(-RANGE, RANGE, NODES, dtype=torch.float64)
        inner = torch.pi / 2 * torch.sinh(t)
        low, high = torch.sigmoid(2 * inner), torch.sigmoid(-2 * inner)
        weight = (t[1] - t[0]) * torch.pi * torch.cosh(t) * low * high
        end = x.clamp_min(0.0)[:, :, None]
        top = (self.drift.ceiling / self.drift.decay)[:, None]
        y = end * low
        k, n = self.drift.threshold[:, None], self.drift.hill[:, None]
        slope = n * k**n * y ** (n - 1) / (k**n + y**n) ** 2
        p = y / top
        # The weight vanishes long before rounding makes p zero or one.
        inverse = torch.log(p.clamp_min(TINY)) - torch.log((1 - p).clamp_min(TINY))
        return (slope * inverse * weight).sum(-1) * end[:, :, 0]


def lyapunov_energy(drift: RegulatoryDrift | GeneModel) -> LyapunovEnergy:
    r"""Lyapunov energy of a regulatory drift whose weights are symmetrisable.

    Clamped genes do not respond, so that only the weights among the others matter.

    Parameters
    ----------
    drift
        The drift or a model. Ceilings of the genes that are not clamped must be positive.

    Returns
    -------
    Callable from states to energies, which never rise along the noise-free flow.

    Raises
    ------
    TypeError
        If the drift is not a :class:`~landscape.dynamics.RegulatoryDrift`.
    ValueError
        If the weights are not symmetrisable: no such energy is known then, and that of the symmetric part rises on about
        half of the steps.

    References
    ----------
    Cohen, Grossberg (1983), *IEEE Transactions on Systems, Man, and Cybernetics* 13, 815.
    https://doi.org/10.1109/TSMC.1983.6313075
    """
    drift = drift_of(drift)
    if not isinstance(drift, RegulatoryDrift):
        msg = f"Expected a RegulatoryDrift, found {type(drift).__name__}; other drifts have no known energy."
        raise TypeError(msg)
    free = [i for i in range(drift.n_genes) if i not in drift.held]
    if (drift.ceiling[free] <= 0).any():
        msg = "Expected a positive `ceiling` of every gene that is not clamped; clamp genes without production at zero."
        raise ValueError(msg)
    weights = drift.weights[free][:, free]
    found, index = symmetriser(weights), asymmetry(weights)
    if not found.exists:
        msg = (
            f"The weights are not symmetrisable: asymmetry index {index:.3g}, and {found.residual:.3g} remains after "
            "the best scaling (0 needed), so that the energy would rise along the flow. Use the quasi-potential, "
            "`landscape.topography.minimum_action`."
        )
        raise ValueError(msg)
    scale = torch.ones(drift.n_genes, dtype=torch.float64)
    scale[free] = torch.as_tensor(found.scale)
    return LyapunovEnergy(drift, scale, index, found.residual)
