"""Matched attractors: the attractors of one model that correspond to those of another."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.dynamics import Drift
from landscape.topography.fixed_points.roots import fixed_points


def match_attractors(drift: Drift, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Attractors of another model that match those of the first, NaN where there is none.

    The flow of the other model takes each attractor of the first to one of its own. The two match if they are closer
    than half the distance from the first to its nearest neighbour. No two attractors share a match.

    Parameters
    ----------
    drift
        The other model, such as a replicate.
    states
        Attractors of the first model, shape ``(k, d)``.

    Returns
    -------
    Matched attractors, shape ``(k, d)``.
    """
    apart = np.linalg.norm(states[:, None] - states[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    found = fixed_points(drift, torch.as_tensor(states.copy()), deflate=False, n_random=0)
    result = np.full_like(states, np.nan)
    for k, end in enumerate(found.ends):
        if end >= 0 and found.points[end].stability == "stable":
            near = np.linalg.norm(found.points[end].x - states[k]) <= apart[k].min() / 2
            if near and not (found.ends[:k] == end).any():
                result[k] = found.points[end].x
    return result
