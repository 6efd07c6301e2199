"""Paths between named attractors: those of a network of transitions, and those of single pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.dynamics import GeneModel
from landscape.topography.fixed_points.saddles import Saddle
from landscape.topography.large_deviations.action import MinimumAction, minimum_action
from landscape.topography.large_deviations.transitions import Transition, TransitionNetwork, transition_path

# States and saddles closer than this share of a path's length are one.
SAME = 1e-3
NO_SADDLE = "no saddle"
OTHER_SADDLE = "another saddle"


@dataclass(frozen=True, eq=False)
class NamedPath:
    """A path between two attractors by name.

    Attributes
    ----------
    start, end, saddle
        Names.
    states
        States along the path, shape ``(m, d)``.
    cost
        Action spent up to each state, dimensionless, shape ``(m,)``.
    top
        Position of the state at the saddle; the last one where there is no saddle.
    converged
        Whether the minimisation converged.
    """

    start: str
    end: str
    saddle: str
    states: NDArray[np.float64]
    cost: NDArray[np.float64]
    top: int
    converged: bool

    @property
    def has_saddle(self) -> bool:
        """Whether the path leads over a saddle, from which it goes down."""
        return self.top < len(self.states) - 1

    @property
    def climb(self) -> NDArray[np.float64]:
        """States up to the saddle, shape ``(top + 1, d)``; all of them where there is none."""
        return self.states[: self.top + 1]

    @property
    def step(self) -> NDArray[np.float64]:
        """Share of the path's length up to each state."""
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.states, axis=0), axis=1))])
        return length / length[-1] if length[-1] > 0 else np.linspace(0.0, 1.0, len(length))


def saddle_name(found: TransitionNetwork, transition: Transition) -> str:
    """Name of the saddle of a transition: its number in the network."""
    return NO_SADDLE if transition.saddle is None else f"saddle {found.transitions.index(transition) + 1}"


def paths_of_network(found: TransitionNetwork, model: GeneModel, names: Sequence[str]) -> list[NamedPath]:
    """Whole paths of every transition of a network, in both directions.

    Parameters
    ----------
    found
        Transitions between attractors.
    model
        The model, whose flow leads down from a saddle.
    names
        Names of the attractors.
    """
    result = []
    for transition in found.transitions:
        for (i, j), up in zip((transition.attractors, transition.attractors[::-1]), transition.up, strict=True):
            path = transition_path(model.drift, transition, i)
            saddle = saddle_name(found, transition)
            result.append(NamedPath(names[i], names[j], saddle, path.states, path.cost, path.top, bool(up.converged)))
    return result


def paths_between(
    model: GeneModel,
    states: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    known: Sequence[NamedPath] = (),
    saddles: pd.DataFrame | None = None,
    n_points: int = 100,
    rng: RandomLike = 0,
) -> list[NamedPath]:
    """One path for each pair of attractors: the cheapest that is known, else one of minimum action.

    Parameters
    ----------
    model
        Drift and noise.
    states
        Attractors x regulators.
    pairs
        Names of the start and the end of each path.
    known
        Paths that were found before for the same attractors and noise.
    saddles
        Known saddles x regulators, after which the saddles of paths are named.
    n_points
        Points on the way up.
    rng
        Seed or generator.
    """
    random = generator(rng)
    result = []
    for start, end in pairs:
        if ready := [path for path in known if (path.start, path.end) == (start, end)]:
            result.append(min(ready, key=lambda path: float(path.cost[-1])))
            continue
        ends = states.loc[[start, end]].to_numpy(dtype=float)
        found = minimum_action(model.drift, ends[0], ends[1], diffusion=model.diffusion, n_points=n_points, rng=random)
        result.append(_named(found, start, end, saddles))
    return result


def _named(found: MinimumAction, start: str, end: str, saddles: pd.DataFrame | None) -> NamedPath:
    top, title = len(found.path) - 1, NO_SADDLE
    if found.saddle is not None:
        top = int(np.linalg.norm(found.path - found.saddle.x, axis=1).argmin())
        title = _known_saddle(found.saddle, saddles, float(np.linalg.norm(np.ptp(found.path, 0))))
    return NamedPath(start, end, title, found.path, found.cost, top, bool(found.converged))


def _known_saddle(saddle: Saddle, saddles: pd.DataFrame | None, scale: float) -> str:
    """Name of a saddle among those that are known."""
    if saddles is not None and len(saddles) and saddles.shape[1] == len(saddle.x):
        apart = np.linalg.norm(saddles.to_numpy(dtype=float) - saddle.x, axis=1)
        if apart.min() <= SAME * scale:
            return str(saddles.index[int(apart.argmin())])
    return OTHER_SADDLE
