"""Where cells shall go: attractors of the model, by their positions, or by the levels of some genes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._keys import perturbation_name
from landscape.dynamics import Model
from landscape.reprogramming.flow import hold_and_release
from landscape.topography.fates.outcomes import References
from landscape.topography.field import distinct
from landscape.topography.fixed_points.roots import fixed_points

# An end is an attractor if it is within this share of the reach of a fate: far more than the rest of the way of an end at
# rest, far less than the distance of a saddle.
SAME = 0.05


@dataclass(frozen=True, eq=False)
class Goal:
    """Attractors that count as the target, among all known ones.

    Attributes
    ----------
    states
        Attractors, shape ``(k, d)``.
    wanted
        Whether each is the target, shape ``(k,)``.
    near
        Distance, root mean square over genes, up to which an end is an attractor.
    """

    states: Tensor
    wanted: NDArray[np.bool_]
    near: float

    def reached(self, ends: Tensor, rests: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether ends are at rest and at a wanted attractor, shape ``(m,)``."""
        apart = torch.cdist(ends, self.states) / ends.shape[1] ** 0.5
        distance, nearest = apart.min(1)
        return rests & (distance <= self.near).numpy() & self.wanted[nearest.numpy()]


def goal_of(known: References, target: NDArray[np.int64], *, near: float = SAME) -> Goal:
    """Goal of some attractors by their positions; ``near`` is in units of the reach of a fate."""
    wanted = np.zeros(len(known.states), dtype=bool)
    wanted[target] = True
    return Goal(torch.as_tensor(known.states), wanted, near * known.reach)


def attractors_with(
    model: Model[Any], levels: Mapping[int, float], starts: NDArray[np.float64], *, reach: float
) -> NDArray[np.float64]:
    """Attractors of the model in which some genes have given levels, at most a reach away, shape ``(k, d)``.

    All of these genes are held at their levels until the others rest, and released. What has then left the levels cannot be
    kept there by the model.

    Parameters
    ----------
    model
        The model.
    levels
        Level of each gene, by position.
    starts
        States to start from, shape ``(n, d)``.
    reach
        Root mean square distance over these genes that is allowed.
    """
    genes, values = np.array(list(levels)), np.array(list(levels.values()), dtype=float)
    rows = (len(starts), 1)
    found = hold_and_release(model, torch.as_tensor(starts), np.tile(genes, rows), np.tile(values, rows), reach=reach)
    ends = found.end.numpy()[found.rests]
    close = np.sqrt(((ends[:, genes] - values) ** 2).mean(1)) <= reach
    if not close.any():
        return np.empty((0, starts.shape[1]))
    near = torch.as_tensor(ends[close])
    leaders, _ = distinct(near, SAME * reach * ends.shape[1] ** 0.5)
    points = fixed_points(model.drift, near[leaders], deflate=False, n_random=0).stable
    states = np.array([point.x for point in points]).reshape(-1, starts.shape[1])
    return states[np.sqrt(((states[:, genes] - values) ** 2).mean(1)) <= reach]


def state_by_levels(
    model: Model[Any], known: References, to: Mapping[str, float], starts: NDArray[np.float64]
) -> tuple[References, NDArray[np.int64], str]:
    """References with the attractors that have given levels, their positions, and the name of the state.

    Parameters
    ----------
    model
        The model.
    known
        Reference states of the fates.
    to
        Level of each gene, by name.
    starts
        States to start from, shape ``(n, d)``.

    Raises
    ------
    KeyError
        If a gene is unknown.
    ValueError
        If a level is negative or not finite, or no attractor has the levels.
    """
    levels = {gene: float(level) for gene, level in to.items()}
    if not levels or not all(np.isfinite(level) and level >= 0 for level in levels.values()):
        msg = f"Expected `to` with finite levels of at least 0 by gene, found {dict(to)}."
        raise ValueError(msg)
    held: dict[str | tuple[str, str], float | tuple[float, float]] = dict(levels.items())
    title = perturbation_name(held)
    by_position = dict(zip(model.index(levels), levels.values(), strict=True))
    states = attractors_with(model, by_position, starts, reach=known.reach)
    if not len(states):
        msg = (
            f"Expected a state that the model keeps by itself, found no attractor with {title}: what is held there leaves it after the "
            "release. `landscape.tl.perturb` holds genes throughout."
        )
        raise ValueError(msg)
    return *with_targets(known, states, title), title


def with_targets(known: References, states: NDArray[np.float64], name: str) -> tuple[References, NDArray[np.int64]]:
    """References with the attractors that are not among them, and the positions of all of these states."""
    names, every, found = list(known.names), list(known.states), []
    for state in states:
        apart = np.sqrt(((np.array(every) - state) ** 2).mean(1))
        if apart.min() <= SAME * known.reach:
            found.append(int(apart.argmin()))
            continue
        names.append(name if name not in names else f"{name} {len(names)}")
        every.append(state)
        found.append(len(every) - 1)
    return replace(known, names=tuple(names), states=np.array(every)), np.array(sorted(set(found)), dtype=np.int64)
