"""States on the borders between basins, which flow to the saddles there."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from landscape.topography.field import Field, length
from landscape.topography.fixed_points.flow import relax

# Share of the segment between two attractors to which the border is narrowed: a state this close to it follows it
# for about ln(1e12) = 28 times the saddle's escape time before it falls to a side.
NARROW = 1e-12
# States that are tried on all segments together in one round. A segment is cut into many parts rather than halved,
# because a round costs its longest path whatever the number of states.
TRIED = 600


def border_states(field: Field, stable: Tensor, fresh: Tensor, *, max_steps: int, max_pairs: int) -> Tensor:
    r"""States of low speed on the paths that start from the border of a basin.

    The segment from one attractor to another leaves the first one's basin at a point found by repeated division.
    From there the flow runs along the border, where saddles of index 1 attract it; the local minima of its speed
    are starts for Newton.

    Parameters
    ----------
    field
        Dimensionless field.
    stable
        Attractors, shape ``(k, d)``.
    fresh
        Whether each attractor is new, shape ``(k,)``; pairs of old ones are left out.
    max_steps
        Most steps of a path.
    max_pairs
        Most ordered pairs; the nearest are taken.

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
    radius = 0.05 * apart.min(1).values
    parts = max(1, min(31, TRIED // len(home)))
    share = torch.arange(1, parts + 1, dtype=stable.dtype)[:, None, None] / (parts + 1)
    for _ in range(math.ceil(-math.log(NARROW) / math.log(parts + 1))):
        tried = inner + share * (outer - inner)
        ends = relax(field, tried.flatten(0, 1), max_steps=max_steps, targets=stable, radius=radius)
        # The first state that does not flow home ends the segment; the one before it starts it.
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
    """Collects the states where the speed along each path has a local minimum."""

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


def distinct(y: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Leaders of clusters of given radius, first come first served, and the cluster of each state.

    Parameters
    ----------
    y
        States, shape ``(n, d)``.
    radius
        States closer than this to a leader belong to it.

    Returns
    -------
    Indices of the leaders and, for each state, the position of its leader in them.
    """
    member = torch.full((len(y),), -1)
    leaders: list[int] = []
    while (open_rows := torch.nonzero(member < 0)[:, 0]).numel():
        leader = int(open_rows[0])
        close = length(y[open_rows] - y[leader]) <= radius
        close[0] = True
        member[open_rows[close]] = len(leaders)
        leaders.append(leader)
    return torch.tensor(leaders, dtype=torch.long), member
