"""Doses: fates at several levels of a gene, and the critical level at which a valley vanishes, by continuation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.dynamics import GeneModel
from landscape.perturbation.levels import within_range
from landscape.perturbation.screen_plan import Perturbation
from landscape.topography.fates.outcomes import References
from landscape.topography.fixed_points.continuation import continuation

Way = Literal["lower", "higher"]
# Levels of a dose curve, from zero to the highest level.
N_LEVELS = 6
# First and largest step along the branch, in units of the range; bifurcations between points are located all the same.
STEP, MAX_STEP = 0.05, 0.1
# Points of a branch at most.
MAX_POINTS = 200
# Levels closer than this share of the highest one are the same.
SAME_LEVEL = 1e-6


@dataclass(frozen=True)
class CriticalLevel:
    """Level of a held gene at which an attractor stops being one.

    Attributes
    ----------
    way
        Whether the gene is held lower or higher than it is in the attractor.
    level
        Level at which the valley vanishes or loses its stability; NaN where it persists.
    kind
        ``"fold"``, ``"hopf"``, ``"pitchfork"``, ``"transcritical"``; ``"none"`` where the valley persists up to the end of the
        range; ``"unknown"`` where its branch could not be followed.
    """

    way: Way
    level: float
    kind: str


def dose_levels(gene: str, highest: float, *, place: int, states: NDArray[np.float64]) -> list[Perturbation]:
    """A gene held at equally spaced levels from zero to the highest one."""
    low, high = states[:, place].min(), states[:, place].max()
    levels = [float(f"{level:.3g}") for level in np.linspace(0.0, highest, N_LEVELS)]
    return [Perturbation({gene: v}, {place: v}, within_range(v, low, high)) for v in levels]


def critical_levels(model: GeneModel, attractor: NDArray[np.float64], gene: int, highest: float) -> list[CriticalLevel]:
    """Levels of a held gene at which an attractor vanishes, below and above the level that the gene has in it.

    The attractor is that of the model with the gene held at its own level, which it is too; from there it is followed by
    continuation down to zero and up to the highest level. It is never extrapolated from effects at other doses.

    Parameters
    ----------
    model
        The model.
    attractor
        State, shape ``(d,)``.
    gene
        Position of the gene.
    highest
        Highest level.
    """
    own, found = float(attractor[gene]), list[CriticalLevel]()
    ways: Sequence[tuple[Way, tuple[float, float]]] = (("lower", (0.0, own)), ("higher", (own, highest)))
    for way, (low, high) in ways:
        if not high - low > SAME_LEVEL * max(highest, own):
            continue
        branch = continuation(
            lambda level: model.drift.held_at({gene: level}),
            attractor,
            (low, high),
            at=own,
            step=STEP,
            max_step=MAX_STEP,
            max_points=MAX_POINTS,
        )
        down = way == "lower"
        along = branch.bifurcations[::-1] if down else branch.bifurcations
        followed = branch.ends[0] if down else branch.ends[1]
        if along:
            found.append(CriticalLevel(way, float(along[0].parameter), along[0].kind))
        else:
            found.append(CriticalLevel(way, np.nan, "none" if followed in ("range", "closed") else "unknown"))
    return found


def critical_table(
    model: GeneModel, known: References, highest: Mapping[str, float], ends: pd.DataFrame
) -> pd.DataFrame:
    """Critical levels of genes for every attractor.

    Parameters
    ----------
    model
        The model.
    known
        Its attractors.
    highest
        Highest level of each gene.
    ends
        Fate to which each attractor (column) flows with each gene at each of its levels (:func:`dose_levels`), rows in this order.

    Returns
    -------
    ``gene``, ``attractor``, ``own`` (level of the gene in the attractor), ``way``, ``critical_level``, ``kind``, ``becomes``.
    """
    rows = []
    for number, (gene, limit) in enumerate(highest.items()):
        last = {"lower": ends.iloc[number * N_LEVELS], "higher": ends.iloc[(number + 1) * N_LEVELS - 1]}
        (place,) = model.index([gene])
        for name, state in zip(known.names, known.states, strict=True):
            for one in critical_levels(model, state, place, limit):
                rows.append([gene, name, float(state[place]), one.way, one.level, one.kind, last[one.way][name]])
    return pd.DataFrame(rows, columns=["gene", "attractor", "own", "way", "critical_level", "kind", "becomes"])
