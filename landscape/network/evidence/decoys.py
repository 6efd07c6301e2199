"""Decoy regulators: real columns whose cells are shuffled among cells of the same depth, so that no edge is theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.expression import Expression, FloatArray
from landscape.network.data.groups import hashed

N_STRATA = 10
MAX_DECOYS = 50
MAX_LIKE = 5


def with_decoys(data: Expression, count: int, *, seed: int = 0) -> Expression:
    """The same expression with decoys of ``count`` regulators, spread evenly over the order of their variances.

    A decoy takes each cell's value from another cell of the same tenth of depth. Who gives to whom follows from hashes of
    the cells' contents, so that the order of cells does not matter. This is one pass that keeps ``count`` columns.
    """
    count = min(count, len(data.regulators))
    if count < 1:
        return data
    columns, back, totals, prints = _collect(data)
    chosen = np.sort(
        np.argsort(columns.var(axis=0), kind="stable")[np.linspace(0, columns.shape[1] - 1, count).astype(int)]
    )
    strata = _strata(totals)
    receives = np.lexsort((hashed(prints, seed), strata))
    decoys = np.empty((data.n_cells, count))
    reverse = None if back is None else np.empty((data.n_cells, count))
    for k, column in enumerate(chosen):
        gives = np.lexsort((hashed(prints, seed + 1 + k), strata))
        decoys[receives, k] = columns[gives, column]
        if reverse is not None and back is not None:
            reverse[receives, k] = back[gives, column]
    return replace(data, decoys=decoys, decoys_reverse=reverse, decoy_of=data.regulators[chosen])


def _collect(data: Expression) -> tuple[FloatArray, FloatArray | None, FloatArray, FloatArray]:
    blocks = [
        (b.regulators, None if b.reverse is None else b.reverse[0], b.totals, b.fingerprint) for b in data.blocks()
    ]
    columns, back, totals, prints = zip(*blocks, strict=True)
    reverse = None if back[0] is None else np.concatenate([part for part in back if part is not None])
    return np.concatenate(columns), reverse, np.concatenate(totals), np.concatenate(prints)


def _strata(totals: FloatArray) -> NDArray[np.int64]:
    edges = np.quantile(totals, np.arange(1, N_STRATA) / N_STRATA)
    return np.searchsorted(edges, totals, side="right")


def false_discovery(weights: FloatArray, decoys: FloatArray) -> FloatArray:
    r"""Empirical false-discovery rate of every edge from the weights that decoys get.

    .. math:: \mathrm{FDR}(w) = \frac{(1 + \#\{\text{decoy edges} \ge w\}) / n_{\text{decoys}}}
        {\#\{\text{edges} \ge w\} / n_{\text{regulators}}},

    made monotone and capped at 1. It covers chance, not confounding: a hidden common cause of regulator and target gives an
    edge that no decoy has.

    Parameters
    ----------
    weights, decoys
        Weights of real regulators, shape ``(p, q)``, and of decoys, shape ``(k, q)``.

    Returns
    -------
    Array of shape ``(p, q)``; 1 where the weight is zero.
    """
    score = np.abs(weights).ravel()
    null = np.sort(np.abs(decoys).ravel())
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    above = len(null) - np.searchsorted(null, ranked, side="left")
    taken = len(score) - np.searchsorted(ranked[::-1], ranked, side="left")  # ties count together
    rate = (1.0 + above) / len(decoys) * len(weights) / taken
    rate = np.minimum.accumulate(np.minimum(rate, 1.0)[::-1])[::-1]
    result = np.empty(len(score))
    result[order] = rate
    result[score == 0] = 1.0
    return result.reshape(weights.shape)


def stratified_false_discovery(
    weights: FloatArray, decoys: FloatArray, *, rows: FloatArray, decoy_rows: FloatArray, columns: FloatArray
) -> FloatArray:
    """:func:`false_discovery` among like regulators and like targets.

    Two genes that are rarely detected get a large weight from a single cell that has both; frequent genes never do. Held against
    all decoys together, good edges of frequent genes would drown in the chance edges of rare ones.

    Parameters
    ----------
    weights, decoys
        As for :func:`false_discovery`.
    rows, decoy_rows, columns
        Spread of regulators, decoys and targets, by which they are put into at most five strata each, of at least
        ten decoys and a hundred targets.
    """
    row, decoy_row = _like(rows, decoy_rows, len(decoys) // 10)
    column, _ = _like(columns, columns[:0], len(columns) // 100)
    result = np.ones(weights.shape)
    for r in np.unique(row):
        mine, null = np.flatnonzero(row == r), np.flatnonzero(decoy_row == r)
        if not len(null):
            null = np.arange(len(decoys))
        for c in np.unique(column):
            there = np.flatnonzero(column == c)
            result[np.ix_(mine, there)] = false_discovery(weights[np.ix_(mine, there)], decoys[np.ix_(null, there)])
    return result


def _like(values: FloatArray, others: FloatArray, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Strata of equal size of some values, and where other values fall among them."""
    count = int(np.clip(count, 1, MAX_LIKE))
    edges = np.quantile(values, np.arange(1, count) / count)
    return np.searchsorted(edges, values, side="right"), np.searchsorted(edges, others, side="right")
