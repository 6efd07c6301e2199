"""The state of a cell: the square root of the expression of the regulators, on a scale of its own for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Quantile of the root of expression that is level 1.
HIGH = 0.99


def scaled_states(expression: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square root of expression over its 99th percentile, shape ``(n, d)``, and that percentile, shape ``(d,)``.

    Parameters
    ----------
    expression
        Expression of the regulators, shape ``(n, d)``.
    """
    roots = np.sqrt(expression)
    scale = np.quantile(roots, HIGH, axis=0)
    return roots / np.where(scale > 0, scale, 1.0), scale
