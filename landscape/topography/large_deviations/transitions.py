"""The network of transitions between attractors: minimum-action paths over saddles, in both directions."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csgraph

from landscape._numbers import TINY
from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.fixed_points.roots import FixedPoint
from landscape.topography.fixed_points.saddles import Saddle, descents, find_saddle, saddles_on_borders
from landscape.topography.large_deviations.action import MinimumAction, barrier, minimum_action
from landscape.topography.large_deviations.parallel import in_parallel
from landscape.topography.large_deviations.path_mesh import respace
from landscape.topography.large_deviations.saddle_graph import (
    SHORTCUT,
    CoarseEntry,
    SaddleGraph,
    coarse_entries,
    saddle_records,
    search_between,
)
from landscape.topography.whitening import whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from landscape.dynamics import Drift
    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# Arcs in random directions that compete with the reversed flow and the straight path, and the most dimensions in which
# they do: in more, a random direction is nearly orthogonal to the one in which a path bows.
N_ARCS, ARC_DIMENSIONS = 2, 16
# Seeds of single minimisations.
MAX_SEED = 2**31
# Distance from an attractor at which a descent has ended there, over the smallest distance between attractors.
DESCENT_RADIUS = 0.1


@dataclass(frozen=True, eq=False)
class Transition:
    """A transition between two attractors: their positions, the saddle, and the minimum-action path to it from each.

    Where the boundary between two basins has no saddle of index 1 (but a cycle, say), or the path leads over attractors
    that were not given, ``saddle`` is ``None`` and the paths run from attractor to attractor.
    """

    attractors: tuple[int, int]
    saddle: Saddle | None
    up: tuple[MinimumAction, MinimumAction]


@dataclass(frozen=True, eq=False)
class TransitionPath:
    """A transition path from attractor to attractor: ``states`` ``(m, d)`` and the action spent up to each, ``(m,)``.

    ``top`` is the row of the saddle, the last row where there is none.
    """

    states: NDArray[np.float64]
    cost: NDArray[np.float64]
    top: int


@dataclass(frozen=True)
class TransitionNetwork:
    r"""Barriers between attractors, in both directions.

    Attributes
    ----------
    action
        :math:`S_{ij}` from row to column, shape ``(k, k)``: the minimum over all chains of direct transitions; zero on
        the diagonal, NaN where no path was found.
    direct
        Action of the lowest direct transition, NaN where there is none.
    adjacency
        Whether a direct transition joins two attractors, shape ``(k, k)``, symmetric.
    transitions
        Direct transitions: one for every saddle found, and one without a saddle where nothing else joins two groups.
    unassigned
        Saddles of index 1 whose two descents do not end at two different attractors of the list.
    n_missing
        Number of ordered pairs without any path.
    converged
        Whether every minimum-action path converged and no pair is missing.
    diffusion
        :math:`D` as given; actions scale as :math:`1/D`.
    """

    action: NDArray[np.float64]
    direct: NDArray[np.float64]
    adjacency: NDArray[np.bool_]
    transitions: tuple[Transition, ...]
    unassigned: tuple[Saddle, ...]
    n_missing: int
    converged: bool
    diffusion: Diffusion

    def lowest(self, start: int, end: int) -> tuple[Transition, MinimumAction] | None:
        """Lowest direct transition from one attractor to another and the path up to its saddle; ``None`` if none exists."""
        options = [(t, t.up[t.attractors.index(start)]) for t in self.transitions if {start, end} == set(t.attractors)]
        return min(options, key=lambda option: option[1].action, default=None)

    def among(self, kept: Sequence[int] | NDArray[np.int64]) -> TransitionNetwork:
        """Network of some of the attractors, numbered in the order given, over the transitions between them alone."""
        new = {int(old): position for position, old in enumerate(kept)}
        moved = []
        for each in self.transitions:
            if each.attractors[0] in new and each.attractors[1] in new:
                i, j = (new[k] for k in each.attractors)
                up = each.up if i < j else each.up[::-1]
                moved.append(Transition((min(i, j), max(i, j)), each.saddle, (up[0], up[1])))
        return _network(len(new), moved, [], self.diffusion)

    def path(self, start: int, end: int, drift: Drift) -> NDArray[np.float64]:
        """States of the lowest direct path from one attractor to another: up to the saddle, then down the flow.

        Raises
        ------
        ValueError
            If no direct transition joins the two.
        """
        found = self.lowest(start, end)
        if found is None:
            msg = f"No direct transition joins attractors {start} and {end}; go through others, as `action` does."
            raise ValueError(msg)
        return transition_path(drift, found[0], start).states


def transition_path(drift: Drift, transition: Transition, start: int) -> TransitionPath:
    """Path from one attractor of a transition to the other: the minimum-action path up, then the flow down.

    The flow costs no action.

    Parameters
    ----------
    drift
        The drift with which the transition was found.
    transition
        One of ``TransitionNetwork.transitions``.
    start
        Position of the attractor from which the path starts.

    Returns
    -------
    States, equally spaced on each side of the saddle, and the action along them.
    """
    side = transition.attractors.index(start)
    up, other = transition.up[side], transition.up[1 - side].path[0]
    if transition.saddle is None:
        return TransitionPath(up.path, up.cost, len(up.path) - 1)
    both = descents(drift, transition.saddle, scale=float(np.linalg.norm(other - up.path[0])))
    down = min(both, key=lambda descent: float(np.linalg.norm(descent.end - other)))
    downhill = respace(np.vstack([down.path, other]), len(up.path) - 1)
    cost = np.concatenate([up.cost, np.full(len(downhill) - 1, up.cost[-1])])
    return TransitionPath(np.vstack([up.path, downhill[1:]]), cost, len(up.path) - 1)


@on_one_thread
def transition_network(
    drift: Drift,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    saddles: Sequence[Saddle | FixedPoint] | ArrayLike | Tensor | None = None,
    search: bool | None = None,
    similar: TransitionNetwork | None = None,
    n_points: int = 100,
    max_steps: int = 100,
    tolerance: float = 1e-2,
    n_jobs: int = 1,
    rng: RandomLike = 0,
) -> TransitionNetwork:
    r"""Minimum actions between all attractors, over the saddles that join them.

    Saddles are found on the borders between basins, which are followed from the segments between neighbouring attractors.
    The flow from both sides of each saddle shows which attractors it joins. Where no chain of saddles joins two attractors,
    a path is minimised and the slowest states along it are refined to saddles. The paths up to each saddle are then
    minimised from both sides, and chains of transitions give the action between attractors that are not neighbours. A path
    that does not come to rest in the basin between two attractors may have a lower action than the chain (or lead over
    attractors that were not given): it is minimised too, up to the saddle from which the flow leads to its end. Where there
    is no such saddle, the path leads from attractor to attractor. Actions are too high if a lower saddle was neither given
    nor found.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors, differentiable.
    attractors
        Stable fixed points, shape ``(k, d)``.
    diffusion
        As in :func:`minimum_action`.
    saddles
        Saddle records, states ``(m, d)`` or fixed points, such as ``fixed_points(...).saddles``; points of another
        index than 1 are skipped.
    search
        ``True`` minimises a path between every pair that no saddle joins, ``False`` takes ``saddles`` as complete. By
        default borders are followed if no saddles are given, and paths are minimised between pairs that no chain of
        transitions joins.
    similar
        Network of a similar model with the same attractors, such as that of which this one is a replicate. Its saddles are
        tried, and its paths are where minimisations start.
    n_points, max_steps, tolerance, rng
        As in :func:`minimum_action`.
    n_jobs
        Number of processes that minimise paths, with equal results; -1 for one per processor.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If there are fewer than two attractors, two of them coincide, or an input of :func:`minimum_action` is invalid.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    states = as_states(attractors, name="attractors")
    x = states.numpy()
    if len(x) < 2:
        msg = f"Expected at least two attractors, found {len(x)}; there is no barrier without a second one."
        raise ValueError(msg)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    closest = float(apart[~np.eye(len(x), dtype=bool)].min())
    if closest == 0:
        msg = "Expected distinct attractors, found two that coincide."
        raise ValueError(msg)
    whitened(drift, states, diffusion)
    random = generator(rng)
    graph = SaddleGraph(drift, x, reach=DESCENT_RADIUS * closest, scale=float(apart.max()))
    given = saddle_records(drift, saddles, graph.scale)
    if similar is not None:
        given += [
            find_saddle(drift, t.saddle.x, scale=graph.scale) for t in similar.transitions if t.saddle is not None
        ]
    if search or (search is None and saddles is None):
        given += saddles_on_borders(drift, states)
    for saddle in given:
        graph.add(saddle)
    pairs = sorted(itertools.combinations(range(len(x)), 2), key=lambda pair: apart[pair])
    if search is not False:
        for pair in pairs:
            if not graph.connected(*pair) or (search and pair not in graph.edges):
                search_between(graph, *pair, diffusion)
    options: dict[str, Any] = {
        "diffusion": diffusion,
        "n_points": n_points,
        "max_steps": max_steps,
        "tolerance": tolerance,
        "report": False,
    }
    tasks = [
        (drift, x[k], saddle, _similar_path(similar, k, pair, saddle), options, int(random.integers(MAX_SEED)))
        for pair, saddle in graph.transitions
        for k in pair
    ]
    up = in_parallel(_barrier, tasks, n_jobs)
    transitions = [
        Transition(pair, saddle, (up[2 * number], up[2 * number + 1]))
        for number, (pair, saddle) in enumerate(graph.transitions)
    ]
    transitions += _whole_paths(graph, graph.without_saddle, options, n_jobs, random)
    network = _network(len(x), transitions, graph.unassigned, diffusion)
    if search is not False:
        entries = coarse_entries(graph, network.action, diffusion, n_jobs)
        shorter = [pair for pair in pairs if pair not in graph.edges and _is_shortcut(network, entries, pair)]
        transitions += _whole_paths(graph, shorter, options, n_jobs, random, entries)
        network = _network(len(x), transitions, graph.unassigned, diffusion)
    if network.n_missing:
        logger.warning("no path was found between %d ordered pairs of attractors", network.n_missing)
    _report(network)
    return network


