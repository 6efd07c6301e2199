"""Bifurcations on a branch of fixed points: location and kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy.optimize import brentq

from landscape.topography.fixed_points.curve import FixedPointCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["fold", "pitchfork", "transcritical", "hopf"]
# Quadratic over cubic coefficient below which a branch point is a pitchfork: the location is known to about 1e-6,
# and an error e there leaves a quadratic coefficient of 3 e times the cubic one.
PITCHFORK = 1e-3
# Step of the differences for higher derivatives; the third derivative divides rounding errors by its cube.
STEP = 1e-3
# Tolerance of Brent's method along the chord. The determinant at a branch point is known less well than a tangent.
LOCATION, BRANCH_LOCATION = 1e-10, 1e-8
# Corrector steps close to a bifurcation, where convergence is linear.
MAX_CORRECTIONS = 40
# Imaginary parts below this share of the largest eigenvalue are zero within rounding.
REAL = 1e-9
# Logarithm of a determinant beyond which its exponential would overflow; only its sign and root matter.
MAX_LOG_DETERMINANT = 600.0


@dataclass(frozen=True)
class Bifurcation:
    """A point at which the stability of a branch changes.

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


def bifurcations_between(
    curve: FixedPointCurve, z: NDArray[np.float64], ahead: NDArray[np.float64]
) -> list[Bifurcation]:
    """Bifurcations between neighbouring points of a branch, in order of arc length."""
    chord = ahead - z
    if not chord.any():
        return []

    def at(s: float) -> NDArray[np.float64]:
        found, _ = curve.correct(z + s * chord, chord, max_steps=MAX_CORRECTIONS)
        # The corrector is singular at a branch point itself; the chord is as accurate there.
        return z + s * chord if found is None else found

    def turning(s: float) -> float:
        return float(curve.tangent(at(s), chord)[-1])

    def branching(s: float) -> float:
        here = at(s)
        sign, log = np.linalg.slogdet(curve.system(here, curve.tangent(here, chord)))
        return float(sign * np.exp(min(log, MAX_LOG_DETERMINANT) / len(here)))

    found: list[tuple[float, Kind, NDArray[np.float64]]] = []
    if turning(0.0) * turning(1.0) < 0:
        s = float(brentq(turning, 0.0, 1.0, xtol=LOCATION))
        found.append((s, "fold", at(s)))
    if branching(0.0) * branching(1.0) < 0:
        s = float(brentq(branching, 0.0, 1.0, xtol=BRANCH_LOCATION))
        here = at(s)
        found.append((s, _branch_kind(curve, here), here))
    if not found and _pairs(curve, z) != _pairs(curve, ahead) and _crosses(curve, z, ahead):
        s = float(brentq(lambda s: _pair_growth(curve, at(s)), 0.0, 1.0, xtol=LOCATION))
        found.append((s, "hopf", at(s)))
    return [_record(curve, kind, here) for _, kind, here in sorted(found, key=lambda f: f[0])]


def _pairs(curve: FixedPointCurve, z: NDArray[np.float64]) -> int:
    """Number of complex eigenvalues in the right half plane."""
    values = curve.spectrum(z)
    return int(((values.real > 0) & (np.abs(values.imag) > REAL * np.abs(values).max())).sum())


def _pair_growth(curve: FixedPointCurve, z: NDArray[np.float64]) -> float:
    """Real part of the complex eigenvalue closest to the imaginary axis, 1 where all are real."""
    values = curve.spectrum(z)
    values = values[np.abs(values.imag) > REAL * np.abs(values).max()]
    return float(values.real[np.abs(values.real).argmin()]) if len(values) else 1.0


def _crosses(curve: FixedPointCurve, z: NDArray[np.float64], ahead: NDArray[np.float64]) -> bool:
    return _pair_growth(curve, z) * _pair_growth(curve, ahead) < 0


def _branch_kind(curve: FixedPointCurve, z: NDArray[np.float64]) -> Kind:
    """Pitchfork if the quadratic coefficient along the null vector vanishes, else transcritical."""
    left, _, right = np.linalg.svd(curve.jacobian(z))
    psi, phi = left[:, -1], right[-1] * np.sqrt(len(z) - 1)
    q = z[-1]
    field = curve.field(q)
    sides = np.array([-2, -1, 0, 1, 2])[:, None] * STEP
    f = field(torch.as_tensor(z[None, :-1] + sides * phi)).numpy() @ psi
    quadratic = (f[3] - 2 * f[2] + f[1]) / STEP**2
    cubic = (f[4] - 2 * f[3] + 2 * f[1] - f[0]) / (2 * STEP**3)
    rate = np.abs(curve.spectrum(z)).max()
    return "pitchfork" if abs(quadratic) <= PITCHFORK * max(abs(cubic), rate) else "transcritical"


def _record(curve: FixedPointCurve, kind: Kind, z: NDArray[np.float64]) -> Bifurcation:
    values, vectors = np.linalg.eig(curve.jacobian(z))
    size = np.abs(values).max()
    pair = np.abs(values.imag) > REAL * size
    closeness = np.abs(values.real) if kind == "hopf" else np.abs(values)
    allowed = pair if kind == "hopf" else np.ones(len(values), dtype=bool)
    critical = int(np.where(allowed, closeness, np.inf).argmin())
    direction = vectors[:, critical].real * curve.scale.numpy()
    x = curve.centre + curve.scale * torch.as_tensor(z[:-1])
    return Bifurcation(
        kind=kind,
        parameter=curve.parameter(z),
        x=x.numpy(),
        direction=direction / np.linalg.norm(direction),
        frequency=float(np.abs(values[critical].imag)) if kind == "hopf" else 0.0,
    )
