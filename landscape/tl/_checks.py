"""What is refused before and after a chain of cells is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.markov.absorption import Absorption

# Residual of a linear system that is solved.
SOLVED = 1e-6
# Largest error of fate probabilities that rounding may leave where terminal states are reached rarely: half of the
# difference that counts as one between chain and model.
MAX_FATE_ERROR = 0.05


def require_spread(coordinates: NDArray[np.float64]) -> None:
    """Refuse coordinates that are the same for all cells: no neighbours can be found in them."""
    if not (coordinates.max(0) > coordinates.min(0)).any():
        msg = (
            f"Expected coordinates in which cells differ, found all {len(coordinates)} cells in one place; check what "
            "`model` or `use_rep` gives."
        )
        raise ValueError(msg)


def require_fates(solution: Absorption) -> None:
    """Refuse fate probabilities that are not solved, or that rounding leaves open."""
    if solution.converged or (solution.residual <= SOLVED and solution.row_sum_error <= MAX_FATE_ERROR):
        return
    msg = (
        f"Fate probabilities did not converge: residual {solution.residual:.1e}, row sums off by "
        f"{solution.row_sum_error:.1e} ({solution.method}). The chain may hold sets of cells that are left too rarely, or "
        "flow away from its terminal states."
    )
    raise ValueError(msg)
