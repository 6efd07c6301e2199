"""Whitened coordinates, in which a constant diffusion is the identity, and checks of diffusions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape.dynamics import Drift, evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.dynamics.sde import Diffusion


# Relative asymmetry of a matrix that is rounding.
SYMMETRY = 1e-10


@dataclass(frozen=True)
class WhitenedDrift:
    r"""Drift in :math:`y = L^{-1} (x - c)` with :math:`D = L L^\top`: coordinates in which the noise has unit size.

    A state-dependent :math:`D(x)` is whitened by its geometric mean; ``resistance`` is the remaining factor.

    Attributes
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    centre
        :math:`c`, shape ``(d,)``.
    factor, inverse
        :math:`L` and :math:`L^{-1}`, shape ``(d, d)``, or their diagonals, shape ``(d,)``.
    diffusion
        The callable, or ``None`` for a constant diffusion.
    """

    drift: Drift
    centre: Tensor
    factor: Tensor
    inverse: Tensor
    diffusion: Callable[[Tensor], Tensor] | None = None

    def inside(self, x: Tensor) -> Tensor:
        """Convert states to whitened coordinates."""
        return apply(self.inverse, x - self.centre)

    def outside(self, y: Tensor) -> Tensor:
        """Convert whitened coordinates to states."""
        return self.centre + apply(self.factor, y)

    def velocity(self, y: Tensor) -> Tensor:
        """Velocity in whitened coordinates, differentiable."""
        return apply(self.inverse, self.drift(self.outside(y)))

    def resistance(self, y: Tensor) -> Tensor | None:
        r"""Diagonal of the inverse diffusion in whitened coordinates, ``(n, d)``; ``None`` where it is the identity."""
        if self.diffusion is None:
            return None
        return self.factor**2 / diffusion_diagonal(self.diffusion, self.outside(y))


def apply(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Apply a matrix, or a diagonal, to each row."""
    return vectors * matrix if matrix.ndim == 1 else vectors @ matrix.T


def whitened(drift: Drift, states: Tensor, diffusion: Diffusion) -> WhitenedDrift:
    """Whitened drift around the mean of given states, at which drift and diffusion are checked.

    Raises
    ------
    TypeError
        If the drift is not callable or returns no float64 tensor.
    ValueError
        If the drift has a wrong shape, is not finite or cannot be differentiated, or the diffusion has a wrong shape or
        is not positive (definite).
    """
    if not callable(drift):
        msg = (
            f"Expected `drift` to be a callable from states (n, d) to velocities (n, d), found {type(drift).__name__}."
        )
        raise TypeError(msg)
    check_differentiable(drift, states)
    d, centre = states.shape[1], states.mean(0)
    if callable(diffusion):
        diffusion_diagonal(diffusion, states)
        # The geometric mean over the states, because a diffusion may vary by orders of magnitude.
        factor = diffusion_diagonal(diffusion, states).log().mean(0).mul(0.5).exp()
        return WhitenedDrift(drift, centre, factor, 1 / factor, diffusion)
    value = constant_diffusion(diffusion, d)
    if value.ndim == 2:
        factor = torch.linalg.cholesky(value)
        return WhitenedDrift(drift, centre, factor, torch.linalg.inv(factor))
    return WhitenedDrift(drift, centre, value.sqrt(), 1 / value.sqrt())


def check_differentiable(drift: Drift, states: Tensor) -> None:
    """Raise unless the drift maps float64 states to finite float64 velocities through torch operations."""
    points = states.detach().clone().requires_grad_(True)
    velocity = evaluate(drift, points)
    if velocity.dtype != torch.float64:
        msg = f"Expected the drift to return torch.float64, found {velocity.dtype}; build it with float64 tensors."
        raise TypeError(msg)
    if not velocity.requires_grad:
        msg = "The drift breaks automatic differentiation; write it with torch operations on its argument."
        raise ValueError(msg)


def constant_diffusion(diffusion: float | Tensor | NDArray, d: int) -> Tensor:
    """Check a constant diffusion and return its diagonal, shape ``(d,)``, or its matrix, shape ``(d, d)``."""
    value = torch.as_tensor(np.asarray(diffusion), dtype=torch.float64)
    if value.ndim == 2:
        if value.shape != (d, d) or not torch.allclose(value, value.T, rtol=SYMMETRY):
            msg = f"Expected a symmetric `diffusion` of shape ({d}, {d}), found {tuple(value.shape)}."
            raise ValueError(msg)
        if torch.linalg.cholesky_ex(value)[1]:
            msg = (
                "Expected `diffusion` to be positive definite, found smallest eigenvalue "
                f"{float(torch.linalg.eigvalsh(value)[0]):.3g}."
            )
            raise ValueError(msg)
        return value
    if value.ndim > 2 or (value.ndim == 1 and value.shape != (d,)):
        msg = f"Expected `diffusion` to be a number or of shape ({d},) or ({d}, {d}), found {tuple(value.shape)}."
        raise ValueError(msg)
    if not (torch.isfinite(value) & (value > 0)).all():
        msg = f"Expected `diffusion` to be positive and finite, found {float(value.min())}."
        raise ValueError(msg)
    return value.expand(d).clone()


def diffusion_diagonal(diffusion: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Evaluate a state-dependent diagonal at states ``(n, d)`` and check that it is positive."""
    diagonal = diffusion(x)
    if not isinstance(diagonal, Tensor) or diagonal.shape != x.shape:
        found = tuple(diagonal.shape) if isinstance(diagonal, Tensor) else type(diagonal).__name__
        msg = f"Expected `diffusion(x)` to be a tensor of shape {tuple(x.shape)}, found {found}."
        raise ValueError(msg)
    if not (torch.isfinite(diagonal) & (diagonal > 0)).all():
        msg = f"Expected `diffusion(x)` to be positive and finite, found {float(diagonal.min())}."
        raise ValueError(msg)
    return diagonal


def diffusion_matrices(diffusion: Diffusion, x: Tensor) -> Tensor:
    """Diffusion matrices at states ``(n, d)``, shape ``(n, d, d)``."""
    if callable(diffusion):
        return torch.diag_embed(diffusion_diagonal(diffusion, x))
    value = constant_diffusion(diffusion, x.shape[1])
    matrix = value if value.ndim == 2 else torch.diag(value)
    return matrix.expand(len(x), -1, -1)
