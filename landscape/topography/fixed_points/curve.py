"""Fixed points as a curve in states and parameter: its tangent, and Newton's method back onto it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.dynamics import Drift
from landscape.topography.field import Field, field_around
from landscape.topography.fixed_points.newton import newton

# Step of the central difference in the parameter, as a share of its range: the cube root of the rounding error
# balances truncation and rounding, and the error only tilts the tangent.
PARAMETER_STEP = 1e-5
# Newton steps of the corrector, and of the solver at a fixed parameter.
MAX_CORRECTIONS, MAX_NEWTON = 12, 100
# Distance from the plane of the corrector at which least squares has left it, as it may where the system is singular.
OFF_PLANE = 1e-6


class FixedPointCurve:
    """Fixed points as a curve of points ``z`` = (state, parameter), both dimensionless.

    Lengths are root mean squares over states; the parameter runs from 0 to 1 over its range.
    """

    def __init__(
        self,
        drift_of: Callable[[float], Drift],
        centre: Tensor,
        scale: Tensor,
        low: float,
        high: float,
        tolerance: float,
    ) -> None:
        self.drift_of, self.centre, self.scale = drift_of, centre, scale
        self.low, self.high, self.tolerance = low, high, tolerance
        self.weight = np.append(np.full(len(scale), 1 / len(scale)), 1.0)
        self.n_steps = 0

    def share(self, parameter: float) -> float:
        """Dimensionless value of a parameter: 0 to 1 inside its range."""
        return (parameter - self.low) / (self.high - self.low)

    def parameter(self, z: NDArray[np.float64]) -> float:
        """Parameter at a point."""
        return self.low + (self.high - self.low) * float(z[-1])

    def distance(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        """Length of the difference of two points."""
        return float(np.sqrt(self.weight @ np.square(a - b)))

    def unit(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vector scaled to length 1."""
        return t / np.sqrt(self.weight @ np.square(t))

    def cosine(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        """Cosine of the angle between two tangents."""
        return float(self.weight @ (self.unit(a) * self.unit(b)))

    def field(self, q: float) -> Field:
        """Dimensionless field at a dimensionless parameter."""
        return Field(self.drift_of(self.low + (self.high - self.low) * q), self.centre, self.scale)

    def force(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Dimensionless drift at a point."""
        return self.field(z[-1])(torch.as_tensor(z[None, :-1]))[0].numpy()

    def jacobian(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact Jacobian with respect to the state."""
        return self.field(z[-1]).jacobian(torch.as_tensor(z[None, :-1]))[0].numpy()

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivative of the field with respect to the parameter, by central differences."""
        h = PARAMETER_STEP
        up, down = z.copy(), z.copy()
        up[-1], down[-1] = z[-1] + h, z[-1] - h
        return (self.force(up) - self.force(down)) / (2 * h)

    def spectrum(self, z: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Eigenvalues of the Jacobian, largest real part first."""
        values = np.linalg.eigvals(self.jacobian(z)).astype(np.complex128)
        return values[np.lexsort((-values.imag, -values.real))]

    def system(self, z: NDArray[np.float64], tangent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Matrix of the extended system: Jacobian and parameter derivative, and the tangent below."""
        return np.vstack([np.column_stack([self.jacobian(z), self.slope(z)]), self.weight * self.unit(tangent)])

    def tangent(self, z: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit tangent that points to the side of a given direction."""
        kernel = np.linalg.svd(np.column_stack([self.jacobian(z), self.slope(z)]))[2][-1]
        return self.unit(kernel if self.weight @ (kernel * along) >= 0 else -kernel)

    def correct(
        self, guess: NDArray[np.float64], tangent: NDArray[np.float64], *, max_steps: int = MAX_CORRECTIONS
    ) -> tuple[NDArray[np.float64] | None, int]:
        """Newton's method in the plane through a guess, normal to a tangent; ``None`` where it fails."""
        z = guess.copy()
        for k in range(1, max_steps + 1):
            self.n_steps += 1
            force = self.force(z)
            matrix = self.system(z, tangent) if np.isfinite(force).all() else np.full((len(z), len(z)), np.nan)
            if not np.isfinite(matrix).all():
                return None, k
            rest = np.append(force, self.weight @ (self.unit(tangent) * (z - guess)))
            change = np.linalg.lstsq(matrix, -rest, rcond=None)[0]
            z = z + change
            # Convergence is quadratic, so that the square root of the tolerance would do; at a branch point it is linear
            # and needs the tolerance itself.
            if self.distance(change, 0 * change) <= self.tolerance:
                in_plane = abs(self.weight @ (self.unit(tangent) * (z - guess))) <= OFF_PLANE
                return (z if in_plane else None), k
        return None, max_steps

    def settle(self, guess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fixed point at the parameter of a guess, which must be close to one."""
        field_around(self.drift_of(self.parameter(guess)), self.centre + self.scale * torch.as_tensor(guess[None, :-1]))
        found = self._at_parameter(guess)
        if found is None:
            msg = (
                f"Newton's method found no fixed point near the start at the parameter {self.parameter(guess):.6g}; "
                "pass a state of `fixed_points` there."
            )
            raise ValueError(msg)
        return found

    def at_edge(self, inside: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
        """Point at which the curve leaves the range of the parameter."""
        edge = float(outside[-1] > 1)
        guess = inside + (edge - inside[-1]) / (outside[-1] - inside[-1]) * (outside - inside)
        guess[-1] = edge
        found = self._at_parameter(guess)
        return outside if found is None else found

    def _at_parameter(self, guess: NDArray[np.float64]) -> NDArray[np.float64] | None:
        run = newton(
            self.field(guess[-1]), torch.as_tensor(guess[None, :-1]), tolerance=self.tolerance, max_steps=MAX_NEWTON
        )
        self.n_steps += int(run.n_steps[0])
        return np.append(run.y[0].numpy(), guess[-1]) if run.converged[0] else None
