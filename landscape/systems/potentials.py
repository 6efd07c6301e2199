"""Double wells, whose stationary and transition properties are integrals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.integrate import quad
from scipy.linalg import eigvalsh_tridiagonal
from torch import Tensor

# The densities vanish to double precision outside, for every diffusion up to 1.
EDGE = 6.0
# Edge of the grid of the generator, where the weight is below 1e-13 for a diffusion of 0.2.
GRID_EDGE = 2.5
# Subintervals of adaptive quadrature: sharp peaks of small diffusions need many.
MAX_INTERVALS = 400
# Below this the Bernoulli function is its Taylor polynomial to rounding.
SMALL = 1e-8


@dataclass(frozen=True)
class DoubleWell:
    r"""Double well :math:`V(x) = x^4/4 - x^2/2 - c x` in one dimension, :math:`dx = -V'(x)\,dt + \sqrt{2D}\,dB`.

    Attributes
    ----------
    tilt
        :math:`c`; positive favours the right well. Two wells exist while :math:`|c| < 2/\sqrt{27}`.

    Raises
    ------
    ValueError
        If the tilt removes a well.
    """

    tilt: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.tilt) < 2.0 / np.sqrt(27.0):
            msg = f"Expected |tilt| below 2/sqrt(27) = 0.3849, where both wells exist, found {self.tilt}."
            raise ValueError(msg)

    def potential(self, x: float | np.ndarray) -> float | np.ndarray:
        """Potential :math:`V(x)`."""
        return 0.25 * x**4 - 0.5 * x**2 - self.tilt * x

    def drift(self, x: Tensor) -> Tensor:
        """Drift :math:`x - x^3 + c` at states of shape ``(n, 1)``."""
        return x - x**3 + self.tilt

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    def fixed_points(self) -> np.ndarray:
        """Left well, saddle, right well, shape ``(3,)``: the roots of :math:`x^3 - x - c`."""
        # Three real roots, so the imaginary parts are rounding errors.
        return np.sort(np.roots([1.0, 0.0, -1.0, -self.tilt]).real)

    def barrier(self, well: int = 0) -> float:
        r"""Barrier :math:`\Delta V` from a well (0 left, 1 right) to the saddle; 1/4 without tilt."""
        left, saddle, right = self.fixed_points()
        return float(self.potential(saddle) - self.potential((left, right)[well]))

    def action(self, diffusion: float, well: int = 0) -> float:
        r"""Action :math:`S = \Delta V / D` from a well to the saddle."""
        return self.barrier(well) / diffusion

    def partition_function(self, diffusion: float) -> float:
        r""":math:`Z = \int e^{-V/D} dx`."""
        return _integral(lambda x: np.exp(-self.potential(x) / diffusion), -EDGE, EDGE)

    def density(self, x: float | np.ndarray, diffusion: float) -> float | np.ndarray:
        r"""Stationary density :math:`e^{-V(x)/D} / Z`."""
        return np.exp(-self.potential(x) / diffusion) / self.partition_function(diffusion)

    def mean_passage_time(self, start: float, target: float, diffusion: float) -> float:
        r"""Exact mean first passage time.

        .. math:: \tau = \frac1D \int_{a}^{b} e^{V(y)/D} \int_{-\infty}^{y} e^{-V(z)/D}\,dz\,dy

        from a to b > a, and its mirror image for b < a. See Gardiner, *Handbook of Stochastic Methods*, 5.2.7.
        """
        if start > target:
            return DoubleWell(-self.tilt).mean_passage_time(-start, -target, diffusion)

        def inner(y: float) -> float:
            # One exponential of the difference, because each factor alone overflows for small D.
            top = self.potential(y)
            return _integral(lambda z: np.exp((top - self.potential(z)) / diffusion), -EDGE, y)

        return _integral(inner, start, target) / diffusion

    def kramers_time(self, diffusion: float, well: int = 0) -> float:
        r"""Kramers' time :math:`2\pi e^{\Delta V/D} / \sqrt{V''(a)\,|V''(b)|}` from a well over the saddle."""
        left, saddle, right = self.fixed_points()
        a = (left, right)[well]
        return float(2 * np.pi * np.exp(self.action(diffusion, well)) / np.sqrt((3 * a**2 - 1) * (1 - 3 * saddle**2)))

    def committor(self, x: float, diffusion: float, *, left: float = -1.0, right: float = 1.0) -> float:
        r"""Probability to reach ``right`` before ``left``: :math:`\int_{l}^{x} e^{V/D} / \int_{l}^{r} e^{V/D}`."""
        x = float(np.clip(x, left, right))
        return self._resistance(left, x, diffusion) / self._resistance(left, right, diffusion)

    def transition_rate(self, diffusion: float, *, left: float = -1.0, right: float = 1.0) -> float:
        r"""Forward transitions per unit time in the stationary state, :math:`D / (Z \int_l^r e^{V/D} dx)`."""
        return diffusion / (self.partition_function(diffusion) * self._resistance(left, right, diffusion))

    def spectral_gap(self, diffusion: float, n: int = 4001) -> float:
        """Smallest positive rate of the generator, on ``n`` nodes (Scharfetter-Gummel, symmetrised; error O(1/n^2))."""
        x = np.linspace(-GRID_EDGE, GRID_EDGE, n)
        u = np.diff(self.potential(x)) / diffusion
        h2 = (x[1] - x[0]) ** 2
        up, down = diffusion / h2 * _bernoulli(u), diffusion / h2 * _bernoulli(-u)
        out = np.zeros(n)
        out[:-1] += up
        out[1:] += down
        return float(eigvalsh_tridiagonal(out, -np.sqrt(up * down), select="i", select_range=(1, 1))[0])

    def _resistance(self, a: float, b: float, diffusion: float) -> float:
        return _integral(lambda y: np.exp(self.potential(y) / diffusion), a, b)


