"""States on the borders between basins, which flow to the saddles there."""

from __future__ import annotations

import torch
from torch import Tensor

from landscape.topography._field import Field, length
from landscape.topography._flow import relax

# Halvings of the segment between two attractors: a state this close to the border follows it for about
# ln(2^40) = 28 times the saddle's escape time before it falls to a side.
HALVINGS = 40


def border_states(field: Field, stable: Tensor, *, max_steps: int, max_pairs: int) -> Tensor:
    r"""States of low speed on the paths that start from the border of a basin.

    The segment from one attractor to another leaves the first one's basin at a point found by bisection. From
    there the flow runs along the border, where saddles of index 1 attract it; the local minima of its speed are
    starts for Newton.

    Parameters
    ----------
    field
        Dimensionless field.
    stable
        Attractors, shape ``(k, d)``.
    max_steps
        Most steps of a path.
    max_pairs
        Most ordered pairs; of more, those of near neighbours are taken.

    Returns
    -------
    States, shape ``(m, d)``.
    """
    k = len(stable)
    if k < 2:
        return stable[:0]
    apart = torch.cdist(stable, stable) / stable.shape[1] ** 0.5
    apart.fill_diagonal_(torch.inf)
    neighbours = apart.argsort(1)[:, : max(1, min(k - 1, max_pairs // k))]
    home = torch.arange(k).repeat_interleave(neighbours.shape[1])
    inner, outer = stable[home], stable[neighbours.reshape(-1)]
    radius = 0.05 * apart.min(1).values
    for _ in range(HALVINGS):
        middle = (inner + outer) / 2
        ends = relax(field, middle, max_steps=max_steps, targets=stable, radius=radius)
        stays = (ends.target == home)[:, None]
        inner, outer = torch.where(stays, middle, inner), torch.where(stays, outer, middle)
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
