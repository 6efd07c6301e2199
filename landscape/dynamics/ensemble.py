"""Intervals over the replicates of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Central share of the replicates that an interval covers.
INTERVAL = 0.9


def interval(values: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Central interval that holds 90 % of the replicates.

    Parameters
    ----------
    values
        Value of each replicate, arrays of one shape.

    Returns
    -------
    Lower and upper ends, arrays of that shape.
    """
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return low, high
