"""Initial paths of the minimisation, and the choice of the best one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from landscape.topography.field import as_states
from landscape.topography.large_deviations.path_mesh import adapted, lengths, respace, shares
from landscape.topography.large_deviations.path_minimisation import PathRun, descent_direction, minimise_path
from landscape.topography.large_deviations.segments import segment_actions
from landscape.topography.whitening import WhitenedDrift

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# Expected gain over the action, and steps, at which paths are compared; the best one is minimised further.
ROUGH, ROUGH_STEPS, BOWED_STEPS = 1e-2, 15, 30
# Times that the nodes of the best path are moved to where it turns and spends its action, and steps after each.
ADAPTATIONS, ADAPTATION_STEPS = 3, 20
# A change of the action on moving the nodes below this share ends that.
SETTLED = 2e-2
# Length of the straight path over the height of an arc, and displacements off a saddle of the action over the length of
# its path.
LENGTH_PER_HEIGHT, DISPLACEMENTS = 3, (0.3, 0.1, 0.03, 0.01)
# Displacements off saddles of the action at most, and the relative gain below which they stop.
MAX_DISPLACEMENTS, MIN_GAIN = 3, 1e-6


def given_paths(space: WhitenedDrift, paths: Any, ends: Tensor) -> list[NDArray[np.float64]]:
    """Initial paths of the caller, each from start to end, in the coordinates of ``space``."""
    if paths is None:
        return []
    several: list[Any] = list(paths) if isinstance(paths, list | tuple) else [paths]
    if several and np.ndim(several[0]) == 1:
        several = [paths]
    result = []
    for value in several:
        states = as_states(value, name="initial_path")
        if states.shape[1] != ends.shape[1] or len(states) < 2:
            msg = f"Expected an `initial_path` of shape (m, {ends.shape[1]}), found {tuple(states.shape)}."
            raise ValueError(msg)
        inside = space.inside(torch.cat([ends[:1], states, ends[1:]])).numpy()
        result.append(inside)
    return result


def arcs(
    a: NDArray[np.float64], b: NDArray[np.float64], n: int, n_arcs: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Straight path, and arcs in pairs of opposite random directions with a height of a third of its length."""
    t = np.linspace(0, 1, n + 1)[:, None]
    chord = b - a
    straight = a + t * chord
    if len(a) == 1:
        return [straight]
    length = float(np.linalg.norm(chord))
    paths = [straight]
    for _ in range(-(-n_arcs // 2)):
        v = rng.standard_normal(len(a))
        v -= chord * (v @ chord) / length**2
        bow = np.sin(np.pi * t) * v * (length / LENGTH_PER_HEIGHT / float(np.linalg.norm(v)))
        paths += [straight + bow, straight - bow]
    return paths[: n_arcs + 1]


def best_of(
    space: WhitenedDrift, candidates: list[NDArray[np.float64]], n: int, max_steps: int, rng: np.random.Generator
) -> tuple[PathRun, int]:
    """Best of several paths on the coarsest level, displaced along directions of negative curvature of the action.

    Returns the path and the number of steps over all candidates.
    """
    few = min(max_steps, ROUGH_STEPS)
    runs = []
    for k, y in enumerate(candidates):
        try:
            runs.append(minimise_path(space, respace(y, n), max_steps=few, precision=ROUGH))
        except FloatingPointError as error:
            logger.info("initial path %d leaves the domain of the drift: %s", k, error)
    if not runs:
        msg = "The drift is not finite along any initial path; pass an `initial_path` inside its domain."
        raise ValueError(msg)
    best = min(runs, key=lambda run: run.action)
    n_steps = sum(run.n_steps for run in runs)
    for _ in range(MAX_DISPLACEMENTS if best.y.shape[1] > 1 else 0):
        direction = descent_direction(space, best, rng=rng)
        if direction is None:
            break
        bow = direction * (float(lengths(best.y).sum()) / np.abs(direction).max())
        bowed = [
            minimise_path(
                space,
                respace(_displaced(space, best.y, sign * bow), n),
                max_steps=min(max_steps, BOWED_STEPS),
                precision=ROUGH,
            )
            for sign in (1, -1)
        ]
        n_steps += sum(run.n_steps for run in bowed)
        lower = min(bowed, key=lambda run: run.action)
        if lower.action >= best.action * (1 - MIN_GAIN):
            break
        best = lower
    for _ in range(ADAPTATIONS):
        before = best.action
        moved = adapted(best.y, best.actions, best.speed, n)
        best = minimise_path(space, moved, shares(moved), max_steps=min(max_steps, ADAPTATION_STEPS), precision=ROUGH)
        n_steps += best.n_steps
        if abs(before - best.action) <= SETTLED * abs(best.action):
            break
    return best, n_steps


def _displaced(space: WhitenedDrift, y: NDArray[np.float64], bow: NDArray[np.float64]) -> NDArray[np.float64]:
    """Path displaced as far along a bow as lowers its action most."""
    tried = [y + height * bow for height in DISPLACEMENTS]
    actions = [float(segment_actions(space, path).sum()) for path in tried]
    return tried[int(np.nanargmin(actions))]
