"""What a fit says about itself beside its numbers: what its grade leaves open, and what growth could change."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from landscape.markov.directions import GRADES, Grade
from landscape.markov.graph import CellGraph, slow_components
from landscape.markov.growth_sensitivity import growth_sensitivity
from landscape.tl._direction import Directed

logger = logging.getLogger(__name__)


def left_open(
    grade: Grade, directed: Directed, z: NDArray[np.float64], x: NDArray[np.float64], graph: CellGraph
) -> dict[str, float]:
    """Growth sensitivity of a direction from time points, along the slowest direction of the graph of cells.

    Sources without a clock do not read how many cells there are, so there is nothing to report. A grade of D is
    told in the log.
    """
    if grade == "D":
        logger.warning(
            "grade D, %s; genes that follow one regulator look as if they regulated each other and it", GRADES["D"]
        )
    if directed.times is None:
        return {}
    profile = slow_components(graph, 2)[1][:, 1]
    if not np.isfinite(profile).all() or not profile.std() > 0:
        return {}
    found = growth_sensitivity(z, x, directed.times, profile, growth=directed.growth)
    logger.info(
        "growth: velocities change by %.0f %% if one end of the cells doubles once more than the other in %.3g units of time",
        100 * found.change,
        found.span,
    )
    return {"growth_sensitivity": found.change, "growth_rate_tried": found.rate}
