"""Noise-free flow of many states at once, each with its own time step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.topography.field import Field, length

# All lengths are in units of the field's scale.
# Local error of a step. Newton's method polishes the attractors, so that a trajectory only has to stay in its basin.
STEP_ERROR = 1e-4
# The error of a step is at most this share of its length: near rest a fixed error would let the fast coordinates
# jitter for ever at its level. Below the floor the error is rounding.
ERROR_PER_MOVE, MIN_ERROR = 0.2, 1e-12
# The first step moves a state by at most this much, and changes its velocity by at most this share of the speed.
FIRST_MOVE = 0.1
# Displacement over which the change of the velocity is measured for the first step: far above rounding, and small
# enough to be linear.
PROBE = 1e-3
# Step-size control of order 3 (Hairer, Norsett, Wanner, *Solving Ordinary Differential Equations I*, II.4): the new
# step is the optimal one times a safety factor, and changes by at most a factor of five.
ORDER, SAFETY, MIN_FACTOR, MAX_FACTOR = 3, 0.9, 0.2, 5.0
# Distance from rest at which a state counts as settled, and the longest last step, in units of that distance, over
# which the rate of approach is a local one.
NEARNESS, MAX_LAST_STEP = 1e-5, 100
# Beyond this distance a trajectory has escaped.
ESCAPE = 1e6
# Guards against division by zero, and the step below which time no longer advances.
HUGE, MIN_STEP = 1e300, 1e-290


@dataclass(frozen=True)
class Relaxation:
    """Ends of trajectories: state, whether it settled, elapsed time, number of steps, and the target it entered."""

    y: Tensor
    settled: Tensor
    time: Tensor
    n_steps: Tensor
    target: Tensor


def first_step(field: Field, y: Tensor, f: Tensor) -> Tensor:
    """Time step that moves a state by at most a tenth of the scale, and less where the velocity changes faster."""
    speed = length(f).clamp_min(TINY)
    small = (PROBE / speed)[:, None]
    change = length(field(y + small * f) - f) / PROBE
    change = torch.where(torch.isfinite(change), change, torch.inf)
    return torch.minimum(FIRST_MOVE / speed, FIRST_MOVE / change.clamp_min(TINY)).clamp(TINY, HUGE)


def runge_kutta(field: Field, y: Tensor, f: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of the Bogacki-Shampine pair 3(2): new states, their velocity, and the local error.

    References
    ----------
    Bogacki, Shampine (1989), *Applied Mathematics Letters* 2, 321. https://doi.org/10.1016/0893-9659(89)90079-7
    """
    # The fractions are the tableau of the pair.
    h = h[:, None]
    second = field(y + 0.5 * h * f)
    third = field(y + 0.75 * h * second)
    ahead = y + h * (2 / 9 * f + 1 / 3 * second + 4 / 9 * third)
    fourth = field(ahead)
    error = length(h * (-5 / 72 * f + 1 / 12 * second + 1 / 9 * third - 1 / 8 * fourth))
    return ahead, fourth, torch.where(torch.isfinite(error), error, torch.inf)


def relax(
    field: Field,
    y: Tensor,
    *,
    max_steps: int,
    nearness: float = NEARNESS,
    targets: Tensor | None = None,
    radius: Tensor | None = None,
    error: float = STEP_ERROR,
    observe: Callable[[Tensor, Tensor, Tensor], None] | None = None,
) -> Relaxation:
    r"""Follow the flow until each state has settled or entered a target.

    A state has settled when it slows down and :math:`|f| / \lambda`, with :math:`\lambda = |\Delta f| / |\Delta y|`
    the rate of approach over its last step, is below ``nearness``: both are lengths, so that the unit of time does
    not matter. This does not prove a fixed point; Newton's method decides.

    Parameters
    ----------
    field
        Dimensionless field.
    y
        Starts, shape ``(n, d)``.
    max_steps
        Maximum number of accepted steps of a state.
    nearness
        Distance from rest at which a state has settled, in units of the scale.
    targets, radius
        Centres ``(k, d)`` and radii ``(k,)`` of balls that end a trajectory.
    error
        Local error of a step.
    observe
        Called after each accepted step with the rows, their states and their speeds.
    """
    y, f = y.clone(), field(y)
    n = len(y)
    settled, target = torch.zeros(n, dtype=torch.bool), torch.full((n,), -1)
    time, n_steps = torch.zeros(n, dtype=y.dtype), torch.zeros(n, dtype=torch.long)
    settled |= length(f) == 0
    _capture(y, torch.arange(n), target, targets, radius)
    rows = torch.nonzero(~settled & (target < 0) & torch.isfinite(f).all(1))[:, 0]
    if not len(rows):
        return Relaxation(y, settled, time, n_steps, target)
    now, force = y[rows], f[rows]
    h = first_step(field, now, force)
    for _ in range(2 * max_steps):
        ahead, velocity, wrong = runge_kutta(field, now, force, h)
        # |delta f| / |delta y| of a step is the rate at which the state approaches rest.
        moved, changed = length(ahead - now), length(velocity - force)
        allowed = (ERROR_PER_MOVE * moved).clamp(MIN_ERROR, error)
        good = wrong <= allowed
        took = torch.where(good, h, 0.0)
        h = h * (SAFETY * (allowed / wrong.clamp_min(TINY)) ** (1 / ORDER)).clamp(MIN_FACTOR, MAX_FACTOR)
        slower = length(velocity) < length(force)
        rest = good & slower & (length(velocity) * moved <= nearness * changed) & (moved <= MAX_LAST_STEP * nearness)
        rest |= good & (length(velocity) == 0)
        now = torch.where(good[:, None], ahead, now)
        force = torch.where(good[:, None], velocity, force)
        time[rows] += took
        n_steps[rows] += good.long()
        y[rows], settled[rows] = now, rest
        if observe is not None:
            observe(rows[good], now[good], length(force[good]))
        if targets is not None:
            _capture(now, rows, target, targets, radius)
        lost = (length(now) > ESCAPE) | (h < MIN_STEP)
        keep = ~rest & (target[rows] < 0) & (n_steps[rows] < max_steps) & ~lost
        if not keep.all():
            rows, now, force, h = rows[keep], now[keep], force[keep], h[keep]
            if not len(rows):
                break
    return Relaxation(y, settled, time, n_steps, target)


def _capture(y: Tensor, rows: Tensor, target: Tensor, targets: Tensor | None, radius: Tensor | None) -> None:
    if targets is None or radius is None or not len(targets):
        return
    apart = torch.cdist(y, targets) / y.shape[1] ** 0.5 / radius
    ratio, nearest = apart.min(1)
    target[rows] = torch.where(ratio <= 1, nearest, target[rows])
