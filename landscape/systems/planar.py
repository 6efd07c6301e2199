"""Two-dimensional systems that are not gradients: an exit problem, a gene toggle, and a limit cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import erf
from torch import Tensor

# Accuracy of roots in one dimension, of the activation at the pitchfork, and the drift at a fixed point: all close to
# rounding for levels of order 1.
ROOT, PITCHFORK, RESIDUAL = 1e-14, 1e-12, 1e-12
# Lower end of the bracket of the symmetric fixed point: the drift is positive there.
SMALLEST_LEVEL = 1e-9
# Starts along each axis and Newton steps, far more than convergence needs; decimals in which equal points agree.
N_STARTS, N_NEWTON, SAME_DIGITS = 21, 60, 7


@dataclass(frozen=True)
class MaierStein:
    r"""System of Maier and Stein, :math:`f(u, v) = (u - u^3 - \beta u v^2,\; -(1 + u^2) v)`.

    A gradient only for :math:`\beta = 1`. The minimum-action path from :math:`(-1, 0)` to the saddle :math:`(0, 0)` is the
    axis up to :math:`\beta = 4` and leaves it beyond.

    Attributes
    ----------
    beta
        :math:`\beta > 0`.

    References
    ----------
    Maier & Stein (1996), *J. Stat. Phys.* 83, 291. https://doi.org/10.1007/BF02183736
    """

    beta: float = 10.0

    def drift(self, x: Tensor) -> Tensor:
        """Drift at states of shape ``(n, 2)``."""
        u, v = x[:, 0], x[:, 1]
        return torch.stack([u - u**3 - self.beta * u * v**2, -(1 + u**2) * v], dim=1)

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    def fixed_points(self) -> np.ndarray:
        """Left well, saddle, right well, shape ``(3, 2)``."""
        return np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])

    def action(self, diffusion: float) -> float:
        r"""Action from a well to the saddle for :math:`\beta \le 4`, where the axis is the path: :math:`1/(4D)`.

        Raises
        ------
        ValueError
            If :math:`\beta > 4`: there is no closed form (at :math:`\beta = 10`: :math:`0.1700/D`).
        """
        if self.beta > 4:
            msg = f"Expected beta at most 4, found {self.beta}; beyond, the path leaves the axis; use `minimum_action`."
            raise ValueError(msg)
        return 0.25 / diffusion


@dataclass(frozen=True)
class HuangToggle:
    r"""GATA1-PU.1 toggle of Huang et al.

    .. math:: \dot x = a \frac{x^n}{\theta^n + x^n} + b \frac{\theta^n}{\theta^n + y^n} - k x, \qquad x \leftrightarrow y

    With the default parameters three states are stable: the undecided centre (1, 1), (1.99608, 0.00392) and its mirror
    image; (1.51158, 0.48842) and its mirror image are saddles. D times the action to a saddle is 0.04418 from the centre
    and 0.05619 from a side (numerical values, without a closed form).

    Attributes
    ----------
    activation, repression
        :math:`a, b`.
    decay
        :math:`k`.
    hill, threshold
        :math:`n, \theta`.

    References
    ----------
    Huang et al. (2007), *Dev. Biol.* 305, 695. https://doi.org/10.1016/j.ydbio.2007.02.036
    """

    activation: float = 1.0
    repression: float = 1.0
    decay: float = 1.0
    hill: float = 4.0
    threshold: float = 0.5

    def drift(self, x: Tensor) -> Tensor:
        """Drift at states of shape ``(n, 2)``; negative levels act as 0."""
        powered = x.clamp_min(0.0) ** self.hill
        half = self.threshold**self.hill
        gate = powered / (half + powered)
        return self.activation * gate + self.repression * (1.0 - gate.flip(1)) - self.decay * x

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    def centre(self) -> float:
        r"""Level :math:`c` of the symmetric fixed point, :math:`a h(c) + b (1 - h(c)) = k c`."""
        top = (self.activation + self.repression) / self.decay + 1.0
        return float(brentq(self._symmetric, SMALLEST_LEVEL, top, xtol=ROOT))

    def centre_eigenvalues(self) -> tuple[float, float]:
        r"""Eigenvalues of the centre along (1, 1) and (1, -1): :math:`(a - b) h' - k` and :math:`(a + b) h' - k`."""
        slope = float(self._slope(self.centre()))
        return (
            (self.activation - self.repression) * slope - self.decay,
            (self.activation + self.repression) * slope - self.decay,
        )

    def pitchfork(self, lower: float = 0.0, upper: float = 10.0) -> float:
        """Pitchfork bifurcation: activation above which the centre is stable, with the other parameters unchanged; 0.7744750 by default."""

        def leading(activation: float) -> float:
            changed = HuangToggle(activation, self.repression, self.decay, self.hill, self.threshold)
            return changed.centre_eigenvalues()[1]

        return float(brentq(leading, lower, upper, xtol=PITCHFORK))

    def fixed_points(self) -> np.ndarray:
        """All fixed points with non-negative levels, sorted, shape ``(m, 2)``, by Newton's method from a grid."""
        top = (self.activation + self.repression) / self.decay
        x = np.stack(np.meshgrid(*[np.linspace(0.0, top, N_STARTS)] * 2), -1).reshape(-1, 2)
        for _ in range(N_NEWTON):
            slope = self._slope(np.maximum(x, 0.0))
            own, other = self.activation * slope - self.decay, -self.repression * slope[:, ::-1]
            f = self._numpy(x)
            # Cramer's rule for the rows (own_0, other_0), (other_1, own_1).
            determinant = own[:, 0] * own[:, 1] - other[:, 0] * other[:, 1]
            newton = (f * own[:, ::-1] - other * f[:, ::-1]) / determinant[:, None]
            x = np.clip(x - newton, 0.0, 2 * top)
        x = x[np.abs(self._numpy(x)).max(1) < RESIDUAL]
        return x[np.unique(x.round(SAME_DIGITS), axis=0, return_index=True)[1]]

    def _numpy(self, x: np.ndarray) -> np.ndarray:
        return self.drift(torch.as_tensor(x, dtype=torch.float64)).numpy()

    def _symmetric(self, c: float) -> float:
        gate = c**self.hill / (self.threshold**self.hill + c**self.hill)
        return self.activation * gate + self.repression * (1 - gate) - self.decay * c

    def _slope(self, c: float | np.ndarray) -> np.ndarray:
        n, half = self.hill, self.threshold**self.hill
        return np.asarray(n * half * c ** (n - 1) / (half + c**n) ** 2)


