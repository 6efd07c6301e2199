"""The ensemble of models: what each replicate is, its attractors, and intervals over replicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape.dynamics import RegulatoryDrift
from landscape.tl._dynamics import FIELDS
from landscape.topography.fixed_points.roots import fixed_points

# Central share of the replicates that an interval covers.
INTERVAL = 0.9


def read_ensemble(adata: AnnData) -> list[tuple[RegulatoryDrift, float]]:
    """Drift and diffusion of every replicate that :func:`landscape.tl.dynamics` wrote; none without an ensemble."""
    results = adata.uns.get(_keys.UNS, {})
    if _keys.ENSEMBLE not in results:
        return []
    record = results[_keys.ENSEMBLE]
    stacks = {name: torch.as_tensor(np.array(record[name], dtype=float)) for name in FIELDS}
    return [
        (RegulatoryDrift(held={}, **{name: stack[k] for name, stack in stacks.items()}), float(noise))
        for k, noise in enumerate(record["diffusion"])
    ]


def match_attractors(drift: RegulatoryDrift, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Attractors of a replicate of the model that stand for those of the model, not-a-number where it has none.

    The flow takes each attractor of the model to one of the replicate; it stands for the first if it is nearer to it
    than half way to the next attractor, and no two attractors share one.

    Parameters
    ----------
    drift
        The replicate.
    states
        Attractors of the model, shape ``(k, d)``.

    Returns
    -------
    States of shape ``(k, d)``.
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


def interval(values: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the interval that holds the central share of the replicates, over the first axis."""
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return low, high
