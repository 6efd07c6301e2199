"""Guy ropes: how hard each gene holds each barrier up, or pulls it down, with its spread over replicates of the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from landscape._threads import on_one_thread
from landscape.dynamics import GeneModel
from landscape.topography.fixed_points.matching import match_attractors
from landscape.topography.fixed_points.saddles import descents, find_saddle
from landscape.topography.large_deviations.action import minimum_action
from landscape.topography.large_deviations.named_paths import NamedPath
from landscape.topography.large_deviations.path_mesh import moved_to, respace
from landscape.topography.large_deviations.path_minimisation import minimise_path
from landscape.topography.large_deviations.tension import Tension, tension
from landscape.topography.whitening import whitened

# What may be made stronger: all ropes of a gene (its outgoing edges), its production, its turnover.
KINDS = ("strength", "production", "turnover")
# Edges below this share of the largest tension of an edge at the same barrier are left out.
LEAST_EDGE = 0.01
# Points along the paths of replicates, and steps of their minimisation: up to a saddle from the path of the model, and on
# each of three levels elsewhere. They differ by far more than the error that is left.
N_POINTS, DIRECT_STEPS, LEVEL_STEPS = 50, 40, 100
# Distance from an attractor at which a descent has ended there, over the distance between start and saddle.
DESCENT_RADIUS = 0.1
# Speed of the drift at the ends of a path above which they are no fixed points, over the fastest along it.
STILL = 1e-4


@dataclass(frozen=True, eq=False)
class GuyRopes:
    """Tensions of the barriers of a model.

    Attributes
    ----------
    paths
        The path of each barrier.
    tensions
        Tension of each path.
    spacing_error
        Largest change of a gene's tension on halving the number of points, divided by 3, over the largest tension: the error
        of the midpoint rule, for each path.
    edges
        Places ``(target, regulator)`` of the edges of each barrier that are kept, strongest first, shape ``(k, 2)``.
    replicates
        For each barrier, what each replicate that has it says, ``None`` for the others.
    """

    paths: tuple[NamedPath, ...]
    tensions: tuple[Tension, ...]
    spacing_error: tuple[float, ...]
    edges: tuple[NDArray[np.int64], ...]
    replicates: tuple[tuple[ReplicateTension | None, ...], ...]


@dataclass(frozen=True, eq=False)
class ReplicateTension:
    """What a replicate says of a barrier: each kind of tension, ``(d,)``, and those of the kept edges, ``(k,)``."""

    by_kind: dict[str, NDArray[np.float64]]
    edges: NDArray[np.float64]


def lowest_paths(paths: Sequence[NamedPath]) -> list[NamedPath]:
    """Path of the lowest action for each ordered pair of attractors, in the order of the pairs."""
    found: dict[tuple[str, str], NamedPath] = {}
    for path in paths:
        pair = (path.start, path.end)
        if pair not in found or path.cost[-1] < found[pair].cost[-1]:
            found[pair] = path
    return list(found.values())


@on_one_thread
def guy_ropes(
    model: GeneModel, paths: Sequence[NamedPath], states: pd.DataFrame, *, ensemble: Iterable[GeneModel] = ()
) -> GuyRopes:
    """Tension of each path, and of the path of the same barrier in each replicate.

    Parameters
    ----------
    model
        Drift and noise.
    paths
        Minimum-action paths of the model, one for each barrier.
    states
        Attractors x regulators.
    ensemble
        Replicates of the model, each with its noise.

    Raises
    ------
    ValueError
        If the ends of a path are no fixed points of the model.
    """
    for path in paths:
        _require_fixed_ends(model, path)
    tensions = tuple(tension(model, path.climb) for path in paths)
    edges = tuple(_strong_edges(found.edges) for found in tensions)
    by_replicate = [_of_replicate(each, paths, edges, states) for each in ensemble]
    return GuyRopes(
        paths=tuple(paths),
        tensions=tensions,
        spacing_error=tuple(_spacing_error(model, path, found) for path, found in zip(paths, tensions, strict=True)),
        edges=edges,
        replicates=tuple(tuple(found[k] for found in by_replicate) for k in range(len(paths))),
    )


def _require_fixed_ends(model: GeneModel, path: NamedPath) -> None:
    states = path.climb
    x = np.vstack([states[[0, -1]], 0.5 * (states[1:] + states[:-1])])
    speed = np.linalg.norm(model.drift(model.clamped(x)).numpy(), axis=1)
    if speed[:2].max() > STILL * speed.max():
        msg = (
            f"Expected the path from {path.start!r} to {path.end!r} to lead from a fixed point of the model to another, found a "
            f"drift of {speed[:2].max():.2g} at its ends; the model changed: run `landscape.tl.barriers` again."
        )
        raise ValueError(msg)


def _strong_edges(edges: NDArray[np.float64]) -> NDArray[np.int64]:
    size = np.abs(edges)
    kept = np.argwhere(size > LEAST_EDGE * size.max())
    return kept[np.argsort(-size[tuple(kept.T)], kind="stable")]


def _spacing_error(model: GeneModel, path: NamedPath, found: Tension) -> float:
    states = path.climb
    half = tension(model, np.vstack([states[:-1:2], states[-1:]])).strength
    largest = float(np.abs(found.strength).max())
    return float(np.abs(found.strength - half).max()) / 3 / largest if largest > 0 else 0.0


def _of_replicate(
    model: GeneModel, paths: Sequence[NamedPath], edges: Sequence[NDArray[np.int64]], states: pd.DataFrame
) -> list[ReplicateTension | None]:
    matched = pd.DataFrame(
        match_attractors(model.drift, states.to_numpy(dtype=float)), index=states.index, columns=states.columns
    )
    result: list[ReplicateTension | None] = []
    for path, kept in zip(paths, edges, strict=True):
        ends = matched.loc[[path.start, path.end]].to_numpy(dtype=float)
        own = climb_of_replicate(model, path, ends) if np.isfinite(ends).all() else None
        if own is None:
            result.append(None)
            continue
        found = tension(model, own)
        result.append(ReplicateTension({kind: getattr(found, kind) for kind in KINDS}, found.edges[tuple(kept.T)]))
    return result


def climb_of_replicate(model: GeneModel, path: NamedPath, ends: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Minimum-action path of another model over the same barrier, up to its saddle; ``None`` where it has no such saddle.

    Newton's method leads from the saddle of the path to one of the other model, from which the flow must lead to both of its
    attractors. The path of the first model, moved to the new ends, is where the minimisation starts.

    Parameters
    ----------
    model
        The other model.
    path
        Path of the first model.
    ends
        Its start and end in the other model, shape ``(2, d)``.
    """
    states = path.climb
    goal = ends[1]
    if path.has_saddle:
        scale = float(np.linalg.norm(states[-1] - states[0]))
        saddle = find_saddle(model.drift, states[-1], scale=scale)
        if not saddle.converged or np.linalg.norm(saddle.x - states[-1]) > scale:
            return None
        down = [each.end for each in descents(model.drift, saddle, scale=scale) if each.settled]
        if len(down) < 2:
            return None
        apart = np.linalg.norm(np.array(down)[:, None] - ends[None], axis=2)
        if min(max(apart[0, 0], apart[1, 1]), max(apart[0, 1], apart[1, 0])) > DESCENT_RADIUS * scale:
            return None
        goal = saddle.x
    moved = moved_to(states, ends[0], goal)
    if path.has_saddle:
        space = whitened(model.drift, torch.as_tensor(moved), model.diffusion)
        start = respace(space.inside(torch.as_tensor(moved)).numpy(), N_POINTS)
        run = minimise_path(space, start, max_steps=DIRECT_STEPS)
        if run.converged:
            return space.outside(torch.as_tensor(run.y)).numpy()
    # Between attractors, or where that path is far off, coarser levels and directions of negative curvature help.
    found = minimum_action(
        model.drift, ends[0], goal, diffusion=model.diffusion, n_points=N_POINTS, n_arcs=0, split=False, report=False,
        initial_path=[moved], max_steps=LEVEL_STEPS,
    )  # fmt: skip
    return found.path
