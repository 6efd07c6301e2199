"""Limit cycles by Newton shooting, with their Floquet multipliers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
import torch
from scipy.integrate import solve_ivp

from landscape._numbers import TINY
from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import Field, as_states, distinct, field_around
from landscape.topography.fixed_points.flow import relax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

logger = logging.getLogger(__name__)

# A loop smaller than this share of the scale is a focus at which a trajectory has not yet settled.
MIN_LOOP = 1e-3
# Returns to the section that are tried, and the distance from the start, over the size of the loop, at which one
# closes the orbit.
MAX_RETURNS, CLOSE_RETURN = 40, 0.05
# Starts whose trajectories end closer than this, in units of the scale, are followed once.
SAME_START = 1e-2
# Distance from a cycle, over its radius, at which a state is on it. The polygon of the kept states leaves the orbit by
# up to an eighth of the squared spacing over the radius.
ON_CYCLE = 0.02
# Newton's method has left the orbit when the period leaves this range, in units of the first estimate.
PERIOD_RANGE = (0.2, 5)
# Explicit Runge-Kutta of order 8 (Dormand-Prince); its error must stay far below the tolerance of the orbit.
INTEGRATION = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-12}


@dataclass(frozen=True)
class Cycle:
    r"""A periodic orbit.

    Attributes
    ----------
    period
        Time of one revolution.
    points
        States at equal times along one revolution, shape ``(m, d)``; the first is not repeated.
    multipliers
        Floquet multipliers: eigenvalues of the monodromy matrix, largest modulus first, shape ``(d,)``. One is 1,
        along the orbit.
    stable
        Whether all multipliers but that one lie inside the unit circle.
    residual
        Root mean square distance between the ends of one revolution, in the unit of the coordinates.
    converged
        Whether the residual is one that an orbit within ``tolerance`` of a closed one can have,
        :math:`|\Phi_T(x) - x| \le (\lVert M - I \rVert_2 + |f| T)\, \epsilon` in units of the scale.
    n_steps
        Newton steps.
    n_starts
        Starts whose trajectory led to this orbit.
    """

    period: float
    points: NDArray[np.float64]
    multipliers: NDArray[np.complex128]
    stable: bool
    residual: float
    converged: bool
    n_steps: int
    n_starts: int


@dataclass(frozen=True)
class Cycles(Sequence[Cycle]):
    """Cycles sorted by period, with the outcome of every start.

    Attributes
    ----------
    cycles
        The records.
    ends
        Position of the cycle to which each start converged, -1 for none; shape ``(n_starts,)``.
    n_rest
        Starts that settled at a fixed point instead.
    n_unresolved
        Starts that converged neither to a fixed point nor to a cycle: chaos, divergence, or too few ``max_steps``.
    """

    cycles: tuple[Cycle, ...]
    ends: NDArray[np.int64]
    n_rest: int
    n_unresolved: int

    @overload
    def __getitem__(self, key: int) -> Cycle: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Cycle, ...]: ...
    def __getitem__(self, key: int | slice) -> Cycle | tuple[Cycle, ...]:
        """Cycle or cycles by position."""
        return self.cycles[key]

    def __len__(self) -> int:
        """Number of cycles."""
        return len(self.cycles)

    def __iter__(self) -> Iterator[Cycle]:
        """Iterate over the cycles."""
        return iter(self.cycles)


@on_one_thread
def limit_cycles(
    drift: Drift,
    starts: ArrayLike | Tensor,
    *,
    metric: ArrayLike | Tensor | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 2000,
    max_newton: int = 25,
    max_orbits: int = 16,
    n_points: int = 200,
) -> Cycles:
    r"""Find the limit cycles to which starts converge.

    Starts that do not settle are followed until they return to a Poincare section. Newton's method then solves for a
    state :math:`x` and a period :math:`T`

    .. math:: \Phi_T(x) - x = 0, \qquad f(x_0) \cdot (x - x_0) = 0,

    with the monodromy matrix :math:`\partial \Phi_T / \partial x` integrated beside the orbit (order 8).

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64.
    starts
        States, shape ``(n, d)`` or ``(d,)``.
    metric
        Length of each coordinate, as in :func:`fixed_points`.
    tolerance
        Largest Newton correction of a converged orbit over the scale.
    max_steps
        Maximum number of steps of the flow from a start before the search for a cycle.
    max_newton
        Maximum number of Newton steps.
    max_orbits
        Maximum number of trajectories that are examined, spread over the starts that do not settle.
    n_points
        Number of states kept along each orbit.

    Returns
    -------
    Sequence of :class:`Cycle`; empty where every start settles.

    Raises
    ------
    TypeError, ValueError
        As :func:`fixed_points`.
    """
    states = as_states(starts, name="starts")
    if not tolerance > 0 or min(max_steps, max_newton, max_orbits, n_points) < 1:
        msg = "Expected positive `tolerance`, `max_steps`, `max_newton`, `max_orbits` and `n_points`."
        raise ValueError(msg)
    field = field_around(drift, states, metric=metric)
    flow = relax(field, field.inside(states), max_steps=max_steps)
    unsettled = torch.nonzero(~flow.settled & torch.isfinite(field(flow.y)).all(1) & (flow.n_steps >= max_steps))[:, 0]
    ends = np.full(len(states), -1)
    found: list[Cycle] = []
    if len(unsettled):
        leaders, _ = distinct(flow.y[unsettled], SAME_START)
        chosen = np.unique(np.linspace(0, len(leaders) - 1, min(max_orbits, len(leaders))).round().astype(int))
        for k in leaders[chosen].tolist():
            row = int(unsettled[k])
            if _which(field, found, field.outside(flow.y[row : row + 1])) >= 0:
                continue
            cycle = _shoot(field, flow.y[row].numpy(), float(flow.time[row]), tolerance, max_newton, n_points)
            if cycle is not None and _which(field, found, torch.as_tensor(cycle.points)) < 0:
                found.append(cycle)
        found.sort(key=lambda c: c.period)
        for row in unsettled.tolist():
            ends[row] = _which(field, found, field.outside(flow.y[row : row + 1]))
    rest = int(flow.settled.sum())
    unresolved = len(states) - rest - int((ends >= 0).sum())
    if unresolved:
        logger.warning("%d of %d starts converged neither to a fixed point nor to a cycle", unresolved, len(states))
    counted = tuple(Cycle(**{**vars(c), "n_starts": int((ends == k).sum())}) for k, c in enumerate(found))
    return Cycles(counted, ends, rest, unresolved)


def _which(field: Field, found: list[Cycle], x: Tensor) -> int:
    """Position of the cycle on which the first of some states lies, -1 for none."""
    y = field.inside(x[0])
    for k, cycle in enumerate(found):
        orbit = field.inside(torch.as_tensor(cycle.points))
        ahead = orbit.roll(-1, 0) - orbit
        share = ((y - orbit) * ahead).sum(1) / ahead.square().sum(1).clamp_min(TINY)
        apart = (y - orbit - share.clamp(0, 1)[:, None] * ahead).square().mean(1).sqrt().min()
        if apart <= ON_CYCLE * float((orbit - orbit.mean(0)).square().mean(1).sqrt().max()):
            return k
    return -1


def _velocity(field: Field, y: NDArray[np.float64]) -> NDArray[np.float64]:
    return field(torch.as_tensor(y)[None])[0].numpy()


def _revolution(field: Field, y: NDArray[np.float64], period: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State after one period, and the monodromy matrix."""
    d = len(y)

    def variational(_: float, both: NDArray[np.float64]) -> NDArray[np.float64]:
        at = torch.as_tensor(both[:d])[None]
        change = field.jacobian(at)[0].numpy() @ both[d:].reshape(d, d)
        return np.concatenate([field(at)[0].numpy(), change.ravel()])

    out = solve_ivp(variational, (0.0, period), np.concatenate([y, np.eye(d).ravel()]), **INTEGRATION)
    return out.y[:d, -1], out.y[d:, -1].reshape(d, d)


