"""The action of a segment in a gene network with its first and second derivatives, in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from landscape.dynamics import RegulatoryDrift
from landscape.dynamics.model import drift_of
from landscape.topography.large_deviations.segments import LEAST_SPEED, SMOOTHING, Blocks, SegmentValues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.topography.whitening import WhitenedDrift

# Argument at which the exponential of the logistic function stays finite in float64.
MAX_EXPONENT = 700.0
# Powers up to this one are products, which are several times faster than a logarithm and an exponential.
MAX_PRODUCT = 16


class Terms(NamedTuple):
    """Velocity in units of the state, and slopes and curvatures of responses and of production, each ``(n, d)``."""

    velocity: NDArray[np.float64]
    slope: NDArray[np.float64]
    bend: NDArray[np.float64]
    steep: NDArray[np.float64]
    steep_bend: NDArray[np.float64]


class RegulatorySegments:
    r"""Segments in a :class:`~landscape.dynamics.RegulatoryDrift` with constant noise.

    With the responses :math:`\phi(x)` and the production :math:`p(h)` of the targets,

    .. math:: J = p' W \phi' - \gamma, \qquad
        \sum_i \lambda_i \nabla^2 f_i = \phi' W^\top \lambda p'' W \phi' + \phi'' W^\top \lambda p'

    so that the second derivatives of a segment cost one product of matrices, where automatic differentiation takes
    ``2 d`` passes.
    """

    def __init__(self, drift: RegulatoryDrift, space: WhitenedDrift) -> None:
        self.weights, self.ceiling, self.decay, self.hill = (
            getattr(drift, name).detach().numpy() for name in ("weights", "ceiling", "decay", "hill")
        )
        self.shift = (drift.bias + drift.signal).detach().numpy()
        self.half = drift.threshold.detach().numpy() ** self.hill
        self.held = np.array(list(drift.held), dtype=np.int64)
        self.levels = np.array(list(drift.held.values()), dtype=np.float64)
        answer = np.maximum(self.levels, 0.0) ** self.hill[self.held]
        self.answer = answer / (self.half[self.held] + answer)
        self.centre, self.factor, self.inverse = (v.numpy() for v in (space.centre, space.factor, space.inverse))

    def terms(self, y: NDArray[np.float64], *, curved: bool) -> Terms:
        """Velocity and its parts at whitened states; the curvatures are zero unless they are asked for."""
        x = self.centre + _apply(self.factor, y)
        positive = np.maximum(x, 0.0)
        # With hill >= 1, y^(n - 1) is finite at zero; below zero the response is constant.
        whole = _whole(self.hill)
        lower = _product(positive, int(self.hill[0]) - 1) if whole else positive ** (self.hill - 1.0)
        powered = lower * positive
        total = self.half + powered
        response, slope = powered / total, self.hill * self.half * lower / (total * total) * (x >= 0)
        response[:, self.held], slope[:, self.held] = self.answer, 0.0
        s = 1.0 / (1.0 + np.exp(-np.clip(response @ self.weights.T + self.shift, -MAX_EXPONENT, MAX_EXPONENT)))
        made = self.ceiling * s
        steep = made * (1.0 - s)
        made[:, self.held], steep[:, self.held] = self.decay[self.held] * self.levels, 0.0
        bend = steep_bend = np.zeros_like(x)
        if curved:
            # Where a state is zero, the curvature of exponents below 2 is infinite: a path stays there at no cost.
            ratio = np.divide(lower, positive, out=np.zeros_like(x), where=positive > 0)
            bend = self.hill * self.half * ratio * ((self.hill - 1) * total - 2 * self.hill * powered) / total**3
            bend[:, self.held] = 0.0
            steep_bend = steep * (1.0 - 2.0 * s)
        return Terms(made - self.decay * x, slope, bend, steep, steep_bend)

    def velocity(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Whitened velocity at whitened states ``(n, d)``."""
        return _apply(self.inverse, self.terms(y, curved=False).velocity)

    def pullback(self, terms: Terms, v: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""The map :math:`v \mapsto J^\top v` of each state, in whitened coordinates."""
        u = _apply_transposed(self.inverse, v)
        back = ((u * terms.steep) @ self.weights) * terms.slope - self.decay * u
        return _apply_transposed(self.factor, back)

    def values(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> SegmentValues:
        """Actions and their gradients."""
        terms = self.terms(middle, curved=False)
        f = _apply(self.inverse, terms.velocity)
        nd, nf = _length(chord), _length(f)
        size = 0.5 * nd * nf
        by_chord = 0.5 * ((nf / nd)[:, None] * chord - f)
        by_middle = 0.5 * self.pullback(terms, (nd / nf)[:, None] * f - chord)
        return SegmentValues(size - 0.5 * np.einsum("nd,nd->n", chord, f), size, by_chord, by_middle)

    def second(self, chord: NDArray[np.float64], middle: NDArray[np.float64]) -> Callable[[int], Blocks]:
        """Second derivatives of the action of a segment, by its number."""
        terms = self.terms(middle, curved=True)
        f = _apply(self.inverse, terms.velocity)
        nd, nf = _length(chord), _length(f)
        nf = np.maximum(nf, LEAST_SPEED * nf.mean())
        along, flow = chord / nd[:, None], f / nf[:, None]
        force = 0.5 * ((nd / nf)[:, None] * f - chord)
        u = _apply_transposed(self.inverse, force)
        bend = ((u * terms.steep) @ self.weights) * terms.bend
        curved = u * terms.steep_bend
        diagonal = np.arange(chord.shape[1])

        def blocks(k: int) -> Blocks:
            network = self.weights * terms.slope[k]
            jac, mid = self._jacobian(network, terms.steep[k], curved[k], bend[k], 0.5 * nd[k] / nf[k])
            back = jac.T @ flow[k]
            mid -= (0.5 * nd[k] / nf[k]) * np.outer(back, back)
            both = np.outer(0.5 * along[k], back)
            both -= 0.5 * jac
            rate = 0.5 * nf[k] / nd[k]
            twice = np.outer(-rate * along[k], along[k])
            twice[diagonal, diagonal] += rate
            return twice, both, mid

        return blocks

    def _jacobian(
        self,
        network: NDArray[np.float64],
        steep: NDArray[np.float64],
        curved: NDArray[np.float64],
        bend: NDArray[np.float64],
        weight: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        r"""Whitened Jacobian, and :math:`w J^\top J + \sum_i u_i \nabla^2 f_i`, at one state."""
        diagonal = np.arange(len(steep))
        if self.factor.ndim == 1:
            network = network * self.factor
            jac = (steep * self.inverse)[:, None] * network
            # J^T J and the curvature of production share one product.
            mid = network.T @ ((weight * (steep * self.inverse) ** 2 + curved)[:, None] * network)
            crossed = (weight * self.decay)[:, None] * jac
            mid -= crossed
            mid -= crossed.T
            mid[diagonal, diagonal] += weight * self.decay**2 + bend * self.factor**2
            jac[diagonal, diagonal] -= self.decay
            return jac, mid
        jac = steep[:, None] * network
        jac[diagonal, diagonal] -= self.decay
        jac = self.inverse @ jac @ self.factor
        inner = network.T @ (curved[:, None] * network)
        inner[diagonal, diagonal] += bend
        return jac, weight * (jac.T @ jac) + self.factor.T @ inner @ self.factor


def regulatory_segments(space: WhitenedDrift) -> RegulatorySegments | None:
    """Segments in closed form, or ``None`` for other drifts than a regulatory one and for noise that depends on the state."""
    drift = drift_of(space.drift)
    if type(drift) is not RegulatoryDrift or space.diffusion is not None:
        return None
    return RegulatorySegments(drift, space)


def _length(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.einsum("nd,nd->n", rows, rows) + SMOOTHING)


def _whole(hill: NDArray[np.float64]) -> bool:
    return bool((hill == hill[0]).all() and hill[0] == int(hill[0]) and hill[0] <= MAX_PRODUCT)


def _product(x: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Power by repeated squaring."""
    result, base = np.ones_like(x), x
    while exponent:
        if exponent & 1:
            result = result * base
        exponent >>= 1
        if exponent:
            base = base * base
    return result


def _apply(matrix: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows * matrix if matrix.ndim == 1 else rows @ matrix.T


def _apply_transposed(matrix: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows * matrix if matrix.ndim == 1 else rows @ matrix
