"""What a fit reports about itself beside its numbers."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from landscape.dynamics.fit import Fitted
from landscape.dynamics.grading import LOWEST, fit_grade
from landscape.markov.directed import Directed
from landscape.markov.growth_sensitivity import GrowthSensitivity

logger = logging.getLogger(__name__)


def fit_diagnostics(fitted: Fitted, directed: Directed) -> dict[str, Any]:
    """How well the model explains velocities and, with time points, populations.

    Parameters
    ----------
    fitted
        The fit.
    directed
        Cells with their direction and, with a clock, their times.
    """
    record: dict[str, Any] = {
        "velocity_r2": fitted.rates.velocity_r2,
        "velocity_r2_held_out": fitted.held_out_r2,
        **fitted.held_out_time,
        "converged": fitted.converged,
    }
    score = fitted.score
    record |= {
        "flow_score": score.score,
        "flow_floor": score.floor,
        "flow_unchanged": score.unchanged,
        "flow_mean_direction": score.mean_direction,
        "flow_excess": score.excess,
        "fit_grade": fit_grade(score) if fitted.explains else LOWEST,
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
