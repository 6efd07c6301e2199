"""Clamps of genes: levels that are held throughout, or for some time and then released (pulses); and of single edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np

# A level, or a level and the time for which it is held.
Level = float | tuple[float, float]
# A gene, or the edge from a regulator to a target: the target alone sees the regulator at the level.
Edge = tuple[int, int]
Clamp = Mapping[int | Edge, Level]
K = TypeVar("K")


def genes_of(clamp: Clamp) -> dict[int, Level]:
    """Levels of the genes of a clamp."""
    return {key: value for key, value in clamp.items() if not isinstance(key, tuple)}


def edges_of(clamp: Clamp) -> dict[Edge, float]:
    """Levels at which targets see their regulators, by (regulator, target)."""
    return {key: level_of(value) for key, value in clamp.items() if isinstance(key, tuple)}


def level_of(value: Level) -> float:
    """Level of a clamped gene."""
    return float(value[0] if isinstance(value, tuple) else value)


def release_of(value: Level) -> float:
    """Time at which a clamped gene is released, infinite where it is held throughout."""
    return float(value[1]) if isinstance(value, tuple) else np.inf


def held_throughout(clamp: Clamp) -> dict[int, float]:
    """Levels of genes that are never released."""
    return {gene: level_of(value) for gene, value in genes_of(clamp).items() if release_of(value) == np.inf}


def held_last(clamp: Clamp) -> dict[int, float]:
    """Levels of genes until the last release: those of the longest pulse and those that are never released."""
    last = last_release([clamp])
    return {gene: level_of(value) for gene, value in genes_of(clamp).items() if release_of(value) >= last}


def last_release(clamps: Iterable[Mapping[K, Level]]) -> float:
    """Time of the last release; 0 where nothing is released."""
    times = [release_of(value) for clamp in clamps for value in clamp.values()]
    return max((time for time in times if time < np.inf), default=0.0)
