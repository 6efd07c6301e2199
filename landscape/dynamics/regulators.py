"""Which regulators a model has, and whether the cells carry all edges between them."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from landscape.dynamics.problem import CELLS_PER_REGULATOR

logger = logging.getLogger(__name__)

# Standard deviation of logarithmic expression below which a regulator is constant.
LEAST_SPREAD = 1e-6


def varying_regulators(expression: NDArray[np.float64], *, limit: int | None = None) -> NDArray[np.int64]:
    """Columns of the regulators that vary, or of those whose logarithmic expression varies most, in their order.

    Parameters
    ----------
    expression
        Expression of the regulators, shape ``(n, p)``.
    limit
        Maximum number.
    """
    spread = np.log1p(expression).std(0)
    varying = np.flatnonzero(spread > LEAST_SPREAD)
    if limit is not None and len(varying) > limit:
        logger.info("kept the %d of %d regulators whose expression varies most", limit, len(varying))
        varying = np.sort(varying[np.argsort(-spread[varying], kind="stable")[:limit]])
    return varying


def carries_all_edges(n_cells: int, n_regulators: int) -> bool:
    """Whether there are enough cells to leave the edges between all regulators to the penalised regression."""
    return n_cells >= CELLS_PER_REGULATOR * n_regulators