def _barrier(
    drift: Drift,
    low: NDArray[np.float64],
    saddle: Saddle,
    initial_path: NDArray[np.float64] | None,
    options: dict[str, Any],
    seed: int,
) -> MinimumAction:
    """Path up to a saddle, as one task."""
    n_arcs = N_ARCS if len(low) <= ARC_DIMENSIONS else 0
    return barrier(drift, low, saddle, initial_path=initial_path, n_arcs=n_arcs, rng=seed, **options)


def _similar_path(
    similar: TransitionNetwork | None, start: int, pair: tuple[int, int], saddle: Saddle
) -> NDArray[np.float64] | None:
    """Path over the nearest saddle between the same two attractors in a similar network, if there is one."""
    if similar is None:
        return None
    known = [t for t in similar.transitions if t.saddle is not None and t.attractors == pair]
    if not known:
        return None
    near = min(known, key=lambda t: float(np.linalg.norm(t.saddle.x - saddle.x)))  # type: ignore[union-attr]
    return near.up[pair.index(start)].path


def _report(network: TransitionNetwork) -> None:
    """Log how many minimum-action paths have not converged, and their largest errors."""
    paths = [path for transition in network.transitions for path in transition.up]
    if rough := [path for path in paths if not path.converged]:
        logger.warning(
            "%d of %d minimum-action paths did not converge: discretisation errors up to %.2g of an action, expected "
            "gains up to %.2g; raise `n_points` or `max_steps`",
            len(rough),
            len(paths),
            max(path.discretisation_error / max(path.action, TINY) for path in rough),
            max(path.residual for path in rough),
        )