def _first_return(field: Field, y: NDArray[np.float64], horizon: float) -> tuple[float, float] | None:
    """Time of the first close return to the section through a state, and the size of the loop."""
    normal = _velocity(field, y)

    def section(time: float, at: NDArray[np.float64]) -> float:
        # Integration starts on the section and must not stop there at once.
        return float(normal @ (at - y)) if time > 0 else 1.0

    section.direction = 1.0  # type: ignore[attr-defined]
    section.terminal = True  # type: ignore[attr-defined]
    at, passed, size = y, 0.0, 0.0
    for _ in range(MAX_RETURNS):
        out = solve_ivp(lambda _, at: _velocity(field, at), (0.0, horizon), at, events=section, **INTEGRATION)
        size = max(size, float(np.sqrt(np.square(out.y - y[:, None]).mean(0)).max()))
        if not len(out.t_events[0]):
            return None
        at, passed = out.y[:, -1], passed + float(out.t[-1])
        if np.sqrt(np.square(at - y).mean()) <= CLOSE_RETURN * size:
            return passed, size
    return None


def _shoot(
    field: Field, y: NDArray[np.float64], horizon: float, tolerance: float, max_newton: int, n_points: int
) -> Cycle | None:
    first = _first_return(field, y, horizon)
    if first is None or first[1] < MIN_LOOP:
        return None
    period, anchor, d = first[0], y.copy(), len(y)
    section = _velocity(field, anchor)
    for step in range(1, max_newton + 1):
        end, monodromy = _revolution(field, y, period)
        system = np.zeros((d + 1, d + 1))
        system[:d, :d] = monodromy - np.eye(d)
        system[:d, d] = _velocity(field, end)
        system[d, :d] = section
        change = np.linalg.lstsq(system, -np.append(end - y, section @ (y - anchor)), rcond=None)[0]
        y, period = y + change[:d], period + change[d]
        if not np.isfinite(y).all() or not PERIOD_RANGE[0] * first[0] < period < PERIOD_RANGE[1] * first[0]:
            return None
        small = np.sqrt(np.square(change[:d]).mean()) <= tolerance and abs(change[d]) <= tolerance * period
        if small:
            return cycle_record(field, y, period, tolerance, step, n_points)
    return None


