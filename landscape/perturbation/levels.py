"""Levels at which genes are clamped, and for how long, compared with the levels in cells."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape._keys import clamp_name
from landscape.dynamics import GeneModel
from landscape.perturbation.clamps import Edge, Level, level_of, release_of

logger = logging.getLogger(__name__)

# A level within this share of the range of abundance over cells still counts as inside it: posterior means of a gene that is
# not expressed are small, not zero.
MARGIN = 0.05


def level_table(
    levels: Mapping[str | tuple[str, str], Level],
    *,
    genes: Collection[str],
    regulators: Sequence[str],
    states: NDArray[np.float64],
) -> pd.DataFrame:
    """Table of clamped genes: ``level``, ``time``, the range ``low`` to ``high`` over cells, ``inside`` that range, ``acts``.

    A warning is logged for a gene that is not a regulator of the model and therefore has no effect, and for a level outside
    the range over cells.

    Parameters
    ----------
    levels
        Level of each gene, in units of the state, or its level and the time for which it is held. A pair of names is an edge, from
        a regulator to the target that sees it at the level.
    genes
        Names of all genes.
    regulators
        Names of the variables of the model.
    states
        State of each cell, shape ``(n, d)``.

    Returns
    -------
    Table with one row per clamped gene or edge; the range of an edge is that of its regulator.

    Raises
    ------
    KeyError
        If a gene is unknown.
    ValueError
        If there are no levels, one is negative or not finite, or a time is not positive and finite.
    """
    if not isinstance(levels, Mapping) or not levels:
        msg = f"Expected levels by gene, such as {{'Gata1': 0.0}}, found {levels!r}."
        raise ValueError(msg)
    rows = []
    for key, value in levels.items():
        named = _genes_of(key)
        for name in named:
            if name not in genes:
                msg = f"Expected genes of `adata.var_names`, found {name!r}; regulators of the model: {list(regulators[:10])}, ..."
                raise KeyError(msg)
        gene = named[0]
        level, time = _checked(clamp_name(key), value)
        if len(named) > 1 and time < np.inf:
            msg = f"Expected a level for the edge {clamp_name(key)!r}, found one with a time; pulses are for genes."
            raise ValueError(msg)
        acts = all(name in regulators for name in named)
        low, high = (
            (states[:, regulators.index(gene)].min(), states[:, regulators.index(gene)].max())
            if acts
            else (np.nan, np.nan)
        )
        inside = bool(acts and within_range(level, low, high))
        if not acts:
            logger.warning(
                "%s is a read-out: not in the regulators of the model, so clamping it has no effect", clamp_name(key)
            )
        elif not inside:
            logger.warning(
                "%s=%g is outside the range over cells, %.2f to %.2f: an extrapolation",
                clamp_name(key),
                level,
                low,
                high,
            )
        rows.append({"level": level, "time": time, "low": low, "high": high, "inside": inside, "acts": acts})
    return pd.DataFrame(rows, index=pd.Index(list(map(clamp_name, levels)), name="gene"))


def within_range(level: float, low: float, high: float) -> bool:
    """Whether a level is within the range over cells, with a margin of a twentieth of the range of abundance."""
    spare = MARGIN * (high**2 - low**2)  # levels are square roots of abundance
    return bool(low**2 - spare <= level**2 <= high**2 + spare)


def warn_of_missing_edges(model: GeneModel, edges: Mapping[Edge, float]) -> None:
    """Log a warning for edges, given by position, that the model does not have."""
    for source, target in edges:
        if model.drift.weights[target, source] == 0:
            name = clamp_name((model.regulators[source], model.regulators[target]))
            logger.warning("the model has no edge %s, so holding it has no effect", name)


def _genes_of(key: object) -> tuple[str, ...]:
    """Genes that a key names: one, or the regulator and the target of an edge."""
    if isinstance(key, str):
        return (key,)
    if isinstance(key, tuple) and len(key) == 2 and all(isinstance(name, str) for name in key):
        return key
    msg = f"Expected a gene such as 'Gata1', or an edge such as ('Gata1', 'Spi1'), found {key!r}."
    raise ValueError(msg)


def _checked(gene: str, value: object) -> tuple[float, float]:
    """Level of a gene and the time for which it is held."""
    given = value if isinstance(value, tuple) else (value,)
    numbers = all(isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in given)
    if not numbers or len(given) not in (1, 2) or not np.isfinite(given[0]) or given[0] < 0:  # type: ignore[call-overload, operator]
        msg = (
            f"Expected a finite level of at least 0 for {gene!r}, or a tuple of it and the time for which it is held, found "
            f"{value!r}; 0 is a knock-out, 1 is high expression."
        )
        raise ValueError(msg)
    level, time = level_of(value), release_of(value)  # type: ignore[arg-type]
    if len(given) == 2 and not 0 < time < np.inf:
        msg = f"Expected a positive, finite time for which {gene!r} is held, found {time!r}; leave it out to hold the gene throughout."
        raise ValueError(msg)
    return level, time