@dataclass(frozen=True)
class CurlDoubleWell:
    r"""Double well in two dimensions with a rotation that does not change its stationary density.

    .. math::
        V(x, y) = \tfrac14 x^4 - \tfrac12 x^2 + \tfrac12 y^2, \qquad
        f = -\nabla V + \kappa R \nabla V, \qquad R = \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}

    With constant diffusion the stationary density is :math:`e^{-V/D}/Z` for every :math:`\kappa`.

    Attributes
    ----------
    kappa
        Strength of the rotation.
    """

    kappa: float = 1.0

    def potential(self, x: Tensor) -> Tensor:
        """Potential at states ``(n, 2)``, shape ``(n,)``."""
        return 0.25 * x[:, 0] ** 4 - 0.5 * x[:, 0] ** 2 + 0.5 * x[:, 1] ** 2

    def drift(self, x: Tensor) -> Tensor:
        """Drift at states of shape ``(n, 2)``."""
        gx, gy = x[:, 0] ** 3 - x[:, 0], x[:, 1]
        return torch.stack([-gx + self.kappa * gy, -gy - self.kappa * gx], dim=1)

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    def fixed_points(self) -> np.ndarray:
        """Left well, saddle, right well, shape ``(3, 2)``."""
        return np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])

    def density(self, x: Tensor, diffusion: float) -> Tensor:
        r"""Stationary density :math:`e^{-V/D} / (Z_x \sqrt{2\pi D})`, shape ``(n,)``."""
        normaliser = DoubleWell().partition_function(diffusion) * np.sqrt(2 * np.pi * diffusion)
        return torch.exp(-self.potential(x) / diffusion) / normaliser

    def action(self, diffusion: float) -> float:
        r"""Action :math:`S = \Delta V / D = 1/(4D)` from a well to the saddle, independent of the rotation."""
        return 0.25 / diffusion

    def entropy_production(self, diffusion: float) -> float:
        r"""Entropy production rate.

        .. math:: e_p = \kappa^2 \langle |\nabla V|^2 \rangle / D = \kappa^2 \langle \Delta V \rangle = 3 \kappa^2 \langle x^2 \rangle
        """
        well = DoubleWell()
        second = _integral(lambda x: x**2 * np.exp(-well.potential(x) / diffusion), -EDGE, EDGE)
        return 3.0 * self.kappa**2 * second / well.partition_function(diffusion)


def _integral(f: Callable[[float], Any], a: float, b: float) -> float:
    return float(quad(f, a, b, limit=MAX_INTERVALS, points=[p for p in (-1.0, 0.0, 1.0) if a < p < b] or None)[0])


def _bernoulli(u: np.ndarray) -> np.ndarray:
    small = np.abs(u) < SMALL
    return np.where(small, 1 - u / 2, u / np.expm1(np.where(small, 1.0, u)))
