"""What a fit reports about itself beside its numbers."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape.dynamics.fit import Fitted
from landscape.markov.directed import Directed
from landscape.markov.growth_sensitivity import GrowthSensitivity
from landscape.topography.energy import asymmetry

logger = logging.getLogger(__name__)

# Cells at which the drift is held against the manifold's tangent space.
TANGENCY_CELLS = 500


def fit_diagnostics(fitted: Fitted, directed: Directed) -> dict[str, Any]:
    """How well the model explains velocities and, with time points, populations."""
    record: dict[str, Any] = {
        "velocity_r2": fitted.rates.velocity_r2,
        "velocity_r2_held_out": fitted.held_out_r2,
        **fitted.held_out_time,
        "converged": fitted.converged,
        "asymmetry": asymmetry(fitted.model.drift.weights),
    }
    if directed.times is None:
        return record
    record["time_span"] = float(directed.times.max() - directed.times.min())
    if fitted.match is not None:
        times = np.unique(directed.times)[1:]
        distances = {"time": times, "before": fitted.match.initial_distance, "after": fitted.match.distance}
        record["energy_distance"] = pd.DataFrame(distances, index=[str(t) for t in times])
    return record


def growth_diagnostics(found: GrowthSensitivity | None) -> dict[str, float]:
    """Growth sensitivity of a direction from time points; nothing without a clock."""
    if found is None:
        return {}
    logger.info(
        "growth: velocities change by %.0f %% if one end of the cells doubles once more than the other in %.3g units of time",
        100 * found.change,
        found.span,
    )
    return {"growth_sensitivity": found.change, "growth_rate_tried": found.rate}


def tangency(
    model: Any,
    adata: AnnData,
    names: list[str],
    x: NDArray[np.float64],
    velocity: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> dict[str, float]:
    """Mean cosine between the drift and the tangent space of the decoder's manifold, and what chance would give."""
    n, d = velocity.shape
    chosen = np.unique(np.linspace(0, n - 1, min(n, TANGENCY_CELLS)).astype(int))
    # The decoder's manifold is one of log(1 + e), states are roots of e.
    root = x[chosen] * scale
    slope = 2 * root * scale / (1 + root**2)
    found = model.get_tangency(velocity[chosen] * slope, adata[chosen].copy(), genes=names)
    # E cos^2 of a random direction is the share of dimensions that are tangent.
    chance = min(1.0, model.get_latent_representation(adata[chosen[:1]].copy()).shape[1] / d) ** 0.5
    return {"tangency": float(np.nanmean(found)), "tangency_by_chance": chance}