def _is_shortcut(
    network: TransitionNetwork, entries: dict[tuple[int, int], CoarseEntry], pair: tuple[int, int]
) -> bool:
    """Whether a coarse path has a lower action than the chain of transitions, in one of the directions."""
    return any(way in entries and entries[way].action < SHORTCUT * network.action[way] for way in (pair, pair[::-1]))


def _whole_paths(
    graph: SaddleGraph,
    pairs: Sequence[tuple[int, int]],
    options: dict[str, Any],
    n_jobs: int,
    random: np.random.Generator,
    entries: dict[tuple[int, int], CoarseEntry] | None = None,
) -> list[Transition]:
    """Paths between attractors that no saddle joins, in both directions."""
    tasks = []
    for pair in pairs:
        coarse = graph.coarse_paths.get(pair)
        for k, m in (pair, pair[::-1]):
            entry = (entries or {}).get((k, m))
            states = None if coarse is None else coarse.states[:: 1 if k == pair[0] else -1]
            tasks.append((graph.drift, graph.x[[k, m]], states, entry, options, int(random.integers(MAX_SEED))))
    found = in_parallel(_whole_path, tasks, n_jobs)
    return [Transition(pair, None, (found[2 * k], found[2 * k + 1])) for k, pair in enumerate(pairs)]


