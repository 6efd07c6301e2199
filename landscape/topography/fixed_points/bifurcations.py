"""The arc of fixed points in states and parameter, and the points where its stability changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from landscape.dynamics import Drift
from landscape.topography.field import Field, field_around
from landscape.topography.fixed_points.newton import newton

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["fold", "pitchfork", "transcritical", "hopf"]
# Quadratic over cubic coefficient below which a branch point is a pitchfork: the location is known to about 1e-6,
# and an error e there leaves a quadratic coefficient of 3 e times the cubic one.
PITCHFORK = 1e-3
# Step of the differences for higher derivatives; the third divides rounding by its cube.
STEP = 1e-3


@dataclass(frozen=True)
class Bifurcation:
    """A point of a branch where its stability changes.

    Attributes
    ----------
    kind
        ``"fold"``, ``"pitchfork"``, ``"transcritical"`` or ``"hopf"``.
    parameter
        Value of the parameter.
    x
        State, shape ``(d,)``.
    direction
        Critical eigenvector (real part), of unit length, shape ``(d,)``.
    frequency
        Angular frequency of the critical pair of a Hopf bifurcation, else 0; per unit time.
    """

    kind: Kind
    parameter: float
    x: NDArray[np.float64]
    direction: NDArray[np.float64]
    frequency: float


class Arc:
    """Fixed points as a curve in dimensionless (state, parameter); lengths are root mean squares over states."""

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
        """Place of a parameter in its range, 0 to 1 inside."""
        return (parameter - self.low) / (self.high - self.low)

    def parameter(self, z: NDArray[np.float64]) -> float:
        """Parameter of a point."""
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
        """Dimensionless field at a place of the range."""
        return Field(self.drift_of(self.low + (self.high - self.low) * q), self.centre, self.scale)

    def force(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Dimensionless drift."""
        return self.field(z[-1])(torch.as_tensor(z[None, :-1]))[0].numpy()

    def jacobian(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Jacobian in states, exact."""
        return self.field(z[-1]).jacobian(torch.as_tensor(z[None, :-1]))[0].numpy()

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivative in the parameter by central differences, whose error only tilts the tangent."""
        h = 1e-5
        up, down = z.copy(), z.copy()
        up[-1], down[-1] = z[-1] + h, z[-1] - h
        return (self.force(up) - self.force(down)) / (2 * h)

    def spectrum(self, z: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Eigenvalues, largest real part first."""
        values = np.linalg.eigvals(self.jacobian(z)).astype(np.complex128)
        return values[np.lexsort((-values.imag, -values.real))]

    def system(self, z: NDArray[np.float64], tangent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Matrix of the extended system: Jacobian and slope over the tangent."""
        return np.vstack([np.column_stack([self.jacobian(z), self.slope(z)]), self.weight * self.unit(tangent)])

    def tangent(self, z: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit tangent on the side of a given direction."""
        kernel = np.linalg.svd(np.column_stack([self.jacobian(z), self.slope(z)]))[2][-1]
        return self.unit(kernel if self.weight @ (kernel * along) >= 0 else -kernel)

    def correct(
        self, guess: NDArray[np.float64], tangent: NDArray[np.float64], *, most: int = 12
    ) -> tuple[NDArray[np.float64] | None, int]:
        """Newton's method in the plane through a guess across a tangent; None where it fails."""
        z = guess.copy()
        for k in range(1, most + 1):
            self.n_steps += 1
            force = self.force(z)
            matrix = self.system(z, tangent) if np.isfinite(force).all() else np.full((len(z), len(z)), np.nan)
            if not np.isfinite(matrix).all():
                return None, k
            rest = np.append(force, self.weight @ (self.unit(tangent) * (z - guess)))
            change = np.linalg.lstsq(matrix, -rest, rcond=None)[0]
            z = z + change
            # Beyond the last step Newton doubles the digits, so that the square root of the tolerance would do;
            # at a branch point convergence is linear and needs the tolerance itself.
            if self.distance(change, 0 * change) <= self.tolerance:
                # Least squares may leave the plane where the system is singular.
                in_plane = abs(self.weight @ (self.unit(tangent) * (z - guess))) <= 1e-6
                return (z if in_plane else None), k
        return None, most

    def settle(self, guess: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fixed point at the parameter of a guess."""
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
        """Point of the branch where it leaves the range."""
        edge = float(outside[-1] > 1)
        guess = inside + (edge - inside[-1]) / (outside[-1] - inside[-1]) * (outside - inside)
        guess[-1] = edge
        found = self._at_parameter(guess)
        return outside if found is None else found

    def _at_parameter(self, guess: NDArray[np.float64]) -> NDArray[np.float64] | None:
        run = newton(self.field(guess[-1]), torch.as_tensor(guess[None, :-1]), tolerance=self.tolerance, max_steps=100)
        self.n_steps += int(run.n_steps[0])
        return np.append(run.y[0].numpy(), guess[-1]) if run.converged[0] else None


def bifurcations_between(arc: Arc, z: NDArray[np.float64], ahead: NDArray[np.float64]) -> list[Bifurcation]:
    """Bifurcations between neighbouring points of a branch, in its order."""
    chord = ahead - z
    if not chord.any():
        return []

    def at(s: float) -> NDArray[np.float64]:
        found, _ = arc.correct(z + s * chord, chord, most=40)
        # The corrector is singular at a branch point itself, where the chord is as good.
        return z + s * chord if found is None else found

    def turning(s: float) -> float:
        return float(arc.tangent(at(s), chord)[-1])

    def branching(s: float) -> float:
        here = at(s)
        sign, log = np.linalg.slogdet(arc.system(here, arc.tangent(here, chord)))
        return float(sign * np.exp(min(log, 600.0) / len(here)))

    found: list[tuple[float, Kind, NDArray[np.float64]]] = []
    if turning(0.0) * turning(1.0) < 0:
        s = float(brentq(turning, 0.0, 1.0, xtol=1e-10))
        found.append((s, "fold", at(s)))
    if branching(0.0) * branching(1.0) < 0:
        s = float(brentq(branching, 0.0, 1.0, xtol=1e-8))
        here = at(s)
        found.append((s, _branch_kind(arc, here), here))
    if not found and _pairs(arc, z) != _pairs(arc, ahead) and _crosses(arc, z, ahead):
        s = float(brentq(lambda s: _pair_growth(arc, at(s)), 0.0, 1.0, xtol=1e-10))
        found.append((s, "hopf", at(s)))
    return [_record(arc, kind, here) for _, kind, here in sorted(found, key=lambda f: f[0])]


def _pairs(arc: Arc, z: NDArray[np.float64]) -> int:
    """Number of complex eigenvalues in the right half plane."""
    values = arc.spectrum(z)
    return int(((values.real > 0) & (np.abs(values.imag) > 1e-9 * np.abs(values).max())).sum())


def _pair_growth(arc: Arc, z: NDArray[np.float64]) -> float:
    """Real part of the complex eigenvalue that is nearest to the imaginary axis."""
    values = arc.spectrum(z)
    values = values[np.abs(values.imag) > 1e-9 * np.abs(values).max()]
    return float(values.real[np.abs(values.real).argmin()]) if len(values) else 1.0


def _crosses(arc: Arc, z: NDArray[np.float64], ahead: NDArray[np.float64]) -> bool:
    return _pair_growth(arc, z) * _pair_growth(arc, ahead) < 0


def _branch_kind(arc: Arc, z: NDArray[np.float64]) -> Kind:
    """Pitchfork if the field has no quadratic part along its null vector, else transcritical."""
    left, _, right = np.linalg.svd(arc.jacobian(z))
    psi, phi = left[:, -1], right[-1] * np.sqrt(len(z) - 1)
    q = z[-1]
    field = arc.field(q)
    sides = np.array([-2, -1, 0, 1, 2])[:, None] * STEP
    f = field(torch.as_tensor(z[None, :-1] + sides * phi)).numpy() @ psi
    quadratic = (f[3] - 2 * f[2] + f[1]) / STEP**2
    cubic = (f[4] - 2 * f[3] + 2 * f[1] - f[0]) / (2 * STEP**3)
    rate = np.abs(arc.spectrum(z)).max()
    return "pitchfork" if abs(quadratic) <= PITCHFORK * max(abs(cubic), rate) else "transcritical"


def _record(arc: Arc, kind: Kind, z: NDArray[np.float64]) -> Bifurcation:
    values, vectors = np.linalg.eig(arc.jacobian(z))
    size = np.abs(values).max()
    pair = np.abs(values.imag) > 1e-9 * size
    closeness = np.abs(values.real) if kind == "hopf" else np.abs(values)
    allowed = pair if kind == "hopf" else np.ones(len(values), dtype=bool)
    critical = int(np.where(allowed, closeness, np.inf).argmin())
    direction = vectors[:, critical].real * arc.scale.numpy()
    x = arc.centre + arc.scale * torch.as_tensor(z[:-1])
    return Bifurcation(
        kind=kind,
        parameter=arc.parameter(z),
        x=x.numpy(),
        direction=direction / np.linalg.norm(direction),
        frequency=float(np.abs(values[critical].imag)) if kind == "hopf" else 0.0,
    )
