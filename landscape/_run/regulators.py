"""How many regulators the cells of a run can distinguish."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from anndata import AnnData

from landscape._anndata import count_matrix
from landscape._regulators import regulators_of
from landscape.dynamics.problem import CELLS_PER_REGULATOR

logger = logging.getLogger(__name__)


def affordable(cells: AnnData, layer: str, named: Sequence[str] | None) -> Sequence[str] | None:
    """Regulators for a run; if there are too many for the cells, those that are detected in the largest number of cells.

    A gene is regressed on all regulators at once, which needs more cells than regulators. Regulators that the user named
    are never dropped.

    Parameters
    ----------
    cells
        Cells on the genes of the run.
    layer
        Counts.
    named
        Regulators that the user named, or ``None``.
    """
    if named is not None:
        return named
    index, _ = regulators_of(cells, None)
    if len(index) < cells.n_obs:
        return None
    kept = max(2, cells.n_obs // CELLS_PER_REGULATOR)
    detected = np.asarray((count_matrix(cells, layer, check=False)[:, index] > 0).sum(0)).ravel()
    chosen = np.sort(index[np.argsort(-detected, kind="stable")[:kept]])
    logger.warning(
        "%d cells cannot distinguish %d regulators; kept the %d that are detected in most cells. Name others with "
        "--regulators (in Python: `regulators=`)",
        cells.n_obs,
        len(index),
        kept,
    )
    return list(cells.var_names[chosen])