def _whole_path(
    drift: Drift,
    ends: NDArray[np.float64],
    states: NDArray[np.float64] | None,
    entry: CoarseEntry | None,
    options: dict[str, Any],
    seed: int,
) -> MinimumAction:
    """Minimum-action path up to the saddle by which it enters the basin of its end, then down the flow."""
    if entry is None:
        start = None if states is None else [states]
        return minimum_action(drift, ends[0], ends[1], initial_path=start, n_arcs=0, split=False, rng=seed, **options)
    saddle = entry.saddle
    up = minimum_action(
        drift, ends[0], saddle.x, initial_path=[entry.states], n_arcs=None, split=False, rng=seed, **options
    )
    scale = float(np.linalg.norm(ends[1] - saddle.x))
    down = min(descents(drift, saddle, scale=scale), key=lambda descent: float(np.linalg.norm(descent.end - ends[1])))
    path = np.vstack([up.path, respace(np.vstack([down.path, ends[1]]), len(up.path) - 1)[1:]])
    cost = np.concatenate([up.cost, np.full(len(path) - len(up.path), up.cost[-1])])
    return replace(up, path=path, cost=cost, saddle=saddle)


def _network(
    k: int, transitions: list[Transition], unassigned: list[Saddle], diffusion: Diffusion
) -> TransitionNetwork:
    direct = np.full((k, k), np.nan)
    adjacency = np.zeros((k, k), bool)
    for transition in transitions:
        i, j = transition.attractors
        adjacency[i, j] = adjacency[j, i] = True
        direct[i, j] = np.fmin(direct[i, j], transition.up[0].action)
        direct[j, i] = np.fmin(direct[j, i], transition.up[1].action)
    graph = csgraph.csgraph_from_dense(direct, null_value=np.nan, nan_null=True)
    action = csgraph.shortest_path(graph, method="FW")
    missing = ~np.isfinite(action)
    action[missing] = np.nan
    return TransitionNetwork(
        action=action,
        direct=direct,
        adjacency=adjacency,
        transitions=tuple(transitions),
        unassigned=tuple(unassigned),
        n_missing=int(missing.sum()),
        converged=bool(not missing.any() and all(up.converged for t in transitions for up in t.up)),
        diffusion=diffusion,
    )
