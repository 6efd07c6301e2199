"""All barriers between attractors, and the saddles over which they lead."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csgraph

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.topography.field import as_states
from landscape.topography.fixed_points.roots import FixedPoint
from landscape.topography.fixed_points.saddles import Saddle, descents
from landscape.topography.large_deviations.action import MinimumAction, barrier, minimum_action
from landscape.topography.large_deviations.atlas import Atlas, Route, saddle_records, search_between
from landscape.topography.large_deviations.path import respace
from landscape.topography.metric import whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from landscape.dynamics import Drift
    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# A coarse path errs by a few percent of its action: one that costs less than this share of a chain is worth refining.
SHORTCUT = 0.95
# From there a hundred steps on each level leave 3e-5 of the action of 50 genes, a twentieth of what 1,400 steps cost.
SHORTCUT_STEPS = 100


@dataclass(frozen=True, eq=False)
class Transition:
    """What joins two attractors: their positions, the saddle, and the way up to it from each.

    Where the border between two basins holds no saddle of index 1 (a cycle, say), or the path leads over attractors that
    were not given, ``saddle`` is ``None`` and the ways run from attractor to attractor.
    """

    attractors: tuple[int, int]
    saddle: Saddle | None
    up: tuple[MinimumAction, MinimumAction]


@dataclass(frozen=True, eq=False)
class TransitionPath:
    """A whole path over a pass: ``states`` ``(m, d)``, the action spent up to each, ``(m,)``, and the row of the top.

    ``top`` is the row of the saddle, the last one where there is none.
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
        :math:`S_{ij}` from row to column, shape ``(k, k)``: the least over all chains of direct passes; zero on the
        diagonal, NaN where no path was found.
    direct
        Action of the lowest direct pass, NaN where there is none.
    adjacency
        Whether two attractors share a pass, shape ``(k, k)``, symmetric.
    passes
        What joins two attractors: every saddle found, and a path without one where nothing else joins two groups.
    loose
        Saddles of index 1 whose two ways down do not end at two different attractors given.
    n_missing
        Ordered pairs without any path.
    converged
        Whether every way up converged and no pair is missing.
    diffusion
        :math:`D` as given; actions scale as :math:`1/D`.
    """

    action: NDArray[np.float64]
    direct: NDArray[np.float64]
    adjacency: NDArray[np.bool_]
    passes: tuple[Transition, ...]
    unassigned: tuple[Saddle, ...]
    n_missing: int
    converged: bool
    diffusion: Diffusion

    def lowest(self, start: int, end: int) -> tuple[Transition, MinimumAction] | None:
        """Lowest direct pass from one attractor to another and the way up to it; ``None`` if there is none."""
        options = [(p, p.up[p.attractors.index(start)]) for p in self.passes if {start, end} == set(p.attractors)]
        return min(options, key=lambda option: option[1].action, default=None)

    def path(self, start: int, end: int, drift: Drift) -> NDArray[np.float64]:
        """States of the lowest direct path from one attractor to another: up to the saddle and down the flow.

        Raises
        ------
        ValueError
            If the two share no pass.
        """
        found = self.lowest(start, end)
        if found is None:
            msg = f"Attractors {start} and {end} share no pass; go through others, as `action` does."
            raise ValueError(msg)
        return transition_path(drift, found[0], start).states


def transition_path(drift: Drift, crossing: Transition, start: int) -> TransitionPath:
    """Whole path from one of the two attractors of a pass: up with least action, down with the flow, which is free.

    Parameters
    ----------
    drift
        The drift with which the pass was found.
    crossing
        One of ``TransitionNetwork.passes``.
    start
        Position of the attractor that is left.

    Returns
    -------
    States, at equal distances on each side of the saddle, and the action along them.
    """
    side = crossing.attractors.index(start)
    up, other = crossing.up[side], crossing.up[1 - side].path[0]
    if crossing.saddle is None:
        return TransitionPath(up.path, up.cost, len(up.path) - 1)
    ways = descents(drift, crossing.saddle, scale=float(np.linalg.norm(other - up.path[0])))
    down = min(ways, key=lambda way: float(np.linalg.norm(way.end - other)))
    fall = respace(np.vstack([down.path, other]), len(up.path) - 1)
    cost = np.concatenate([up.cost, np.full(len(fall) - 1, up.cost[-1])])
    return TransitionPath(np.vstack([up.path, fall[1:]]), cost, len(up.path) - 1)


@on_one_thread
def transition_network(
    drift: Drift,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
    saddles: Sequence[Saddle | FixedPoint] | ArrayLike | Tensor | None = None,
    search: bool | None = None,
    n_points: int = 100,
    max_steps: int = 2_000,
    tolerance: float = 1e-2,
    rng: RandomLike = 0,
) -> TransitionNetwork:
    r"""Least actions between all attractors, over the saddles that join them.

    Given saddles are followed down on both sides to see which attractors they join. For pairs that are
    left without one, a path of least action is searched and the slow places along it are refined to saddles. The way up
    to each saddle is then minimised from both sides, and chains of passes give the action between attractors that
    are no neighbours. Where no saddle joins two groups of attractors, or a searched path costs less than the chain (it may
    lead over attractors that were not given), whole paths are minimised instead. A lower pass that was neither given nor
    found would make actions too high.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors, differentiable.
    attractors
        Stable fixed points, shape ``(k, d)``.
    diffusion
        As in :func:`minimum_action`.
    saddles
        Saddle records, states ``(m, d)`` or fixed points, such as ``fixed_points(...).saddles``; points of another
        index than 1 are passed over.
    search
        ``True`` looks for saddles between every pair that has none, ``False`` trusts ``saddles`` to be complete. By
        default every pair is searched where no saddles are given, else only pairs that no chain of passes joins.
    n_points, max_steps, tolerance, rng
        As in :func:`minimum_action`.

    Raises
    ------
    ValueError
        If there are fewer than two attractors, two of them coincide, or :func:`minimum_action` refuses the input.
    """
    states = as_states(attractors, name="attractors")
    x = states.numpy()
    if len(x) < 2:
        msg = f"Expected at least two attractors, found {len(x)}; a single one has no barriers."
        raise ValueError(msg)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    closest = float(apart[~np.eye(len(x), dtype=bool)].min())
    if closest == 0:
        msg = "Expected distinct attractors, found two that coincide."
        raise ValueError(msg)
    whitened(drift, states, diffusion)
    random = generator(rng)
    atlas = Atlas(drift, x, reach=0.1 * closest, scale=float(apart.max()))
    for saddle in saddle_records(drift, saddles, atlas.scale):
        atlas.add(saddle)
    if search is not False:
        everywhere = search or not atlas.passes
        for pair in sorted(itertools.combinations(range(len(x)), 2), key=lambda pair: apart[pair]):
            if pair not in atlas.joined and (everywhere or not atlas.chained(*pair)):
                search_between(atlas, *pair, diffusion)
    options: dict[str, Any] = {
        "diffusion": diffusion,
        "n_points": n_points,
        "max_steps": max_steps,
        "tolerance": tolerance,
        "rng": random,
        "report": False,
    }
    passes = []
    for (i, j), saddle in atlas.passes:
        up = [barrier(drift, x[k], saddle, **options) for k in (i, j)]
        passes.append(Transition((i, j), saddle, (up[0], up[1])))
    passes += [_whole(drift, x, pair, atlas.routes.get(pair), options) for pair in atlas.bare]
    network = _network(len(x), passes, atlas.unassigned, diffusion)
    shorter = [pair for pair in atlas.routes if pair not in atlas.joined and _shorter(network, atlas.routes[pair])]
    if shorter:
        quick = {**options, "max_steps": min(max_steps, SHORTCUT_STEPS)}
        passes += [_whole(drift, x, pair, atlas.routes[pair], quick) for pair in shorter]
        network = _network(len(x), passes, atlas.unassigned, diffusion)
    if network.n_missing:
        logger.warning("no path was found between %d ordered pairs of attractors", network.n_missing)
    _report(network)
    return network


def _report(network: TransitionNetwork) -> None:
    """Say once how many ways have not converged, and by how much at most."""
    ways = [way for crossing in network.passes for way in crossing.up]
    if rough := [way for way in ways if not way.converged]:
        logger.warning(
            "%d of %d paths of least action did not converge: errors of discretisation up to %.2g of an action, relative "
            "gradients up to %.2g; raise `n_points` or `max_steps`",
            len(rough),
            len(ways),
            max(way.discretisation_error / max(way.action, 1e-300) for way in rough),
            max(way.residual for way in rough),
        )


def _shorter(network: TransitionNetwork, route: Route) -> bool:
    """Whether a coarse path, perhaps over attractors that were not given, costs less than the chain of passes."""
    i, j = route.attractors
    return bool(route.cost[0] < SHORTCUT * network.action[i, j] or route.cost[1] < SHORTCUT * network.action[j, i])


def _whole(
    drift: Drift, x: NDArray[np.float64], pair: tuple[int, int], route: Route | None, options: dict[str, Any]
) -> Transition:
    """Whole paths between two attractors, there and back."""
    states = None if route is None else route.states
    ways = [
        minimum_action(
            drift,
            x[k],
            x[m],
            initial_path=None if states is None else [states[:: 1 if k == pair[0] else -1]],
            n_arcs=0,
            split=False,
            **options,
        )
        for k, m in (pair, pair[::-1])
    ]
    return Transition(pair, None, (ways[0], ways[1]))


def _network(k: int, passes: list[Transition], unassigned: list[Saddle], diffusion: Diffusion) -> TransitionNetwork:
    direct = np.full((k, k), np.nan)
    adjacency = np.zeros((k, k), bool)
    for crossing in passes:
        i, j = crossing.attractors
        adjacency[i, j] = adjacency[j, i] = True
        direct[i, j] = np.fmin(direct[i, j], crossing.up[0].action)
        direct[j, i] = np.fmin(direct[j, i], crossing.up[1].action)
    graph = csgraph.csgraph_from_dense(direct, null_value=np.nan, nan_null=True)
    action = csgraph.shortest_path(graph, method="FW")
    missing = ~np.isfinite(action)
    action[missing] = np.nan
    return TransitionNetwork(
        action=action,
        direct=direct,
        adjacency=adjacency,
        passes=tuple(passes),
        unassigned=tuple(unassigned),
        n_missing=int(missing.sum()),
        converged=bool(not missing.any() and all(up.converged for p in passes for up in p.up)),
        diffusion=diffusion,
    )
