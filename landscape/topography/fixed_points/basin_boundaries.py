"""Edge tracking: states on the boundaries between basins, from which the flow leads to saddles."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from landscape.topography.field import Field
from landscape.topography.fixed_points.flow import relax

# Share of the segment between two attractors to which the boundary is bracketed: a state this close follows the
# boundary for about ln(1e12) = 28 escape times of the saddle before it leaves to one side.
BRACKET = 1e-12
# States on all segments together in one round. A segment is cut into many parts rather than halved, because the cost
# of a round is that of its longest trajectory, whatever the number of states.
STATES_PER_ROUND = 600
# More parts than this narrow a segment hardly faster: the number of rounds falls with the logarithm.
MAX_PARTS = 31
# Radius of an attractor over the distance to its nearest neighbour: entering it decides the basin.
ATTRACTOR_RADIUS = 0.05


def boundary_states(field: Field, stable: Tensor, fresh: Tensor, *, max_steps: int, max_pairs: int) -> Tensor:
    r"""Slow states on trajectories that start at the boundary of a basin.

    The segment from one attractor to another leaves the basin of the first at a point that repeated subdivision
    brackets. From there the flow follows the boundary, within which saddles of index 1 are attracting; local minima
    of the speed are starts for Newton's method.

    Parameters
    ----------
    field
        Dimensionless field.
    stable
        Attractors, shape ``(k, d)``.
    fresh
        Whether each attractor is new, shape ``(k,)``; pairs without a new one are skipped.
    max_steps
        Maximum number of steps of a trajectory.
    max_pairs
        Maximum number of ordered pairs; the nearest are taken.

    Returns
    -------
    States, shape ``(m, d)``.
    """
    if len(stable) < 2 or not fresh.any():
        return stable[:0]
    apart = torch.cdist(stable, stable) / stable.shape[1] ** 0.5
    apart.fill_diagonal_(torch.inf)
    wanted = torch.where(fresh[:, None] | fresh, apart, torch.inf)
    order = wanted.flatten().argsort()[: min(max_pairs, int(torch.isfinite(wanted).sum()))]
    home = order // len(stable)
    inner, outer = stable[home], stable[order % len(stable)]
    radius = ATTRACTOR_RADIUS * apart.min(1).values
    parts = max(1, min(MAX_PARTS, STATES_PER_ROUND // len(home)))
    share = torch.arange(1, parts + 1, dtype=stable.dtype)[:, None, None] / (parts + 1)
    for _ in range(math.ceil(-math.log(BRACKET) / math.log(parts + 1))):
        tried = inner + share * (outer - inner)
        ends = relax(field, tried.flatten(0, 1), max_steps=max_steps, targets=stable, radius=radius)
        # The first state that does not return to its attractor ends the segment; the one before it starts it.
        left = (ends.target.view(parts, -1) != home).long()
        steps = torch.where(left.any(0), left.argmax(0), parts)
        nodes = torch.cat([inner[None], tried, outer[None]])
        pair = torch.arange(len(home))
        inner, outer = nodes[steps, pair], nodes[steps + 1, pair]
    start = torch.cat([inner, outer])
    slow = _SlowStates(len(start))
    relax(field, start, max_steps=max_steps, targets=stable, radius=radius, observe=slow)
    return torch.cat([*slow.found, inner])


class _SlowStates:
    """Collects the states at which the speed along each trajectory has a local minimum."""

    def __init__(self, n: int) -> None:
        self.before = torch.full((n,), torch.inf, dtype=torch.float64)
        self.falling = torch.zeros(n, dtype=torch.bool)
        self.at: Tensor | None = None
        self.found: list[Tensor] = []

    def __call__(self, rows: Tensor, y: Tensor, speed: Tensor) -> None:
        if self.at is None:
            self.at = torch.zeros((len(self.before), y.shape[1]), dtype=y.dtype)
        turned = self.falling[rows] & (speed > self.before[rows])
        self.found.append(self.at[rows[turned]])
        self.falling[rows] = speed < self.before[rows]
        self.before[rows], self.at[rows] = speed, y
