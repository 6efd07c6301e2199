"""Levels at which genes are clamped, and whether cells show them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# Share of the range of abundance among cells by which a level may lie outside of it and still be called inside: posterior
# means of a gene that is off are small, not zero.
MARGIN = 0.05


def level_table(
    levels: Mapping[str, float], *, genes: Collection[str], regulators: Sequence[str], states: NDArray[np.float64]
) -> pd.DataFrame:
    """Table of clamped genes: ``level``, its range ``low`` to ``high`` among cells, ``inside`` that range, ``acts``.

    A gene that is no regulator of the model is a read-out and does not act, which is logged, as is a level that no cell
    shows.

    Parameters
    ----------
    levels
        Level of each gene, in units of the state.
    genes
        Names of all genes.
    regulators
        Names of the variables of the model.
    states
        State of each cell, shape ``(n, d)``.

    Raises
    ------
    KeyError
        If a gene is unknown.
    ValueError
        If there are no levels, or one is negative or not finite.
    """
    if not isinstance(levels, Mapping) or not levels:
        msg = f"Expected levels by gene such as {{'Gata1': 0.0}}, found {levels!r}."
        raise ValueError(msg)
    rows = []
    for gene, level in levels.items():
        if gene not in genes:
            msg = f"Expected genes of `adata.var_names`, found {gene!r}; regulators in the model: {list(regulators[:10])}, ..."
            raise KeyError(msg)
        if not isinstance(level, int | float | np.number) or not np.isfinite(level) or level < 0:
            msg = f"Expected a finite level from 0 on for {gene!r}, found {level!r}; 0 is off and 1 is high."
            raise ValueError(msg)
        acts = gene in regulators
        low, high = (
            (states[:, regulators.index(gene)].min(), states[:, regulators.index(gene)].max())
            if acts
            else (np.nan, np.nan)
        )
        spare = MARGIN * (high**2 - low**2)  # levels are square roots of abundance
        inside = bool(acts and low**2 - spare <= level**2 <= high**2 + spare)
        if not acts:
            logger.warning("%s is a read-out: it is no regulator of the model, so holding it changes nothing", gene)
        elif not inside:
            logger.warning(
                "%s=%g is outside of what cells show, %.2f to %.2f: an extrapolation", gene, level, low, high
            )
        rows.append({"level": float(level), "low": low, "high": high, "inside": inside, "acts": acts})
    return pd.DataFrame(rows, index=pd.Index(list(levels), name="gene"))
