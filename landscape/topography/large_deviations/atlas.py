"""Where saddles lead, and the search for more of them between pairs of attractors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csgraph

from landscape.topography.field import as_states
from landscape.topography.fixed_points.roots import FixedPoint
from landscape.topography.fixed_points.saddles import Saddle, descents, find_saddle, nearest
from landscape.topography.large_deviations.action import SAME, saddles_near
from landscape.topography.large_deviations.path import descend, path_cost, respace
from landscape.topography.metric import whitened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.dynamics import Drift
    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# A search only has to come near a saddle: Newton does the rest.
COARSE, SEARCH_STEPS = 32, 300


@dataclass(frozen=True, eq=False)
class Route:
    """Coarse path between two attractors: its states, and what it costs there and, as it is, back."""

    attractors: tuple[int, int]
    states: NDArray[np.float64]
    cost: tuple[float, float]


class Atlas:
    """Saddles sorted by the attractors they join."""

    def __init__(self, drift: Drift, x: NDArray[np.float64], *, reach: float, scale: float) -> None:
        self.drift, self.x, self.reach, self.scale = drift, x, reach, scale
        self.passes: list[tuple[tuple[int, int], Saddle]] = []
        self.unassigned: list[Saddle] = []
        self.bare: list[tuple[int, int]] = []
        self.routes: dict[tuple[int, int], Route] = {}

    @property
    def joined(self) -> set[tuple[int, int]]:
        """Pairs that share a pass or a path."""
        return {pair for pair, _ in self.passes} | set(self.bare)

    def chained(self, i: int, j: int) -> bool:
        """Whether a chain of passes leads from one attractor to another."""
        graph = np.zeros((len(self.x),) * 2)
        for a, b in self.joined:
            graph[a, b] = 1
        labels = csgraph.connected_components(graph, directed=False)[1]
        return bool(labels[i] == labels[j])

    def add(self, saddle: Saddle) -> None:
        """Sort a saddle in by where the flow leads from it; one that is known, or none, is passed over."""
        known = [s for _, s in self.passes] + self.unassigned
        if not saddle.converged or any(np.linalg.norm(saddle.x - s.x) <= SAME * self.scale for s in known):
            return
        ways = descents(self.drift, saddle, scale=self.scale)
        found = [nearest(w.end, self.x, within=self.reach) if w.settled else None for w in ways]
        if found[0] is None or found[1] is None or found[0] == found[1]:
            self.unassigned.append(saddle)
            return
        i, j = sorted((found[0], found[1]))
        self.passes.append(((i, j), saddle))


def saddle_records(drift: Drift, saddles: Any, scale: float) -> list[Saddle]:
    """Records of saddles that were given as records, fixed points or states."""
    if saddles is None or len(saddles) == 0:
        return []
    if all(isinstance(s, Saddle | FixedPoint) for s in saddles):
        return [s if isinstance(s, Saddle) else find_saddle(drift, s.x, scale=scale) for s in saddles]
    return [find_saddle(drift, state, scale=scale) for state in as_states(saddles, name="saddles")]


def search_between(atlas: Atlas, i: int, j: int, diffusion: Diffusion) -> None:
    """Coarse path of least action between two attractors; its slow places become saddles."""
    ends = torch.as_tensor(atlas.x[[i, j]])
    space = whitened(atlas.drift, ends, diffusion)
    y = respace(space.inside(ends).numpy(), COARSE)
    try:
        run = descend(space, y, max_steps=SEARCH_STEPS)
    except FloatingPointError:
        logger.info("the drift is not finite between attractors %d and %d; give `saddles`", i, j)
        return
    for saddle in saddles_near(atlas.drift, space, run.y, atlas.scale):
        atlas.add(saddle)
    back = float(path_cost(space, run.y[::-1].copy()).sum())
    atlas.routes[i, j] = Route((i, j), space.outside(torch.as_tensor(run.y)).numpy(), (run.action, back))
    if not atlas.chained(i, j):
        atlas.bare.append((i, j))
