"""Whether a stochastic optimisation has come to its end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The loss has settled if its mean over the last fifth of the steps is no more than 5 % below that over the fifth before.
COMPARED, SETTLED = 5, 0.95


def has_settled(history: NDArray[np.float64]) -> bool:
    """Whether the loss of the last fifth of the steps is no more than 5 % below that of the fifth before it.

    Parameters
    ----------
    history
        Loss of each step, shape ``(n_steps,)``.
    """
    fifth = max(1, len(history) // COMPARED)
    earlier = history[-2 * fifth : -fifth]
    return bool(len(earlier) > 0 and history[-fifth:].mean() >= SETTLED * earlier.mean())
