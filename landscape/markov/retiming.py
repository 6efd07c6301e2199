"""A chain without dwelling: the order of a directed chain, along which every cell moves at one pace."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.markov.absorption import mean_absorption_time
from landscape.markov.directed import Directed, directed_by_order
from landscape.markov.graph import CellGraph
from landscape.markov.terminal_states import find_terminal_states

logger = logging.getLogger(__name__)

# Accuracy of the absorption times, of which the order alone counts.
TOLERANCE = 1e-6


def absorption_order(directed: Directed, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""Order of cells by their mean absorption time :math:`T` in the terminal states of a chain.

    .. math:: o = -\ln(1 + T), \quad \text{scaled to } [0, 1]

    Parameters
    ----------
    directed
        Direction of the cells.
    ends
        Cells of the terminal states.

    Returns
    -------
    Order of each cell, shape ``(n,)``, growing towards the terminal states; not-a-number where none is reached.
    """
    time = np.asarray(mean_absorption_time(directed.transitions, ends, tolerance=TOLERANCE).time)
    order = np.where(np.isfinite(time), -np.log1p(time), np.nan)
    low, high = np.nanmin(order), np.nanmax(order)
    return (order - low) / (high - low)


def retimed(graph: CellGraph, directed: Directed, states: NDArray[np.float64]) -> Directed:
    """Direction along the order of a chain that dwells.

    Steps of a chain along uncertain velocities hardly move a cell where the velocities disagree, and the chain needs
    hundreds of steps through places that cells cross within a day. Its order is sound all the same. A chain without
    terminal states, such as one that goes round, has none and stays as it is, which is logged.

    Parameters
    ----------
    graph
        Graph of cells.
    directed
        Direction of the cells, without a clock.
    states
        States of the cells, shape ``(n, d)``.
    """
    found = find_terminal_states(graph, directed.transitions)
    if not found.cells:
        logger.warning(
            "the chain gathers at none of %d corners of the manifold: it has no direction, or it goes round, so that its "
            "steps are taken to last equally long",
            len(found.corners),
        )
        return directed
    order = absorption_order(directed, np.unique(np.concatenate(found.cells)))
    return replace(directed_by_order(graph, states, order), growth=directed.growth)
