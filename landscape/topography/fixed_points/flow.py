"""Deterministic flow of many states at once, each with its own step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.topography.field import Field, length

# Local error of a step, in units of the field's scale. Attractors are polished by Newton, so that the path to
# them only has to stay in the right basin.
STEP_ERROR = 1e-4


@dataclass(frozen=True)
class Relaxation:
    """Ends of the flow: states, whether each settled, time that passed, steps taken, and the target it reached."""

    y: Tensor
    settled: Tensor
    time: Tensor
    n_steps: Tensor
    target: Tensor


def first_step(field: Field, y: Tensor, f: Tensor) -> Tensor:
    """Step that moves a state by at most a tenth of the scale, and less where the field changes faster."""
    speed = length(f).clamp_min(1e-300)
    small = (1e-3 / speed)[:, None]
    change = length(field(y + small * f) - f) / 1e-3
    change = torch.where(torch.isfinite(change), change, torch.inf)
    return torch.minimum(0.1 / speed, 0.1 / change.clamp_min(1e-300)).clamp(1e-300, 1e300)


def runge_kutta(field: Field, y: Tensor, f: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One Bogacki-Shampine step of order 3: states ahead, their velocity, and the local error."""
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
    nearness: float = 1e-5,
    targets: Tensor | None = None,
    radius: Tensor | None = None,
    error: float = STEP_ERROR,
    observe: Callable[[Tensor, Tensor, Tensor], None] | None = None,
) -> Relaxation:
    r"""Follow the flow until each state has come to rest or entered a target.

    A state is at rest when it slows down and :math:`|f| / \lambda`, with :math:`\lambda = |\Delta f| / |\Delta y|`
    the rate of approach measured over its last step, is below ``nearness``: both are lengths, so that the unit of
    time does not matter. Rest is not proof of a fixed point; Newton decides.

    Parameters
    ----------
    field
        Dimensionless field.
    y
        Starts, shape ``(n, d)``.
    max_steps
        Most accepted steps of a state.
    nearness
        Distance from rest, in units of the scale.
    targets, radius
        Centres ``(k, d)`` and radii ``(k,)`` of balls that end a state's path.
    error
        Local error of a step.
    observe
        Called after each step with the rows, their states and their speeds.
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
        # |delta f| / |delta y| of a step is the rate at which the state approaches its rest.
        moved, changed = length(ahead - now), length(velocity - force)
        # Near rest a fixed error would let the fast coordinates jitter for ever at its level.
        allowed = (0.2 * moved).clamp(1e-12, error)
        good = wrong <= allowed
        took = torch.where(good, h, 0.0)
        h = h * (0.9 * (allowed / wrong.clamp_min(1e-300)) ** (1 / 3)).clamp(0.2, 5.0)
        slower = length(velocity) < length(force)
        rest = good & slower & (length(velocity) * moved <= nearness * changed) & (moved <= 100 * nearness)
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
        lost = (length(now) > 1e6) | (h < 1e-290)
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
