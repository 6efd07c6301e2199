"""How many regulators the cells of a run can distinguish."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from anndata import AnnData

from landscape import pp
from landscape._anndata import count_matrix
from landscape._regulators import regulators_of
from landscape.datasets.regulator_lists import is_tier
from landscape.dynamics.problem import CELLS_PER_REGULATOR

logger = logging.getLogger(__name__)


def affordable(
    cells: AnnData, layer: str, named: Sequence[str] | str | None, *, batch_key: str | None = None
) -> Sequence[str] | str | None:
    """Regulators for a run; if there are too many for the cells, those that vary most beyond the noise of counting.

    A gene is regressed on all regulators at once, which needs more cells than regulators. They are ranked by the variance of their Pearson
    residuals (:func:`landscape.pp.pearson_residual_variance`), which is 1 where counts vary by sampling alone, however many cells express
    the gene: what most cells express alike tells nothing about where a cell goes. Regulators that the user named are never dropped.

    Parameters
    ----------
    cells
        Cells on the genes of the run.
    layer
        Counts.
    named
        Regulators that the user named, the name of a tier, or ``None``.
    batch_key
        Column of ``cells.obs`` with the batch; variation between batches does not count.
    """
    if not is_tier(named):
        return named
    index, _ = regulators_of(cells, named)
    if len(index) < cells.n_obs:
        return named
    kept = max(2, cells.n_obs // CELLS_PER_REGULATOR)
    counts = count_matrix(cells, layer, check=False)
    groups = None if batch_key is None else cells.obs[batch_key].astype(str).to_numpy()
    spread = pp.pearson_residual_variance(counts, groups=groups)[index]
    chosen = np.sort(index[np.argsort(-spread, kind="stable")[:kept]])
    logger.warning(
        "%d cells cannot distinguish %d regulators; kept the %d that vary most beyond the noise of counting. Name others with "
        "--regulators (in Python: `regulators=`)",
        cells.n_obs,
        len(index),
        kept,
    )
    return list(cells.var_names[chosen])
