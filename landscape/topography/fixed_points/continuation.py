"""Pseudo-arclength continuation of fixed points in a parameter, with their bifurcations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import as_states, field_around
from landscape.topography.fixed_points.bifurcations import Bifurcation, bifurcations_between
from landscape.topography.fixed_points.curve import FixedPointCurve

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

logger = logging.getLogger(__name__)

End = Literal["range", "closed", "max_points", "step"]
# A corrected point further from its guess than this many steps, or a tangent that turns by more than this cosine (26
# degrees), has jumped to another branch.
MAX_DISTANCE, MIN_COSINE = 1.5, 0.9
# The step is halved where the corrector fails, and grows by this factor where it needs at most so few corrections.
GROWTH, FEW_CORRECTIONS = 1.3, 3
# A point closer to the first than this many steps closes the curve, if at least this many points lie between.
CLOSED, MIN_CLOSED_POINTS = 0.6, 4


@dataclass(frozen=True)
class Branch:
    r"""A curve of fixed points in the product of states and parameter, in order of arc length.

    Attributes
    ----------
    parameters
        Shape ``(m,)``; not monotone where the branch folds.
    states
        Shape ``(m, d)``.
    eigenvalues
        Of the Jacobian at each point, largest real part first, shape ``(m, d)``.
    index
        Number of eigenvalues with positive real part, shape ``(m,)``.
    bifurcations
        Bifurcations on the branch, in order of arc length.
    ends
        Why each end stops: ``"range"`` (left the parameter range), ``"closed"`` (returned to its start),
        ``"max_points"`` or ``"step"`` (the corrector failed at the smallest step).
    converged
        Whether both ends left the range or the curve closed.
    residual
        Largest root mean square of the drift on the branch.
    n_steps
        Total number of Newton steps.
    """

    parameters: NDArray[np.float64]
    states: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    index: NDArray[np.int64]
    bifurcations: tuple[Bifurcation, ...]
    ends: tuple[End, End]
    converged: bool
    residual: float
    n_steps: int

    @property
    def hysteresis(self) -> tuple[tuple[float, float], ...]:
        """Parameter intervals between neighbouring folds, in which several fixed points coexist."""
        at = [b.parameter for b in self.bifurcations if b.kind == "fold"]
        return tuple((min(p, q), max(p, q)) for p, q in zip(at, at[1:], strict=False))

    @property
    def hysteresis_width(self) -> float:
        """Width of the widest interval of :attr:`hysteresis`, 0 with fewer than two folds."""
        return max((high - low for low, high in self.hysteresis), default=0.0)


@on_one_thread
def continuation(
    drift_of: Callable[[float], Drift],
    start: ArrayLike | Tensor,
    parameter_range: tuple[float, float],
    *,
    at: float | None = None,
    metric: ArrayLike | Tensor | None = None,
    step: float = 0.02,
    max_step: float = 0.05,
    min_step: float = 1e-6,
    max_points: int = 2000,
    tolerance: float = 1e-10,
) -> Branch:
    r"""Continue a fixed point over a range of a parameter, around folds, and classify its bifurcations.

    Pseudo-arclength continuation [1]_: with :math:`z = (x, p)` and the unit tangent :math:`t`, each new point solves

    .. math:: f(x; p) = 0, \qquad t \cdot (z - z_0) = \Delta s.

    A *fold* is where the tangent's parameter component changes sign; a *branch point* (pitchfork or transcritical)
    where the determinant of the system above does; a *Hopf* bifurcation where a complex pair crosses the imaginary
    axis. Each is located along the arc by Brent's method. A branch point is a pitchfork if the quadratic coefficient
    :math:`\psi^T f_{xx} \varphi \varphi` of the null vectors vanishes relative to the cubic one, else transcritical [2]_.

    Parameters
    ----------
    drift_of
        Callable from a value of the parameter to the drift there.
    start
        State near a fixed point at the parameter ``at``, shape ``(d,)``.
    parameter_range
        Lower and upper bound of the parameter.
    at
        Parameter of the start; the lower bound by default. The branch is followed in both directions from there.
    metric
        Length of each coordinate; by default the magnitude of the start.
    step, max_step, min_step
        First, maximum and minimum step of arc length, with states in units of the metric and the parameter in units of
        its range.
    max_points
        Maximum number of points in each direction.
    tolerance
        Largest correction of a converged point, dimensionless.

    Returns
    -------
    The branch; ``converged`` states whether it was followed to its ends.

    Raises
    ------
    ValueError
        If the range is empty, ``at`` lies outside, or Newton's method finds no fixed point near the start.
    TypeError
        If ``drift_of`` does not return a drift.

    References
    ----------
    .. [1] Keller (1977), in *Applications of Bifurcation Theory*, Academic Press, 359-384.
    .. [2] Kuznetsov (2004), *Elements of Applied Bifurcation Theory*. https://doi.org/10.1007/978-1-4757-3978-7
    """
    low, high = (float(p) for p in parameter_range)
    origin = low if at is None else float(at)
    if not low < high or not low <= origin <= high:
        msg = f"Expected `parameter_range` low < high with `at` inside, found ({low}, {high}) and {origin}."
        raise ValueError(msg)
    if not 0 < min_step <= step <= max_step or max_points < 1 or not tolerance > 0:
        msg = "Expected 0 < `min_step` <= `step` <= `max_step`, positive `max_points` and `tolerance`."
        raise ValueError(msg)
    x = as_states(start, name="start")
    if len(x) != 1:
        msg = f"Expected one `start` of shape (d,), found {tuple(x.shape)}."
        raise ValueError(msg)
    field = field_around(drift_of(origin), x, metric=metric)
    curve = FixedPointCurve(drift_of, field.centre, field.scale, low, high, tolerance)
    first = curve.settle(np.append(np.zeros(x.shape[1]), curve.share(origin)))
    forward, end_ahead = _trace(curve, first, 1.0, step, min_step, max_step, max_points)
    backward, end_behind = [first], end_ahead
    if end_ahead != "closed":
        backward, end_behind = _trace(curve, first, -1.0, step, min_step, max_step, max_points)
    points = [*reversed(backward[1:]), *forward]
    return _branch(curve, points, (end_behind, end_ahead))


def _trace(
    curve: FixedPointCurve,
    first: NDArray[np.float64],
    sign: float,
    step: float,
    min_step: float,
    max_step: float,
    max_points: int,
) -> tuple[list[NDArray[np.float64]], End]:
    """Points of the branch from the first one, in the direction of a rising (sign 1) or falling (-1) parameter."""
    guess = np.zeros(len(first))
    guess[-1] = sign
    tangent = curve.tangent(first, guess)
    tangent = tangent if tangent[-1] * sign >= 0 else -tangent
    points, z = [first], first
    while len(points) < max_points:
        ahead, effort = curve.correct(z + step * curve.unit(tangent), tangent)
        turned = (
            None if ahead is None or curve.distance(ahead, z) > MAX_DISTANCE * step else curve.tangent(ahead, tangent)
        )
        if ahead is None or turned is None or curve.cosine(turned, tangent) < MIN_COSINE:
            step /= 2
            if step < min_step:
                logger.warning("the branch could not be followed beyond the parameter %.6g", curve.parameter(z))
                return points, "step"
            continue
        z, tangent = ahead, turned
        points.append(z)
        if not 0 <= z[-1] <= 1:
            points[-1] = curve.at_edge(points[-2], z)
            return points, "range"
        if len(points) > MIN_CLOSED_POINTS and curve.distance(z, first) < CLOSED * step:
            return points, "closed"
        step = min(max_step, step * GROWTH) if effort <= FEW_CORRECTIONS else step
    logger.warning("the branch was not finished after %d points", max_points)
    return points, "max_points"


def _branch(curve: FixedPointCurve, points: list[NDArray[np.float64]], ends: tuple[End, End]) -> Branch:
    found: list[Bifurcation] = []
    for z, ahead in zip(points, points[1:], strict=False):
        found += bifurcations_between(curve, z, ahead)
    z = np.array(points)
    values = np.array([curve.spectrum(p) for p in points])
    residual = max(float(np.sqrt(np.square(curve.force(p) * curve.scale.numpy()).mean())) for p in points)
    states = curve.centre + curve.scale * torch.as_tensor(z[:, :-1])
    return Branch(
        parameters=curve.low + (curve.high - curve.low) * z[:, -1],
        states=states.numpy(),
        eigenvalues=values,
        index=(values.real > 0).sum(1),
        bifurcations=tuple(found),
        ends=ends,
        converged=set(ends) <= {"range", "closed"},
        residual=residual,
        n_steps=curve.n_steps,
    )