def cycle_record(
    field: Field, y: NDArray[np.float64], period: float, tolerance: float, n_steps: int, n_points: int
) -> Cycle | None:
    """Record of the orbit through a state; ``None`` where it is no larger than a point."""
    end, monodromy = _revolution(field, y, period)
    times = np.arange(n_points) * period / n_points
    orbit = solve_ivp(lambda _, at: _velocity(field, at), (0.0, period), y, t_eval=times, **INTEGRATION).y.T
    if np.sqrt(np.square(orbit - y).mean(1)).max() < MIN_LOOP:
        return None
    values = np.linalg.eigvals(monodromy).astype(np.complex128)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    others = np.delete(values, np.argmin(np.abs(values - 1)))
    miss = torch.as_tensor(end - y) * field.scale
    # What a change of the state, and of the period, within tolerance can do to the end of a revolution.
    speed = float(np.sqrt(np.square(_velocity(field, end)).mean()))
    reach = float(np.linalg.norm(monodromy - np.eye(len(y)), 2)) + speed * period
    return Cycle(
        period=float(period),
        points=field.outside(torch.as_tensor(orbit)).numpy(),
        multipliers=values,
        stable=bool((np.abs(others) < 1).all()),
        residual=float(miss.square().mean().sqrt()),
        converged=bool(np.sqrt(np.square(end - y).mean()) <= reach * (tolerance + field.rounding)),
        n_steps=n_steps,
        n_starts=0,
    )
