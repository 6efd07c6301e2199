"""Edges known beforehand, as a lighter penalty: data may still overrule them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.network.data.expression import FloatArray
from landscape.network.data.symbols import match, other_species

logger = logging.getLogger(__name__)

#: Share of the regulators that must have an edge in the prior.
MIN_COVERAGE = 0.05
#: Penalty of an edge of the prior, as a share of that of any other edge.
LIGHTER = 0.25


@dataclass(frozen=True)
class Prior:
    """Prior edges among the data's genes.

    Attributes
    ----------
    rows, columns
        Row of the regulator and column of the target of every edge.
    signs
        -1, 1, or 0 where the sign is not known.
    coverage
        Share of the regulators that have an edge.
    n_given
        Edges in the table, of which ``len(rows)`` are among the data's genes.
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
        Columns ``source``, ``target`` and, if signs are known, ``weight`` (its sign counts; 0 or missing: not known).
    regulators
        Columns of the regulators among ``names``.
    names
        Names of all genes.
    min_coverage
        Smallest share of the regulators that must have an edge.

    Raises
    ------
    TypeError
        If ``edges`` is no DataFrame.
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
        "prior: %d of %d edges are among the genes, for %.0f %% of the regulators",
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


def solve_with_prior(
    weights: FloatArray,
    inverse: FloatArray,
    regulators: NDArray[np.int64],
    prior: Prior,
    *,
    penalty: float,
    lighter: float = LIGHTER,
) -> FloatArray:
    r"""Ridge solution with a lighter penalty on prior edges, exactly, from the solution without.

    For target :math:`j` with prior regulators :math:`S` the penalty changes by :math:`\delta = \lambda (c - 1)` on :math:`S`
    and becomes infinite on the target itself, and by the matrix inversion lemma

    .. math:: b' = b - P_{\cdot S} \left( \delta^{-1} I + P_{SS} \right)^{-1} b_S .

    An edge whose fitted sign contradicts the sign of the prior keeps the full penalty.

    Parameters
    ----------
    weights, inverse
        :math:`b` with genes explaining themselves, and :math:`P`.
    regulators
        Column of each regulator among the targets.
    prior
        Known edges.
    penalty, lighter
        :math:`\lambda` and :math:`c`.
    """
    if not 0 < lighter <= 1:
        msg = f"Expected `lighter` above 0 and at most 1, found {lighter}."
        raise ValueError(msg)
    result = weights.copy()
    itself = np.full(weights.shape[1], -1)
    itself[regulators] = np.arange(len(regulators))
    order = np.argsort(prior.columns, kind="stable")
    rows, columns, signs = prior.rows[order], prior.columns[order], prior.signs[order]
    bounds = np.searchsorted(columns, np.arange(weights.shape[1] + 1))
    ease = np.inf if lighter == 1 else 1.0 / (penalty * (lighter - 1.0))
    for j in range(weights.shape[1]):
        some = slice(bounds[j], bounds[j + 1])
        found = _update(weights[:, j], inverse, rows[some], itself[j], ease)
        wrong = signs[some] * found[rows[some]] < 0
        if wrong.any():
            found = _update(weights[:, j], inverse, rows[some][~wrong], itself[j], ease)
        result[:, j] = found
    return result


def _update(column: FloatArray, inverse: FloatArray, rows: NDArray[np.int64], itself: int, ease: float) -> FloatArray:
    if not np.isfinite(ease):
        rows = rows[:0]
    diagonal = np.full(len(rows), ease)
    if itself >= 0:
        rows, diagonal = np.append(rows, itself), np.append(diagonal, 0.0)
    if not len(rows):
        return column
    inner = inverse[np.ix_(rows, rows)] + np.diag(diagonal)
    found = column - inverse[:, rows] @ np.linalg.solve(inner, column[rows])
    if itself >= 0:
        found[itself] = 0.0
    return found
