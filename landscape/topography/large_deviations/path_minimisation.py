"""Minimisation of the geometric action over paths by Newton's method on its block-tridiagonal Hessian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from landscape._numbers import TINY
from landscape.topography.large_deviations.block_tridiagonal import BlockCholesky
from landscape.topography.large_deviations.path_mesh import lengths, shares
from landscape.topography.large_deviations.regulatory_segments import regulatory_segments
from landscape.topography.large_deviations.segments import SMOOTHING, AutomaticSegments, Segments, SegmentValues

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from landscape.topography.large_deviations.segments import Blocks
    from landscape.topography.whitening import WhitenedDrift

# Weight of the penalty on the spacing of the nodes, relative to the action: it fixes the parametrisation, under which the
# action is invariant. The penalty and its gradient vanish where the spacing is as asked for.
SPACING = 1.0
# Actions below this share of the size of the path count as this share: along the flow the action vanishes.
LEAST_ACTION = 1e-3
# The unit of the objective is lowered to the action where that has fallen to this share of it.
RESCALE = 0.25
# Gain that Newton's method expects of the next step, over the action, at which a path is stationary. The error left after
# that step is of the order of its square.
PRECISION = 1e-5
# The same for a saddle of the action, which is left slowly at first.
STATIONARY = 1e-10
# Damping of the first step, that for a path near the minimum, and the value below which it is off.
DAMPING, NEAR_DAMPING, MIN_DAMPING = 0.1, 1e-2, 1e-7
# Weight of the stretch of the path in the damping, beside displacements in units of the curvature of |f|: near a fixed point
# the direction of the drift changes over short distances.
STRETCH = 0.1
# After a step that failed the damping is at least FIRST_RAISE; beyond MAX_DAMPING rounding prevents any gain.
FIRST_RAISE, MAX_DAMPING = 1e-4, 1e10
# Where the Hessian is not positive definite the damping is raised at least to INDEFINITE, by FACTOR each time.
INDEFINITE, FACTOR = 1e-3, 8.0
# Share of the gain that Newton's method expects which a step must achieve, and largest fall of the damping in a step.
MIN_GAIN, MAX_FALL = 1e-3, 0.2
# Curvature of the objective below which a path is a saddle of the action, and inverse iterations for its direction.
SADDLE_CURVATURE, INVERSE_ITERATIONS = 1e-2, 8
# The term of rank one in the Hessian of the spacing must leave at least this share of the curvature.
MIN_REST = 1e-3


@dataclass(frozen=True)
class PathRun:
    """Result of one minimisation, with the path ``(n + 1, d)`` in whitened coordinates.

    ``share`` is the share of each segment in the length that was asked for, ``actions`` the action of each segment, ``sizes``
    the same without the alignment term, ``residual`` the gain that Newton's method expects of the next step over the
    action.
    """

    y: NDArray[np.float64]
    share: NDArray[np.float64]
    actions: NDArray[np.float64]
    sizes: NDArray[np.float64]
    n_steps: int
    residual: float
    converged: bool

    @property
    def action(self) -> float:
        """Action of the path by the midpoint rule."""
        return float(self.actions.sum())

    @property
    def size(self) -> float:
        """Action of the path without the alignment term."""
        return float(self.sizes.sum())

    @property
    def speed(self) -> NDArray[np.float64]:
        """Speed of the drift at the midpoint of each segment."""
        return 2 * self.sizes / np.maximum(lengths(self.y), TINY)


@dataclass(frozen=True)
class _State:
    """A path with the value and the gradient of the objective, and what its Hessian is made of."""

    y: NDArray[np.float64]
    chord: NDArray[np.float64]
    middle: NDArray[np.float64]
    length: NDArray[np.float64]
    segments: SegmentValues
    value: float
    gradient: NDArray[np.float64]
    uneven: NDArray[np.float64]


class Objective:
    r"""Action of a path in units of ``scale``, and a penalty on the spacing of its nodes.

    .. math:: F = S / S_0 + w \Big( \sum_k \frac{l_k^2}{p_k L^2} - 1 \Big)

    with the length :math:`l_k` of each segment, their sum :math:`L`, and the share :math:`p_k` that each shall have. A
    segment couples two neighbouring nodes, so that the Hessian is block tridiagonal, but for a term of rank one from
    :math:`L`.
    """

    def __init__(self, segments: Segments, share: NDArray[np.float64], scale: float) -> None:
        self.segments, self.share, self.scale = segments, share, scale

    def at(self, y: NDArray[np.float64]) -> _State:
        """Value and gradient."""
        chord, middle = y[1:] - y[:-1], 0.5 * (y[1:] + y[:-1])
        found = self.segments.values(chord, middle)
        length = np.sqrt(np.einsum("nd,nd->n", chord, chord) + SMOOTHING)
        total, square = length.sum(), (length**2 / self.share).sum()
        uneven = SPACING * 2 / total**2 * (length / self.share - square / total)
        value = found.action.sum() / self.scale + SPACING * (square / total**2 - 1)
        by_chord = found.by_chord / self.scale + (uneven / length)[:, None] * chord
        by_middle = found.by_middle / (2 * self.scale)
        gradient = (by_chord + by_middle)[:-1] + (by_middle - by_chord)[1:]
        return _State(y, chord, middle, length, found, float(value), gradient, uneven)

    def second(self, state: _State) -> Callable[[int], Blocks]:
        """Second derivatives of each segment, with those of the penalty but for its term of rank one."""
        blocks = self.segments.second(state.chord, state.middle)
        total, along = state.length.sum(), state.chord / state.length[:, None]
        diagonal = np.arange(state.y.shape[1])

        def with_penalty(k: int) -> Blocks:
            twice, both, mid = blocks(k)
            bend = state.uneven[k] / state.length[k]
            twice = twice / self.scale
            twice += np.outer((SPACING * 2 / (self.share[k] * total**2) - bend) * along[k], along[k])
            twice[diagonal, diagonal] += bend
            return twice, both / self.scale, mid / (4 * self.scale)

        return with_penalty

    def factor(self, state: _State, second: Callable[[int], Blocks], damping: float) -> BlockCholesky | None:
        """Factor of the damped Hessian; ``None`` where it is not positive definite."""
        return BlockCholesky.of(self._rows(state, second, damping))

    def _rows(
        self, state: _State, second: Callable[[int], Blocks], damping: float
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
        n, diagonal = len(state.length), np.arange(state.y.shape[1])
        total = state.length.sum()
        before = None
        for k in range(n):
            twice, both, mid = second(k)
            twice[diagonal, diagonal] += STRETCH * damping / (self.share[k] * total**2)
            mid[diagonal, diagonal] += damping * max(float(mid.trace()), 0.0) / len(diagonal)
            even, odd = 0.5 * (both + both.T), 0.5 * (both.T - both)
            ends = twice + mid
            if before is not None:
                before += ends
                before -= even
                yield before, (mid - twice + odd if k < n - 1 else None)
            before = ends + even

    def step(self, state: _State, factor: BlockCholesky) -> NDArray[np.float64] | None:
        """Newton step; ``None`` if the term of rank one makes the Hessian indefinite."""
        along = state.chord / state.length[:, None]
        by_length = along[:-1] - along[1:]
        solved = factor.solve(np.stack([-state.gradient, by_length], axis=2))
        weight = SPACING * 2 / state.length.sum() ** 2
        rest = 1 - weight * float((by_length * solved[:, :, 1]).sum())
        if not rest > MIN_REST:
            return None
        return solved[:, :, 0] + solved[:, :, 1] * (weight * float((by_length * solved[:, :, 0]).sum()) / rest)


def segments_of(space: WhitenedDrift) -> Segments:
    """Segments in closed form for gene networks, by automatic differentiation for other drifts and noises."""
    return regulatory_segments(space) or AutomaticSegments(space)


def minimise_path(
    space: WhitenedDrift,
    y: NDArray[np.float64],
    share: NDArray[np.float64] | None = None,
    *,
    max_steps: int,
    precision: float = PRECISION,
    damping: float = DAMPING,
) -> PathRun:
    r"""Minimise the action from an initial path with fixed ends.

    Newton's method with the exact Hessian, damped,
    :math:`(H + \mu M)\, \delta = -g`, where the damping :math:`\mu` follows the ratio of the gain of a step to the expected
    one. :math:`M` adds up the stretch of each segment and the displacement of its midpoint, the latter in units of its mean
    curvature.

    Parameters
    ----------
    space
        Whitened drift.
    y
        Initial path, shape ``(n + 1, d)``.
    share
        Share of each segment in the length of the path, shape ``(n,)``; by default that of the initial path.
    max_steps
        Maximum number of steps.
    precision
        Expected gain, over the action, at which the path is stationary.
    damping
        Damping of the first step.

    Raises
    ------
    FloatingPointError
        If the drift is not finite along the initial path.

    References
    ----------
    Heymann and Vanden-Eijnden (2008), *Comm. Pure Appl. Math.* 61, 1052, for the action; Nielsen (1999), *Damping parameter
    in Marquardt's method*, for the damping.
    """
    objective = Objective(segments_of(space), shares(y) if share is None else share, 1.0)
    state = objective.at(y)
    if not np.isfinite(state.value):
        msg = "the drift is not finite along it"
        raise FloatingPointError(msg)
    raised, n_steps, gain, done, converged = 2.0, 0, np.inf, False, False
    second = None
    while n_steps < max_steps and not done and damping <= MAX_DAMPING:
        if second is None:
            state = _rescaled(objective, state)
            second = objective.second(state)
        n_steps += 1
        step, damping, definite = _damped_step(objective, state, second, damping)
        if step is None:
            break
        gain = -0.5 * float((state.gradient * step).sum())
        ahead = state.y.copy()
        ahead[1:-1] += step
        trial = objective.at(ahead)
        # A damped step is short and expects little, wherever it is.
        converged = definite and damping <= NEAR_DAMPING and gain <= precision * _least(state) / objective.scale
        done = converged or (not definite and gain <= STATIONARY * _least(state) / objective.scale)
        ratio = (state.value - trial.value) / gain if gain > 0 and np.isfinite(trial.value) else -1.0
        if ratio > MIN_GAIN:
            state, second = trial, None
            damping *= max(MAX_FALL, 1 - (2 * min(ratio, 1.0) - 1) ** 3)
            damping, raised = (damping if damping > MIN_DAMPING else 0.0), 2.0
        else:
            damping, raised = max(damping * raised, FIRST_RAISE), 2 * raised
    found = state.segments
    residual = gain * objective.scale / max(_least(state), TINY)
    return PathRun(state.y, objective.share, found.action, found.size, n_steps, float(residual), bool(converged))


def _least(state: _State) -> float:
    """Action of a path, and at least a share of its size."""
    return max(float(state.segments.action.sum()), LEAST_ACTION * float(state.segments.size.sum()))


def _rescaled(objective: Objective, state: _State) -> _State:
    """The same path in units of its action, where that is far from the present unit."""
    least = _least(state) or 1.0
    if RESCALE <= least / objective.scale <= 1:
        return state
    objective.scale = least
    return objective.at(state.y)


def _damped_step(
    objective: Objective, state: _State, second: Callable[[int], Blocks], damping: float
) -> tuple[NDArray[np.float64] | None, float, bool]:
    """Step, the damping with which the Hessian is positive definite, and whether it is so with the given one."""
    definite = True
    while damping <= MAX_DAMPING:
        factor = objective.factor(state, second, damping)
        step = None if factor is None else objective.step(state, factor)
        if step is not None and np.isfinite(step).all():
            return step, damping, definite
        definite, damping = False, max(FACTOR * damping, INDEFINITE)
    return None, damping, False


def descent_direction(space: WhitenedDrift, run: PathRun, *, rng: np.random.Generator) -> NDArray[np.float64] | None:
    """Displacement of a stationary path along which its action falls; ``None`` if it is a minimum.

    The Cholesky factorisation of the Hessian fails where a curvature is negative, such as for a symmetric path between two
    bowed ones. Inverse iteration then gives the direction.
    """
    objective = Objective(segments_of(space), run.share, 1.0)
    state = _rescaled(objective, objective.at(run.y))
    second = objective.second(state)
    if objective.factor(state, second, SADDLE_CURVATURE) is not None:
        return None
    damping, factor = SADDLE_CURVATURE, None
    while factor is None and damping <= MAX_DAMPING:
        damping *= FACTOR
        factor = objective.factor(state, second, damping)
    if factor is None:
        return None
    v = rng.standard_normal((len(run.y) - 2, run.y.shape[1]))
    for _ in range(INVERSE_ITERATIONS):
        # In the metric of the stretched path, in which the Hessian is damped.
        tension = np.diff(np.pad(v, ((1, 1), (0, 0))), axis=0) / run.share[:, None]
        v = factor.solve(-np.diff(tension, axis=0)[:, :, None])[:, :, 0]
        v /= np.linalg.norm(v)
    return np.pad(v, ((1, 1), (0, 0)))
