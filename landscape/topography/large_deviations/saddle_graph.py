"""Attractors as nodes and saddles as edges, and the search for saddles between pairs of attractors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csgraph

from landscape.topography.field import as_states
from landscape.topography.fixed_points.roots import FixedPoint
from landscape.topography.fixed_points.saddles import Saddle, descents, find_saddle, nearest_attractor
from landscape.topography.large_deviations.action import SAME, saddles_near
from landscape.topography.large_deviations.parallel import in_parallel
from landscape.topography.large_deviations.path_mesh import respace
from landscape.topography.large_deviations.path_minimisation import minimise_path
from landscape.topography.large_deviations.segments import segment_actions
from landscape.topography.whitening import whitened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.dynamics import Drift
    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# The action of a coarse path has an error of a few percent: below this share of that of the chain it is refined.
SHORTCUT = 0.95
# Segments of a coarse path and steps of its minimisation: it only has to come near a saddle, or to show whether a path
# costs less than a chain of transitions.
COARSE, SEARCH_STEPS = 32, 40
# Expected gain over the action at which a coarse path is near enough to a minimum.
SEARCH_PRECISION = 1e-2


@dataclass(frozen=True, eq=False)
class CoarsePath:
    """Coarse path between two attractors: its states, and its action forward and, along the same states, backward."""

    attractors: tuple[int, int]
    states: NDArray[np.float64]
    cost: tuple[float, float]


@dataclass(frozen=True, eq=False)
class CoarseEntry:
    """Coarse path from an attractor to a saddle from which the flow leads to another one: its states and its action."""

    saddle: Saddle
    states: NDArray[np.float64]
    action: float


class SaddleGraph:
    """Graph of attractors, with an edge for each saddle and for each path between attractors that no saddle joins.

    Attributes
    ----------
    transitions
        Pair of attractors and saddle of each edge.
    unassigned
        Saddles whose two descents do not end at two different attractors.
    entries
        Saddles from which the flow leads to each attractor.
    without_saddle
        Pairs that are joined by a path, but not by a saddle.
    coarse_paths
        Paths that were searched, by pair.
    """

    def __init__(self, drift: Drift, x: NDArray[np.float64], *, reach: float, scale: float) -> None:
        self.drift, self.x, self.reach, self.scale = drift, x, reach, scale
        self.transitions: list[tuple[tuple[int, int], Saddle]] = []
        self.unassigned: list[Saddle] = []
        self.entries: dict[int, list[Saddle]] = {}
        self.without_saddle: list[tuple[int, int]] = []
        self.coarse_paths: dict[tuple[int, int], CoarsePath] = {}

    @property
    def edges(self) -> set[tuple[int, int]]:
        """Pairs that are joined by a saddle or a path."""
        return {pair for pair, _ in self.transitions} | set(self.without_saddle)

    def connected(self, i: int, j: int) -> bool:
        """Whether a chain of transitions leads from one attractor to another."""
        graph = np.zeros((len(self.x),) * 2)
        for a, b in self.edges:
            graph[a, b] = 1
        labels = csgraph.connected_components(graph, directed=False)[1]
        return bool(labels[i] == labels[j])

    def add(self, saddle: Saddle) -> None:
        """Add a saddle as an edge between the ends of its descents; known saddles and other points are skipped."""
        known = [s for _, s in self.transitions] + self.unassigned
        if not saddle.converged or any(np.linalg.norm(saddle.x - s.x) <= SAME * self.scale for s in known):
            return
        ends = [
            nearest_attractor(d.end, self.x, within=self.reach) if d.settled else None
            for d in descents(self.drift, saddle, scale=self.scale)
        ]
        for end in {end for end in ends if end is not None}:
            self.entries.setdefault(end, []).append(saddle)
        if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
            self.unassigned.append(saddle)
            return
        i, j = sorted((ends[0], ends[1]))
        self.transitions.append(((i, j), saddle))


def saddle_records(drift: Drift, saddles: Any, scale: float) -> list[Saddle]:
    """Convert saddles given as records, fixed points or states to records."""
    if saddles is None or len(saddles) == 0:
        return []
    if all(isinstance(s, Saddle | FixedPoint) for s in saddles):
        return [s if isinstance(s, Saddle) else find_saddle(drift, s.x, scale=scale) for s in saddles]
    return [find_saddle(drift, state, scale=scale) for state in as_states(saddles, name="saddles")]


def search_between(graph: SaddleGraph, i: int, j: int, diffusion: Diffusion) -> None:
    """Minimise a coarse path between two attractors and refine its slowest states to saddles."""
    found = coarse_path(graph.drift, graph.x[[i, j]], (i, j), diffusion)
    if found is None:
        logger.info("the drift is not finite between attractors %d and %d; pass `saddles`", i, j)
        return
    space = whitened(graph.drift, torch.as_tensor(graph.x[[i, j]]), diffusion)
    for saddle in saddles_near(graph.drift, space, space.inside(torch.as_tensor(found.states)).numpy(), graph.scale):
        graph.add(saddle)
    graph.coarse_paths[i, j] = found
    if not graph.connected(i, j):
        graph.without_saddle.append((i, j))


def coarse_entries(
    graph: SaddleGraph, action: NDArray[np.float64], diffusion: Diffusion, n_jobs: int
) -> dict[tuple[int, int], CoarseEntry]:
    """Coarse path of lowest action by which each attractor may be reached from one that no edge joins to it.

    A path need not come to rest in the basins between. Every path out of a basin costs at least the lowest barrier out of it,
    so that pairs whose chain costs hardly more than that are left out.

    Parameters
    ----------
    graph
        Attractors and saddles.
    action
        Action of the chain of transitions between attractors, shape ``(k, k)``.
    diffusion
        Noise.
    n_jobs
        Number of processes.
    """
    k = len(graph.x)
    leaving = np.where(np.eye(k, dtype=bool) | ~np.isfinite(action), np.inf, action).min(1)
    wanted: dict[tuple[int, int], list[Saddle]] = {}
    for i in range(k):
        for j in range(k):
            if i != j and (min(i, j), max(i, j)) not in graph.edges and leaving[i] < SHORTCUT * action[i, j]:
                wanted[i, j] = graph.entries.get(j, [])
    starts = {(i, id(saddle)): (i, saddle) for (i, _), saddles in wanted.items() for saddle in saddles}
    paths = in_parallel(
        coarse_path,
        [(graph.drift, np.stack([graph.x[i], saddle.x]), (i, i), diffusion) for i, saddle in starts.values()],
        n_jobs,
    )
    known = dict(zip(starts, paths, strict=True))
    result = {}
    for (i, j), saddles in wanted.items():
        tried = [(known[i, id(saddle)], saddle) for saddle in saddles]
        ways = [CoarseEntry(saddle, path.states, path.cost[0]) for path, saddle in tried if path is not None]
        if ways:
            result[i, j] = min(ways, key=lambda way: way.action)
    return result


def coarse_path(
    drift: Drift, ends: NDArray[np.float64], pair: tuple[int, int], diffusion: Diffusion
) -> CoarsePath | None:
    """Coarse path from one attractor to another; ``None`` where the drift is not finite between them."""
    space = whitened(drift, torch.as_tensor(ends), diffusion)
    y = respace(space.inside(torch.as_tensor(ends)).numpy(), COARSE)
    try:
        run = minimise_path(space, y, max_steps=SEARCH_STEPS, precision=SEARCH_PRECISION)
    except FloatingPointError:
        return None
    back = float(segment_actions(space, run.y[::-1].copy()).sum())
    return CoarsePath(pair, space.outside(torch.as_tensor(run.y)).numpy(), (run.action, back))
