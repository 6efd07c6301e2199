"""The Ornstein-Uhlenbeck process, with rotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import expm, solve_continuous_lyapunov
from torch import Tensor


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    r"""Linear process :math:`dx = A x\,dt + \sqrt{2D}\,dB`.

    Attributes
    ----------
    matrix
        :math:`A`, shape ``(d, d)``, every eigenvalue with negative real part.
    diffusion
        :math:`D`, symmetric positive definite, shape ``(d, d)``.

    Raises
    ------
    ValueError
        If the process has no stationary distribution or the diffusion is not symmetric positive definite.
    """

    matrix: np.ndarray
    diffusion: np.ndarray

    def __post_init__(self) -> None:
        a, d = self.matrix, self.diffusion
        if a.ndim != 2 or a.shape[0] != a.shape[1] or d.shape != a.shape:
            msg = f"Expected two square matrices of one size, found {a.shape} and {d.shape}."
            raise ValueError(msg)
        if not np.linalg.eigvals(a).real.max() < 0:
            msg = f"Expected eigenvalues with negative real parts, found {np.linalg.eigvals(a).real.max():.4g}."
            raise ValueError(msg)
        if not np.allclose(d, d.T) or not np.linalg.eigvalsh(d).min() > 0:
            msg = "Expected a symmetric positive definite `diffusion`."
            raise ValueError(msg)

    @classmethod
    def rotating(cls, rotation: float, *, decay: float = 1.0, diffusion: float = 1.0) -> OrnsteinUhlenbeck:
        r"""Isotropic rotating process in the plane: :math:`A = -\gamma I + \omega R`; :math:`e_p = 2\omega^2/\gamma`."""
        return cls(np.array([[-decay, rotation], [-rotation, -decay]]), diffusion * np.eye(2))

    def drift(self, x: Tensor) -> Tensor:
        """Drift :math:`A x` at states of shape ``(n, d)``."""
        return x @ torch.as_tensor(self.matrix, dtype=x.dtype).T

    def __call__(self, x: Tensor) -> Tensor:
        """Drift."""
        return self.drift(x)

    def fixed_points(self) -> np.ndarray:
        """The origin, shape ``(1, d)``."""
        return np.zeros((1, len(self.matrix)))

    def covariance(self) -> np.ndarray:
        r"""Stationary covariance :math:`\Sigma` from Lyapunov's equation :math:`A\Sigma + \Sigma A^T + 2D = 0`."""
        return solve_continuous_lyapunov(self.matrix, -2.0 * self.diffusion)

    def density(self, x: np.ndarray) -> np.ndarray:
        """Stationary Gaussian density at states ``(n, d)``, shape ``(n,)``."""
        normaliser = np.sqrt(np.linalg.det(2 * np.pi * self.covariance()))
        return np.exp(-self.action(x)) / normaliser

    def action(self, x: np.ndarray) -> np.ndarray:
        r"""Action :math:`S(0 \to x) = \tfrac12 x^T \Sigma^{-1} x` at states ``(n, d)``, shape ``(n,)``."""
        return 0.5 * np.einsum("ni,ni->n", x, np.linalg.solve(self.covariance(), x.T).T)

    def moments(self, start: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
        r"""Mean :math:`e^{At} x_0` and covariance :math:`\Sigma - e^{At} \Sigma e^{A^T t}` after a time."""
        propagator, sigma = expm(self.matrix * time), self.covariance()
        return propagator @ start, sigma - propagator @ sigma @ propagator.T

    def entropy_production(self) -> float:
        r"""Entropy production rate :math:`\mathrm{tr}(A \Sigma A^T D^{-1}) + \mathrm{tr} A`."""
        a, sigma = self.matrix, self.covariance()
        return float(np.trace(a @ sigma @ a.T @ np.linalg.inv(self.diffusion)) + np.trace(a))
