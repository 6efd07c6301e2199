"""Fate probabilities of the directed chain of cells: absorption probabilities in the cells of each attractor."""

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

# Residual to which the absorption probabilities are solved.
TOLERANCE = 1e-6
# Cells of a basin for each of its terminal cells, at least: at most a tenth of a basin is absorbing.
CELLS_PER_TERMINAL_CELL = 10


def chain_fates(problem: FateProblem) -> FateEstimate:
    """Absorption probabilities in the terminal cells of each fate, given that the cell is absorbed; exact for the chain.

    Parameters
    ----------
    problem
        Problem with ``transitions`` and ``terminal`` cells.

    Returns
    -------
    Fate probabilities of all cells, with zero error.

    Raises
    ------
    ValueError
        If there is no chain, or the linear system is not solved.
    """
    if len(problem.terminal) == 1:
        logger.warning(
            "%r is the only fate: its probability is 1 in all cells that reach it", next(iter(problem.terminal))
        )
    if problem.transitions is None:
        msg = "Expected a chain of cells in `transitions`, found None."
        raise ValueError(msg)
    solution = absorption_probabilities(problem.transitions, problem.terminal, tolerance=TOLERANCE)
    require_solved(solution)
    if solution.n_unreachable:
        logger.warning("%d cells reach no attractor on the chain; their fates are NaN", solution.n_unreachable)
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
    """Absorbing cells of each attractor: the nearest ones within its basin, at most a tenth of the basin.

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

    Returns
    -------
    Positions of the absorbing cells by attractor; attractors without cells in their basin are left out, with a warning.

    Raises
    ------
    ValueError
        If no attractor has a cell in its basin.
    """
    found = {}
    for name, state in attractors.iterrows():
        members = np.flatnonzero(basin == name)
        if not len(members):
            logger.warning("attractor %r has no cells in its basin and is left out of the fates", name)
            continue
        n = max(1, min(n_terminal, len(members) // CELLS_PER_TERMINAL_CELL))
        _, near = cKDTree(states[members]).query(state.to_numpy(dtype=float), n)
        found[str(name)] = members[np.atleast_1d(near)]
    if not found:
        msg = "Expected cells in the basin of at least one attractor, found none; run `landscape.tl.basins`."
        raise ValueError(msg)
    return found
