"""Sets of genes that carry one attractor into another without noise: every set of a size, in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from landscape.dynamics import Model
from landscape.reprogramming.flow import Released, hold_and_release
from landscape.reprogramming.goal import Goal
from landscape.reprogramming.sets import GeneSet, as_arrays

# Displacement of the states of a hit, in units of the reach of a fate, for the test that it does not hang on a tie.
KICK = 1e-2
# Seed of the directions of these displacements.
KICK_SEED = 0
# Numbers in the states of the sets that are tried together (32 MB).
BLOCK_NUMBERS = 2**22
# Pulses that are tried, spread evenly over the logarithm of the time, before the shortest one is bisected.
N_PULSES = 12


@dataclass(frozen=True, eq=False)
class Hits:
    """Sets that do, among those of one size.

    Attributes
    ----------
    sets
        The sets, ``h`` of them.
    n_tried
        Number of sets that were tried.
    hold_time, free_time
        Time until all other genes rest with those of the set held, and then after the release, shape ``(h,)``; the longest over
        starts.
    """

    sets: tuple[GeneSet, ...]
    n_tried: int
    hold_time: NDArray[np.float64]
    free_time: NDArray[np.float64]


def search(
    model: Model[Any],
    starts: NDArray[np.float64],
    goal: Goal,
    sets: Sequence[GeneSet],
    *,
    reach: float,
    hold: float | None = None,
) -> Hits:
    """Try sets of one size from every start, and keep those that lead every start to the goal.

    A set that only does because the flow ended on the border of two basins, where rounding decides, is no hit: from each start
    both of two states that are displaced in opposite directions, at the beginning and again at the release, must
    reach the goal too.

    Parameters
    ----------
    model
        The model.
    starts
        States to start from, shape ``(s, d)``.
    goal
        Where they shall end.
    sets
        Sets of one size.
    reach
        Distance, root mean square over genes, by which fates are told apart.
    hold
        Time for which the genes are held; by default until all others rest.
    """
    size = max(1, BLOCK_NUMBERS // starts.size)
    parts = [sets[a : a + size] for a in range(0, len(sets), size)]
    bar = tqdm(parts, desc=f"{len(sets):,} sets", leave=False, disable=None if len(parts) > 1 else True)
    found = [_hits(model, starts, goal, part, reach=reach, hold=hold) for part in bar]
    return Hits(
        tuple(one for hits in found for one in hits.sets),
        len(sets),
        *(
            np.concatenate([np.empty(0), *(getattr(hits, name) for hits in found)])
            for name in ("hold_time", "free_time")
        ),
    )


def _hits(
    model: Model[Any],
    starts: NDArray[np.float64],
    goal: Goal,
    sets: Sequence[GeneSet],
    *,
    reach: float,
    hold: float | None,
) -> Hits:
    found = _released(model, starts, sets, reach=reach, hold=hold)
    does = _every_start(goal.reached(found.end, found.rests), len(starts))
    picked = np.flatnonzero(does)
    if len(picked):
        some = [sets[i] for i in picked.tolist()]
        for sign in (1.0, -1.0):
            moved = _released(model, starts, some, reach=reach, hold=hold, kick=sign * KICK * reach)
            does[picked] &= _every_start(goal.reached(moved.end, moved.rests), len(starts))
    chosen = np.flatnonzero(does)
    longest = [time.reshape(-1, len(starts)).max(1)[chosen] for time in (found.hold_time, found.free_time)]
    return Hits(tuple(sets[i] for i in chosen.tolist()), len(sets), *longest)


def agreement_of_models(
    models: Sequence[Model[Any]],
    starts: NDArray[np.float64],
    goal: Goal,
    sets: Sequence[GeneSet],
    *,
    reach: float,
    hold: float | None = None,
) -> NDArray[np.float64]:
    """Share of the models in which each set leads all starts to the goal, shape ``(m,)``; the goal has the reach of a fate."""
    does = np.zeros(len(sets))
    for model in models:
        found = _released(model, starts, sets, reach=reach, hold=hold)
        does += _every_start(goal.reached(found.end, found.rests), len(starts))
    return does / max(len(models), 1)


def shortest_pulses(
    model: Model[Any],
    starts: NDArray[np.float64],
    goal: Goal,
    sets: Sequence[GeneSet],
    longest: NDArray[np.float64],
    *,
    reach: float,
) -> NDArray[np.float64]:
    """Shortest time for which the genes of each set must be held, to one time step, shape ``(m,)``.

    Pulses of ten lengths and more up to the longest are tried; from the longest one that fails on, all do. Between it and the
    next one the shortest pulse is bisected. It is infinite where the longest one fails.

    Parameters
    ----------
    model, starts, goal, sets, reach
        As for :func:`search`.
    longest
        Longest pulse of each set, shape ``(m,)``.
    """
    m, h = len(sets), model.step

    def does(times: NDArray[np.float64], which: Sequence[GeneSet]) -> NDArray[np.bool_]:
        found = _released(model, starts, which, reach=reach, hold=times)
        return _every_start(goal.reached(found.end, found.rests), len(starts))

    shares = np.geomspace(1.0, np.maximum(longest / h, 1.0), N_PULSES, axis=1)
    tried = np.round(shares) * h
    every = does(tried.ravel(), [one for one in sets for _ in range(tried.shape[1])]).reshape(m, -1)
    fails = np.where(~every, np.arange(every.shape[1]), -1).max(1)
    low = np.where(fails >= 0, tried[np.arange(m), fails.clip(0)], 0.0)
    never = fails == every.shape[1] - 1
    high = tried[np.arange(m), np.minimum(fails + 1, every.shape[1] - 1)]
    while (left := np.flatnonzero(~never & (high - low > 1.5 * h))).size:
        middle = np.round((high + low)[left] / (2 * h)) * h
        good = does(middle, [sets[i] for i in left.tolist()])
        high[left], low[left] = np.where(good, middle, high[left]), np.where(good, low[left], middle)
    return np.where(never, np.inf, high)


def _released(
    model: Model[Any],
    starts: NDArray[np.float64],
    sets: Sequence[GeneSet],
    *,
    reach: float,
    hold: float | NDArray[np.float64] | None,
    kick: float | None = None,
) -> Released:
    """Every set from every start: rows of one set are next to one another."""
    genes, levels = as_arrays(sets)
    genes, levels = genes.repeat(len(starts), axis=0), levels.repeat(len(starts), axis=0)
    n = len(sets) * len(starts)
    times = None if hold is None else np.repeat(np.broadcast_to(hold, len(sets)), len(starts))
    displaced = None if kick is None else kick * _directions(n, starts.shape[1])
    x = torch.as_tensor(np.tile(starts, (len(sets), 1)))
    return hold_and_release(model, x, genes, levels, reach=reach, hold=times, kick=displaced)


def _directions(n: int, d: int) -> Tensor:
    """Random directions of root mean square one over genes, the same at every call."""
    drawn = torch.as_tensor(np.random.default_rng(KICK_SEED).normal(size=(n, d)))
    return drawn / (torch.linalg.vector_norm(drawn, dim=1, keepdim=True) / d**0.5)


def _every_start(does: NDArray[np.bool_], n_starts: int) -> NDArray[np.bool_]:
    return np.asarray(does.reshape(-1, n_starts).all(1))
