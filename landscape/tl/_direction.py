"""From a direction record to a directed chain of cells and a velocity of the state."""

from __future__ import annotations

import logging

import numpy as np

from landscape._directions import StoredCells
from landscape.directions import SOURCES, Combination, Direction
from landscape.markov.directed import CHANCE, Directed, combine

logger = logging.getLogger(__name__)


def directed_by(cells: StoredCells, direction: Direction | Combination) -> tuple[Directed, float]:
    """Evaluate each part of a direction and combine them; returns the combination and the conflict of its parts.

    Raises
    ------
    KeyError
        If the data do not hold what the direction names.
    ValueError
        If they give no direction. The message says whether the graph of cells is disconnected.
    """
    for part in direction.parts:
        SOURCES[part.source].require(cells, part)
    try:
        parts = [SOURCES[part.source].read(cells, part) for part in direction.parts]
        found, conflict = combine(parts, [part.weight for part in direction.parts], cells.graph, cells.states)
    except ValueError as error:
        sizes = np.sort(np.bincount(cells.graph.component))[::-1]
        if len(sizes) < 2:
            raise
        msg = (
            f"{error} The graph of cells has {len(sizes)} components, of {', '.join(map(str, sizes[:5]))} cells: no path "
            "connects them. Take the cells of one component, or raise `n_neighbors`."
        )
        raise ValueError(msg) from error
    if conflict > CHANCE:
        logger.warning(
            "the sources of direction contradict each other (conflict %.2f; %.1f is chance)", conflict, CHANCE
        )
    return found, conflict
