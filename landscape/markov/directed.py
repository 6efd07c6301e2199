"""What a direction says about every cell: a chain on the graph of cells, and a velocity of the state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class Directed:
    """A direction, evaluated on cells.

    Attributes
    ----------
    transitions
        Directed chain on the graph of cells, shape ``(n, n)``, rows summing to one.
    velocity
        Velocity of the state, shape ``(n, d)``: per unit of real time where the source has a clock, else per step of
        the chain.
    start
        Cells of the start, where the source names them; none otherwise.
    times
        Real time of every cell, or ``None``.
    ends
        Cells of each terminal state at which cells were taken to be at rest in the mean.
    growth
        Net growth rate of every cell per unit of real time, or ``None``.
    """

    transitions: sparse.csr_matrix
    velocity: NDArray[np.float64]
    start: NDArray[np.int64]
    times: NDArray[np.float64] | None = None
    ends: tuple[NDArray[np.int64], ...] = ()
    growth: NDArray[np.float64] | None = None

    @property
    def at_start(self) -> NDArray[np.bool_]:
        """Mask of the cells of the start, shape ``(n,)``."""
        mask = np.zeros(len(self.velocity), dtype=bool)
        mask[self.start] = True
        return mask
