"""The network of transitions between attractors: minimum-action paths over saddles, in both directions."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csgraph

from landscape._numbers import TINY
from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.fixed_points.roots import FixedPoint
from landscape.topography.fixed_points.saddles import Saddle, descents
from landscape.topography.large_deviations.action import MinimumAction, barrier, minimum_action
from landscape.topography.large_deviations.path_mesh import respace
from landscape.topography.large_deviations.saddle_graph import CoarsePath, SaddleGraph, saddle_records, search_between
from landscape.topography.whitening import whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from landscape.dynamics import Drift
    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# The action of a coarse path has an error of a few percent: below this share of that of the chain it is refined.
SHORTCUT = 0.95
# From there a hundred steps on each level leave an error of 3e-5 of the action for 50 genes, at a twentieth of the cost
# of 1,400 steps.
SHORTCUT_STEPS = 100
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
    n_points: int = 100,
    max_steps: int = 100,
    tolerance: float = 1e-2,
    rng: RandomLike = 0,
) -> TransitionNetwork:
    r"""Minimum actions between all attractors, over the saddles that join them.

    The flow from both sides of each given saddle shows which attractors it joins. For pairs without a saddle, a path is
    minimised and the slowest states along it are refined to saddles. The paths up to each saddle are then minimised from
    both sides, and chains of transitions give the action between attractors that are not neighbours. Where no saddle
    joins two groups of attractors, or a minimised path has a lower action than the chain (it may lead over attractors
    that were not given), paths from attractor to attractor are minimised instead. Actions are too high if a lower saddle
    was neither given nor found.

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
        ``True`` searches for saddles between every pair that has none, ``False`` takes ``saddles`` as complete. By
        default every pair is searched if no saddles are given, else only pairs that no chain of transitions joins.
    n_points, max_steps, tolerance, rng
        As in :func:`minimum_action`.

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
    for saddle in saddle_records(drift, saddles, graph.scale):
        graph.add(saddle)
    if search is not False:
        everywhere = search or not graph.transitions
        for pair in sorted(itertools.combinations(range(len(x)), 2), key=lambda pair: apart[pair]):
            if pair not in graph.edges and (everywhere or not graph.connected(*pair)):
                search_between(graph, *pair, diffusion)
    options: dict[str, Any] = {
        "diffusion": diffusion,
        "n_points": n_points,
        "max_steps": max_steps,
        "tolerance": tolerance,
        "rng": random,
        "report": False,
    }
    transitions = []
    for (i, j), saddle in graph.transitions:
        up = [barrier(drift, x[k], saddle, **options) for k in (i, j)]
        transitions.append(Transition((i, j), saddle, (up[0], up[1])))
    transitions += [
        _without_saddle(drift, x, pair, graph.coarse_paths.get(pair), options) for pair in graph.without_saddle
    ]
    network = _network(len(x), transitions, graph.unassigned, diffusion)
    shorter = [
        pair for pair, path in graph.coarse_paths.items() if pair not in graph.edges and _is_shortcut(network, path)
    ]
    if shorter:
        quick = {**options, "max_steps": min(max_steps, SHORTCUT_STEPS)}
        transitions += [_without_saddle(drift, x, pair, graph.coarse_paths[pair], quick) for pair in shorter]
        network = _network(len(x), transitions, graph.unassigned, diffusion)
    if network.n_missing:
        logger.warning("no path was found between %d ordered pairs of attractors", network.n_missing)
    _report(network)
    return network


def _report(network: TransitionNetwork) -> None:
    """Log how many minimum-action paths have not converged, and their largest errors."""
    paths = [path for transition in network.transitions for path in transition.up]
    if rough := [path for path in paths if not path.converged]:
        logger.warning(
            "%d of %d minimum-action paths did not converge: discretisation errors up to %.2g of an action, relative "
            "gradients up to %.2g; raise `n_points` or `max_steps`",
            len(rough),
            len(paths),
            max(path.discretisation_error / max(path.action, TINY) for path in rough),
            max(path.residual for path in rough),
        )


def _is_shortcut(network: TransitionNetwork, path: CoarsePath) -> bool:
    """Whether a coarse path has a lower action than the chain of transitions."""
    i, j = path.attractors
    return bool(path.cost[0] < SHORTCUT * network.action[i, j] or path.cost[1] < SHORTCUT * network.action[j, i])


def _without_saddle(
    drift: Drift, x: NDArray[np.float64], pair: tuple[int, int], coarse: CoarsePath | None, options: dict[str, Any]
) -> Transition:
    """Minimum-action paths from attractor to attractor, forward and backward."""
    states = None if coarse is None else coarse.states
    paths = [
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
    return Transition(pair, None, (paths[0], paths[1]))


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
