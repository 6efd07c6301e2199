"""Basins of attraction of the noise-free flow."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import Field, as_states, field_around, length
from landscape.topography.fixed_points.cycles import Cycle
from landscape.topography.fixed_points.flow import relax
from landscape.topography.fixed_points.roots import FixedPoint

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

logger = logging.getLogger(__name__)

# First radius of the ball around an attractor in which a state has arrived, over the distance to the nearest other one.
ARRIVAL = 0.02
# States on the surface of each ball that must flow to its core, of this share of the radius; the local error of that
# flow; and how often a ball that fails is shrunk, by this factor.
PROBES, CORE, PROBE_ERROR, MAX_SHRINKS, SHRINK = 64, 0.1, 1e-6, 6, 10
# Distance from rest at which a state has settled: states that rest at no given attractor are counted.
NEARNESS = 1e-8


@dataclass(frozen=True)
class Basins:
    """Basin of each state.

    Attributes
    ----------
    labels
        Position of the attractor in the list that was given, -1 where none was reached; shape ``(n,)``.
    time
        Time until arrival, or until the end of the trajectory; shape ``(n,)``.
    n_undecided
        Number of states that reached no attractor.
    n_elsewhere
        Number of those that settled at a state that is not in the list.
    radius
        Radius of the ball of arrival around each attractor, in units of the metric, shape ``(k,)``.
    converged
        Whether every state reached an attractor.
    n_steps
        Number of steps of the longest trajectory.
    """

    labels: NDArray[np.int64]
    time: NDArray[np.float64]
    n_undecided: int
    n_elsewhere: int
    radius: NDArray[np.float64]
    converged: bool
    n_steps: int


@on_one_thread
def basin_of(
    drift: Drift,
    states: ArrayLike | Tensor,
    attractors: Sequence[FixedPoint | Cycle] | ArrayLike | Tensor,
    *,
    metric: ArrayLike | Tensor | None = None,
    max_steps: int = 5000,
) -> Basins:
    r"""Assign states to basins by following the noise-free flow to the attractors.

    A state has arrived when it enters a small ball around an attractor. Test states on the surface of the ball must
    all flow to its centre; the ball shrinks until they do.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64.
    states
        States, shape ``(n, d)`` or ``(d,)``.
    attractors
        Stable fixed points and cycles (records), or states of shape ``(k, d)``.
    metric
        Length of each coordinate, a number or shape ``(d,)``; by default the spread of states and attractors.
    max_steps
        Maximum number of steps of a trajectory; a state that needs more is undecided.

    Returns
    -------
    Labels, times and the number of undecided states.

    Raises
    ------
    ValueError
        If there are no attractors, a record is not stable, an attractor does not attract, or shapes differ.
    TypeError
        If the drift is not a callable that returns float64 tensors.
    """
    x = as_states(states, name="states")
    orbits = _orbits(attractors, x.shape[1])
    sizes = torch.tensor([len(o) for o in orbits])
    owner = torch.repeat_interleave(torch.arange(len(orbits)), sizes)
    field = field_around(drift, torch.cat([x, *orbits]), metric=metric)
    targets = field.inside(torch.cat(orbits))
    radius = _arrival(field, targets, owner, sizes, max_steps)
    flow = relax(field, field.inside(x), max_steps=max_steps, targets=targets, radius=radius[owner], nearness=NEARNESS)
    labels = torch.where(flow.target >= 0, owner[flow.target], -1)
    undecided = labels < 0
    if undecided.any():
        logger.warning("%d of %d states reached no attractor", int(undecided.sum()), len(x))
    return Basins(
        labels=labels.numpy(),
        time=flow.time.numpy(),
        n_undecided=int(undecided.sum()),
        n_elsewhere=int((undecided & flow.settled).sum()),
        radius=radius.numpy(),
        converged=not bool(undecided.any()),
        n_steps=int(flow.n_steps.max()),
    )


def _orbits(attractors: Sequence[FixedPoint | Cycle] | ArrayLike | Tensor, d: int) -> list[Tensor]:
    """States of each attractor: one for a fixed point, those along the orbit for a cycle."""
    records = not isinstance(attractors, Tensor | np.ndarray) and len(attractors) > 0  # type: ignore[arg-type]
    items = list(attractors) if records else []  # type: ignore[arg-type]
    if items and isinstance(items[0], FixedPoint | Cycle):
        for item in items:
            stable = item.stable if isinstance(item, Cycle) else item.index == 0
            if not stable:
                msg = "Expected stable attractors, found an unstable one; pass `fixed_points(...).stable`."
                raise ValueError(msg)
        orbits = [as_states(i.points if isinstance(i, Cycle) else i.x, name="attractors") for i in items]
    elif isinstance(attractors, Tensor | np.ndarray) and len(attractors) == 0 or not len(attractors):  # type: ignore[arg-type]
        msg = "Expected at least one attractor, found none; find them with `fixed_points` or `limit_cycles`."
        raise ValueError(msg)
    else:
        orbits = list(as_states(attractors, name="attractors").split(1))  # type: ignore[arg-type]
    if wrong := [tuple(o.shape) for o in orbits if o.shape[1] != d]:
        msg = f"Expected attractors with {d} coordinates like the states, found shape {wrong[0]}."
        raise ValueError(msg)
    return orbits


def _arrival(field: Field, targets: Tensor, owner: Tensor, sizes: Tensor, max_steps: int) -> Tensor:
    """Radius of the ball of arrival around each attractor; that of fixed points is tested by the flow."""
    apart = torch.cdist(targets, targets) / field.dimension**0.5
    apart[owner[:, None] == owner] = torch.inf
    gap = torch.full((len(sizes),), torch.inf, dtype=torch.float64)
    gap = gap.scatter_reduce(0, owner, apart.min(1).values, "amin")
    radius = ARRIVAL * gap.clamp_max(1.0)
    points = torch.nonzero(sizes == 1)[:, 0]
    centres = targets[torch.searchsorted(owner, points)]
    direction = torch.randn((PROBES, field.dimension), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    direction /= length(direction)[:, None]
    for _ in range(MAX_SHRINKS):
        if not len(points):
            return radius
        probes = centres[:, None] + radius[points][:, None, None] * direction
        core = CORE * radius[points]
        ends = relax(field, probes.flatten(0, 1), max_steps=max_steps, targets=centres, radius=core, error=PROBE_ERROR)
        returned = (ends.target.view(len(points), -1) == torch.arange(len(points))[:, None]).all(1)
        points, centres = points[~returned], centres[~returned]
        radius[points] /= SHRINK
    if len(points):
        msg = (
            f"Attractors {points.tolist()} do not attract the states around them; pass stable fixed points, such as "
            "`fixed_points(...).stable`."
        )
        raise ValueError(msg)
    return radius
