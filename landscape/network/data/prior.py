"""Prior networks: edges known beforehand, matched with the genes of the data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.network.data.arrays import FloatArray
from landscape.network.data.symbols import match, other_species

logger = logging.getLogger(__name__)

#: Smallest share of the regulators that must have an edge in the prior.
MIN_COVERAGE = 0.05


@dataclass(frozen=True)
class Prior:
    """Prior edges among the genes of the data.

    Attributes
    ----------
    rows, columns
        Row of the regulator and column of the target of every edge.
    signs
        -1, 1, or 0 if the sign is not known.
    coverage
        Share of the regulators that have an edge.
    n_given
        Number of edges in the table, of which ``len(rows)`` are among the genes of the data.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    signs: FloatArray
    coverage: float
    n_given: int


def prior_of(
    edges: pd.DataFrame, regulators: NDArray[np.int64], names: Sequence[str], *, min_coverage: float = MIN_COVERAGE
) -> Prior:
    """Match a table of edges with the genes of the data.

    Parameters
    ----------
    edges
        Columns ``source``, ``target`` and, if signs are known, ``weight``, of which only the sign is used (0 or missing: unknown).
    regulators
        Columns of the regulators among ``names``.
    names
        Names of all genes.
    min_coverage
        Smallest share of the regulators that must have an edge.

    Raises
    ------
    TypeError
        If ``edges`` is not a DataFrame.
    KeyError
        If a column is missing.
    ValueError
        If the prior is empty, of another species, or covers too few regulators.
    """
    if not isinstance(edges, pd.DataFrame):
        msg = f"Expected `prior` to be a DataFrame with columns source, target, weight, found {type(edges).__name__}."
        raise TypeError(msg)
    if missing := [column for column in ("source", "target") if column not in edges]:
        msg = f"Expected columns source and target in `prior`, found no {missing}; present: {list(edges.columns)}."
        raise KeyError(msg)
    sources, targets = edges["source"].astype(str), edges["target"].astype(str)
    _same_species(list(sources.unique()) + list(targets.unique()), names)
    position = np.full(len(names), -1)
    position[regulators] = np.arange(len(regulators))
    found = match(set(sources) | set(targets), names)
    row = np.array([position[found[s]] if s in found else -1 for s in sources])
    column = np.array([found.get(t, -1) for t in targets])
    weight = edges["weight"].to_numpy(dtype=np.float64) if "weight" in edges else np.zeros(len(edges))
    inside = (row >= 0) & (column >= 0)
    inside[inside] = regulators[row[inside]] != column[inside]
    coverage = len(np.unique(row[inside])) / len(regulators)
    logger.info(
        "prior: %d of %d edges are among the genes; they cover %.0f %% of the regulators",
        int(inside.sum()), len(edges), 100 * coverage,
    )  # fmt: skip
    if coverage < min_coverage:
        msg = (
            f"Expected a prior with edges of at least {min_coverage:.0%} of the {len(regulators)} regulators, found "
            f"{coverage:.1%} (its sources: {list(sources.unique()[:3])}, genes: {list(names[:3])}); pass a prior of this "
            "species and these names, or lower `min_coverage`."
        )
        raise ValueError(msg)
    table = pd.DataFrame({"row": row[inside], "column": column[inside], "sign": np.sign(np.nan_to_num(weight[inside]))})
    table = table.groupby(["column", "row"], as_index=False)["sign"].agg(_agreed)
    return Prior(
        table["row"].to_numpy(), table["column"].to_numpy(), table["sign"].to_numpy(float), coverage, len(edges)
    )


def _agreed(signs: pd.Series) -> float:
    known = signs[signs != 0].unique()
    return float(known[0]) if len(known) == 1 else 0.0


def _same_species(given: list[str], names: Sequence[str]) -> None:
    if differing := other_species(given, names):
        theirs, ours = differing
        change = "str.capitalize" if ours == "mouse" else "str.upper"
        msg = (
            f"Expected a prior of {ours} genes, found one of {theirs} (such as {given[:3]}); translate it by orthologues "
            f"first (most symbols only differ in letter case: `prior['source'].map({change})`)."
        )
        raise ValueError(msg)
