"""Fate probabilities of a chain: whether they are solved, and what they are given that there is a fate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.markov.absorption import Absorption

# Residual of a linear system that is solved.
SOLVED = 1e-6
# Largest error of fate probabilities that rounding may leave where terminal states are reached rarely: half of the
# difference that counts as one between chain and model.
MAX_FATE_ERROR = 0.05


def require_solved(solution: Absorption) -> None:
    """Refuse fate probabilities that are not solved, or that rounding leaves open.

    Raises
    ------
    ValueError
        If the linear system did not converge and its residual or the error of its row sums is too large.
    """
    if solution.converged or (solution.residual <= SOLVED and solution.row_sum_error <= MAX_FATE_ERROR):
        return
    msg = (
        f"Fate probabilities did not converge: residual {solution.residual:.1e}, row sums off by "
        f"{solution.row_sum_error:.1e} ({solution.method}). The chain may hold sets of cells that are left too rarely, or "
        "flow away from its terminal states."
    )
    raise ValueError(msg)


def fates_given_any(solution: Absorption) -> NDArray[np.float64]:
    """Absorption probabilities given that there is absorption, shape ``(n, k)``; NaN where no set can be reached.

    What leaks into regions without an absorbing set is not a fate.
    """
    kept = 1 - np.where(np.isfinite(solution.unabsorbed), solution.unabsorbed, 1.0)
    return np.where(kept[:, None] > 0, solution.probabilities / np.where(kept > 0, kept, 1.0)[:, None], np.nan)


def most_probable(solution: Absorption) -> NDArray[np.int64]:
    """Position of the most probable set of each state, shape ``(n,)``; -1 where no set can be reached."""
    known = np.isfinite(solution.probabilities).all(1)
    return np.where(known, np.nan_to_num(solution.probabilities).argmax(1), -1)
