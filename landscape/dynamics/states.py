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
    scale = np.quantile(np.sqrt(expression), HIGH, axis=0)
    return in_scale(expression, scale), scale


def in_scale(expression: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square root of expression over a given scale, shape ``(n, d)``.

    Parameters
    ----------
    expression, scale
        Expression, shape ``(n, d)``, and the scale of each regulator, shape ``(d,)``.
    """
    return np.sqrt(expression) / np.where(scale > 0, scale, 1.0)
