"""Tables of the barriers between attractors and of the saddles on top of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.dynamics import GeneModel
from landscape.topography.irreversibility import curl_share
from landscape.topography.large_deviations.barrier_intervals import BarrierIntervals
from landscape.topography.large_deviations.named_paths import saddle_name
from landscape.topography.large_deviations.transitions import TransitionNetwork
from landscape.topography.passage.committor import undecided_width

# A direct transition whose action exceeds the lowest one by less than this is the lowest one.
DIRECT = 1e-9
# Numbers in the Jacobians from which the share of curl is taken, and the most cells at which they are.
JACOBIAN_NUMBERS = 2_000_000
MAX_CELLS = 500


def barrier_table(found: TransitionNetwork, names: Sequence[str], intervals: BarrierIntervals) -> pd.DataFrame:
    """Height of the barrier of each ordered pair of attractors, with its interval and its saddle.

    Parameters
    ----------
    found
        Transitions between attractors.
    names
        Names of the attractors.
    intervals
        Intervals of the heights from the ensemble.
    """
    rows = []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            if i == j:
                continue
            lowest = found.lowest(i, j)
            if lowest is not None and lowest[1].action > (1 + DIRECT) * found.action[i, j]:
                lowest = None  # there is a direct transition, but the path over others is lower
            via = saddle_name(found, lowest[0]) if lowest is not None else "over other attractors"
            height = float(found.action[i, j])
            rows.append(
                {
                    "from": start,
                    "to": end,
                    "height": height,
                    "low": float(intervals.low[i, j]),
                    "high": float(intervals.high[i, j]),
                    "n_replicates": int(intervals.n_replicates[i, j]),
                    "saddle": via if np.isfinite(height) else "none",
                    "converged": bool(lowest[1].converged) if lowest is not None else bool(np.isfinite(height)),
                }
            )
    return pd.DataFrame(rows, index=[f"{r['from']} to {r['to']}" for r in rows])


def saddle_tables(found: TransitionNetwork, model: GeneModel, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """States of the saddles, and the attractors that each joins, its eigenvalue and the width of its undecided zone.

    Parameters
    ----------
    found
        Transitions between attractors.
    model
        The model, whose drift decides about the zone.
    names
        Names of the attractors.
    """
    genes = list(model.regulators)
    joined = [(p.attractors, p.saddle) for p in found.transitions if p.saddle is not None]
    index = [saddle_name(found, p) for p in found.transitions if p.saddle is not None]
    states = np.array([saddle.x for _, saddle in joined]).reshape(len(index), len(genes))
    zones = [undecided_width(model.drift, saddle, diffusion=found.diffusion).width for _, saddle in joined]
    table = pd.DataFrame(
        {
            "first": [names[pair[0]] for pair, _ in joined],
            "second": [names[pair[1]] for pair, _ in joined],
            "leading_eigenvalue": [float(saddle.eigenvalues[0].real) for _, saddle in joined],
            "undecided_width": zones,
            "residual": [saddle.residual for _, saddle in joined],
            "converged": [saddle.converged for _, saddle in joined],
        },
        index=index,
    )
    return {"states": pd.DataFrame(states, index=index, columns=genes), "table": table}


def curl_share_at(model: GeneModel, states: NDArray[np.float64]) -> float:
    """Share of curl in the drift at states spread over the data; the same for every constant isotropic noise.

    Parameters
    ----------
    model
        The model.
    states
        State of each cell, shape ``(n, d)``; at most 500 of them are used.
    """
    few = max(1, min(MAX_CELLS, JACOBIAN_NUMBERS // states.shape[1] ** 2))
    return curl_share(model.drift, states[:: -(-len(states) // few)]).share
