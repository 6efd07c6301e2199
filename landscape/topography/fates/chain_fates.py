"""Fate probabilities of the directed chain of cells: absorption at the cells of each attractor."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from landscape.markov import absorption_probabilities
from landscape.markov.fates import fates_given_any, require_solved
from landscape.topography.fates.estimate import FateEstimate, FateProblem

logger = logging.getLogger(__name__)


def chain_fates(problem: FateProblem) -> FateEstimate:
    """Probability of absorption in the cells of each fate, given that there is one; exact for the chain.

    Parameters
    ----------
    problem
        Its ``transitions`` and ``terminal`` cells are read.

    Raises
    ------
    ValueError
        If the linear system is not solved.
    """
    if len(problem.terminal) == 1:
        logger.warning(
            "%r is the only fate: all cells have it, and there is nothing to decide", next(iter(problem.terminal))
        )
    if problem.transitions is None:
        msg = "Expected a chain of cells in `transitions`, found None."
        raise ValueError(msg)
    solution = absorption_probabilities(problem.transitions, problem.terminal, tolerance=1e-6)
    require_solved(solution)
    if solution.n_unreachable:
        logger.warning("%d cells can reach no attractor; their fates are not-a-number", solution.n_unreachable)
    share = fates_given_any(solution)
    table = pd.DataFrame(share, index=problem.cells, columns=list(solution.names))
    record = {
        "residual": solution.residual,
        "row_sum_error": solution.row_sum_error,
        "n_unreachable": int(solution.n_unreachable),
        "lost": float(np.nanmean(solution.unabsorbed)),
        "method": solution.method,
    }
    return FateEstimate(table, np.arange(len(table)), table, np.zeros(table.shape), record)


def terminal_cells(
    attractors: pd.DataFrame, basin: NDArray[np.str_], states: NDArray[np.float64], n_terminal: int
) -> dict[str, NDArray[np.int64]]:
    """Absorbing cells of each attractor: those nearest to it within its basin, at most a tenth of the basin.

    Parameters
    ----------
    attractors
        Attractors x regulators.
    basin
        Name of the attractor of each cell, shape ``(n,)``.
    states
        State of each cell, shape ``(n, d)``.
    n_terminal
        Number of cells for each attractor.

    Raises
    ------
    ValueError
        If no attractor has a cell in its basin.
    """
    found = {}
    for name, state in attractors.iterrows():
        members = np.flatnonzero(basin == name)
        if not len(members):
            logger.warning("attractor %r has no cells in its basin and is no fate of any cell", name)
            continue
        n = max(1, min(n_terminal, len(members) // 10))
        _, near = cKDTree(states[members]).query(state.to_numpy(dtype=float), n)
        found[str(name)] = members[np.atleast_1d(near)]
    if not found:
        msg = "Expected cells in the basin of at least one attractor, found none; run `landscape.tl.basins`."
        raise ValueError(msg)
    return found
