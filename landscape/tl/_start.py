"""Start cells and duration of an ensemble of trajectories."""

from __future__ import annotations

import logging

import numpy as np
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import read, read_result
from landscape.dynamics import RegulatoryDrift
from landscape.markov import mean_absorption_time
from landscape.topography.fixed_points.basins import basin_of

logger = logging.getLogger(__name__)

# A cell whose largest fate probability is one up to rounding has reached its fate.
CERTAIN = 1 - 1e-9
# Start cells if the direction has none: a fiftieth of the cells, at least this number.
MIN_FARTHEST_CELLS, CELLS_PER_FARTHEST_CELL = 20, 50
# Without a clock: share of the start cells that reach an attractor within the duration, and number of cells tried.
ARRIVED = 0.9
N_TRIED = 100


def waiting_time(adata: AnnData) -> NDArray[np.float64]:
    """Mean number of steps of the directed chain from each cell to cells whose fate is certain, shape ``(n,)``."""
    chain = sparse.csr_matrix(read(adata, "obsp", _keys.TRANSITIONS, hint="run `landscape.tl.dynamics` first"))
    q = read(adata, "obsm", _keys.FATES, hint="run `landscape.tl.fates` first").to_numpy(dtype=float)
    certain = np.flatnonzero(np.nan_to_num(q.max(1)) >= CERTAIN)
    return np.asarray(mean_absorption_time(chain, certain, tolerance=1e-6).time)


def named_start(adata: AnnData) -> NDArray[np.int64]:
    """Positions of the start cells that the direction names; none if it names none."""
    return (
        np.flatnonzero(adata.obs[_keys.START].to_numpy(dtype=bool)) if _keys.START in adata.obs else np.array([], int)
    )


def start_of(adata: AnnData, wait: NDArray[np.float64] | None = None) -> NDArray[np.int64]:
    """Positions of the start cells: those of the direction, or else those farthest from all attractors on the chain."""
    if len(named := named_start(adata)):
        return named
    wait = waiting_time(adata) if wait is None else wait
    known = np.flatnonzero(np.isfinite(wait))
    n = max(MIN_FARTHEST_CELLS, len(known) // CELLS_PER_FARTHEST_CELL)
    logger.info("the direction has no start cells; the %d cells farthest from all attractors are used", n)
    return known[np.argsort(-wait[known], kind="stable")[:n]]


def duration_of(
    adata: AnnData, drift: RegulatoryDrift, start: NDArray[np.float64], states: NDArray[np.float64]
) -> float:
    """Span of real time; without a clock the time of the noise-free flow from the start to an attractor."""
    record = read_result(adata, _keys.DYNAMICS, hint="run `landscape.tl.dynamics` first")
    if "time_span" in record:
        return float(record["time_span"])
    arrival = basin_of(drift, torch.as_tensor(start[:: max(1, len(start) // N_TRIED)]), torch.as_tensor(states))
    came = arrival.labels >= 0
    if not came.any():
        msg = "Expected start cells that flow to an attractor, found none; pass `duration`."
        raise ValueError(msg)
    return float(np.quantile(arrival.time[came], ARRIVED))
