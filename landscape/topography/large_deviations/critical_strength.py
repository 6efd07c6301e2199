"""Critical strength: how much stronger or weaker the ropes of a gene must be for a valley to vanish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.dynamics import RegulatoryDrift
from landscape.topography.fixed_points.bifurcations import Bifurcation
from landscape.topography.fixed_points.continuation import Branch, continuation

Way = Literal["weaker", "stronger"]
# Strength of the ropes of a gene to which a valley is followed, in units of that of the model.
STRONGEST = 2.0
# Points of the branch of fixed points on each side.
MAX_POINTS = 200
# First and largest step along the branch, in units of the range: bifurcations between points are located all the same.
STEP, MAX_STEP = 0.05, 0.1


@dataclass(frozen=True)
class CriticalStrength:
    """Where an attractor stops being one as the ropes of a gene change.

    Attributes
    ----------
    way
        Whether the ropes are made weaker or stronger.
    strength
        Factor on all outgoing edges of the gene at which the valley vanishes or loses its stability; NaN where it persists.
    kind
        ``"fold"``, ``"hopf"``, ``"pitchfork"``, ``"transcritical"``; ``"none"`` where the valley persists up to the end of the
        range; ``"unknown"`` where its branch could not be followed.
    """

    way: Way
    strength: float
    kind: str


def with_strength(drift: RegulatoryDrift, gene: int, factor: float) -> RegulatoryDrift:
    """Drift in which all outgoing edges of a gene are stronger by a factor."""
    column = torch.ones_like(drift.weights)
    column[:, gene] = factor
    return replace(drift, weights=drift.weights * column)


def critical_strengths(
    drift: RegulatoryDrift, attractor: NDArray[np.float64], gene: int, *, strongest: float = STRONGEST
) -> tuple[CriticalStrength, CriticalStrength]:
    """Strengths of a gene's ropes at which an attractor vanishes, below and above that of the model.

    The attractor is followed by continuation from its present strength, 1, down to 0 and up to ``strongest``. It is never
    extrapolated from heights, which fall to zero with a vanishing slope.

    Parameters
    ----------
    drift
        Regulatory drift.
    attractor
        State, shape ``(d,)``.
    gene
        Index of the gene.
    strongest
        Largest factor.
    """
    found = []
    ways: Sequence[tuple[Way, tuple[float, float]]] = (("weaker", (0.0, 1.0)), ("stronger", (1.0, strongest)))
    for way, limits in ways:
        branch = continuation(
            lambda factor: with_strength(drift, gene, factor),
            attractor,
            limits,
            at=1.0,
            step=STEP,
            max_step=MAX_STEP,
            max_points=MAX_POINTS,
        )
        # The attractor is the last point of the branch that was followed downwards, the first of the other one.
        along = branch.bifurcations[::-1] if way == "weaker" else branch.bifurcations
        found.append(_first(way, branch, along))
    return found[0], found[1]


def _first(way: Way, branch: Branch, along: Sequence[Bifurcation]) -> CriticalStrength:
    if along:
        return CriticalStrength(way, float(along[0].parameter), along[0].kind)
    followed = branch.ends[0] if way == "weaker" else branch.ends[1]
    return CriticalStrength(way, np.nan, "none" if followed in ("range", "closed") else "unknown")