@dataclass(frozen=True)
class HopfCycle:
    r"""Normal form of the Hopf bifurcation (Stuart-Landau), :math:`\dot z = (\mu + i\omega) z - (1 + ic) |z|^2 z`.

    Its limit cycle is a circle of radius :math:`\sqrt\mu`; in polar form :math:`\dot r = \mu r - r^3`, :math:`\dot\theta = \omega - c r^2`.

    Attributes
    ----------
    growth
        :math:`\mu > 0`.
    frequency
        :math:`\omega`.
    shear
        :math:`c`.
    """

    growth: float = 1.0
    frequency: float = 1.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        if not self.growth > 0:
            msg = f"Expected positive `growth`, found {self.growth}; otherwise there is no cycle."
            raise ValueError(msg)
        if self.frequency == self.shear * self.growth:
            msg = f"Expected a cycle that turns, found frequency {self.frequency} = shear * growth."
            raise ValueError(msg)

    def drift(self, x: Tensor) -> Tensor:
        """Drift at states of shape ``(n, 2)``."""
        r2 = (x**2).sum(1, keepdim=True)
        turned = torch.stack([-x[:, 1], x[:, 0]], dim=1)
        return (self.growth - r2) * x + (self.frequency - self.shear * r2) * turned

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    @property
    def radius(self) -> float:
        r"""Radius :math:`\sqrt\mu`."""
        return float(np.sqrt(self.growth))

    @property
    def period(self) -> float:
        r"""Period :math:`2\pi / |\omega - c\mu|`."""
        return float(2 * np.pi / abs(self.frequency - self.shear * self.growth))

    @property
    def floquet_multiplier(self) -> float:
        r"""Floquet multiplier :math:`e^{-2\mu T}` of a displacement off the cycle over one period."""
        return float(np.exp(-2 * self.growth * self.period))

    def fixed_points(self) -> np.ndarray:
        """The origin, an unstable focus, shape ``(1, 2)``."""
        return np.zeros((1, 2))

    def action(self, diffusion: float) -> float:
        r"""Action from the cycle to the origin: :math:`\mu^2 / (4D)` (the radial part is a gradient)."""
        return self.growth**2 / (4 * diffusion)

    def density(self, x: Tensor, diffusion: float) -> Tensor:
        r"""Stationary density, shape ``(n,)``; it is independent of the rotation.

        .. math::
            p = \frac{e^{-(r^2 - \mu)^2 / (4D)}}{\pi \sqrt{\pi D}\, (1 + \mathrm{erf}(\mu / (2 \sqrt D)))}
        """
        root_d = np.sqrt(diffusion)
        normaliser = np.pi * np.sqrt(np.pi) * root_d * (1 + erf(self.growth / (2 * root_d)))
        return torch.exp(-(((x**2).sum(1) - self.growth) ** 2) / (4 * diffusion)) / normaliser
