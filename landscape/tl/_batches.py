"""Warnings where the graph of cells follows their batches."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape._anndata import results_of
from landscape.markov.graph import CellGraph

logger = logging.getLogger(__name__)

# Columns with more levels are names of cells rather than of batches.
MAX_LEVELS = 50
# A component goes with a level if at most a twentieth of the cells of either are outside of the other.
MIN_SHARE = 0.95
# Half way between batches that are mixed (0) and batches that share no neighbours (1).
MAX_SEPARATION = 0.5


def warn_of_batches(adata: AnnData, graph: CellGraph, model: Any | None, network_key: str) -> None:
    """Warn where components of the graph, or most neighbours, go with a batch.

    Batches are the model's ``batch_key`` and categorical covariates of the network; components are compared with all
    other categorical columns too, because a batch that no stage was told of is the likeliest to part the cells.
    """
    batches = _batches(adata, model, network_key)
    others = [key for key in adata.obs if not pd.api.types.is_numeric_dtype(adata.obs[key])]
    for key in dict.fromkeys([*batches, *others]):
        codes, levels = pd.factorize(adata.obs[key])
        if not 1 < len(levels) <= MAX_LEVELS or (codes < 0).any():
            continue
        if graph.n_components > 1 and parts_go_with(graph.component, codes):
            mend = (
                "no path connects the batches; train the latent model longer, or analyse them apart"
                if key in batches
                else f"if it is a batch, pass `batch_key={key!r}` to the latent model"
            )
            logger.warning("the components of the graph of cells go with `adata.obs[%r]`: %s", key, mend)
        elif key in batches and (found := separation(graph, codes)) > MAX_SEPARATION:
            logger.warning(
                "neighbours are mostly of the same %r (%.2f; 0 is mixed, 1 is apart): %s",
                key,
                found,
                "z keeps the batch"
                if model is not None
                else "states pooled over neighbours keep the batch; pass `model=`",
            )


def parts_go_with(component: NDArray[np.int64], codes: NDArray[np.int64]) -> bool:
    """Whether each component lies in one level, each level in one component, and not all in the same."""
    table = pd.crosstab(component, codes).to_numpy()
    if table.max(1).sum() < MIN_SHARE * table.sum() or table.max(0).sum() < MIN_SHARE * table.sum():
        return False
    return len(np.unique(table.argmax(1))) > 1


def separation(graph: CellGraph, codes: NDArray[np.int64]) -> float:
    r"""Excess of neighbours of the same batch, :math:`(s - e) / (1 - e)`.

    s is the share of the weights of neighbours that join cells of one batch, and :math:`e = \sum_b p_b^2` its value if
    batches are mixed.
    """
    pairs = graph.weights.tocoo()
    same = float(pairs.data[codes[pairs.row] == codes[pairs.col]].sum() / pairs.data.sum())
    mixed = float(np.square(np.bincount(codes) / len(codes)).sum())
    return (same - mixed) / (1 - mixed)


def _batches(adata: AnnData, model: Any | None, network_key: str) -> list[str]:
    """Columns that the model or the network takes for batches."""
    params = results_of(adata).get(network_key, {}).get("params", {})
    names = [str(name) for name in np.atleast_1d(params.get("covariates", []))]
    if model is not None and model.batch_key is not None:
        names.insert(0, model.batch_key)
    return [name for name in dict.fromkeys(names) if name in adata.obs and not _is_number(adata.obs[name])]


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column)
