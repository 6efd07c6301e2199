"""Decoy regulators: real regulators shuffled among cells of the same depth, and false-discovery rates from their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape._numbers import TINY
from landscape.network.data.arrays import FloatArray
from landscape.network.data.expression import Expression
from landscape.network.data.groups import hashed

#: Strata of depth within which the cells of a decoy are shuffled.
N_DEPTH_STRATA = 10
#: Decimal places of a variance, as a share of the largest one, beyond which there is rounding only.
VARIANCE_DIGITS = 12
#: Largest number of decoys.
MAX_DECOYS = 50
#: Largest number of strata of regulators, and of targets, each with a false-discovery rate of its own.
MAX_STRATA = 5
#: Smallest stratum: with fewer decoys or targets the null distribution has too few weights.
MIN_STRATUM_DECOYS, MIN_STRATUM_TARGETS = 10, 100


def with_decoys(data: Expression, count: int, *, seed: int = 0) -> Expression:
    """Add decoys of ``count`` regulators, evenly spaced in the order of their variances.

    In a decoy the values of a regulator are permuted among the cells of a tenth of depth. The permutation follows from
    hashes of the values of the cells and from the rank of the variance, so that neither the order of the cells nor that of
    the genes matters. It takes one pass.

    Parameters
    ----------
    data
        Expression.
    count
        Number of decoys, at most one per regulator.
    seed
        Seed of the hashes.
    """
    count = min(count, len(data.regulators))
    if count < 1:
        return data
    columns, responses, totals, prints = _collect(data)
    chosen = _by_variance(columns, prints)[np.linspace(0, columns.shape[1] - 1, count).astype(int)]
    strata = _depth_strata(totals)
    recipient = np.lexsort((hashed(prints, seed), strata))
    decoys = np.empty((data.n_cells, count))
    reverse = None if responses is None else np.empty((data.n_cells, count))
    for k, column in enumerate(chosen):
        donor = np.lexsort((hashed(prints, seed + 1 + k), strata))
        decoys[recipient, k] = columns[donor, column]
        if reverse is not None and responses is not None:
            reverse[recipient, k] = responses[donor, column]
    return replace(data, decoys=decoys, decoys_reverse=reverse, decoy_of=data.regulators[chosen])


def _by_variance(columns: FloatArray, prints: FloatArray) -> NDArray[np.int64]:
    """Columns in the order of their variances; of equal variances, in that of their values weighted by hashes of the cells."""
    variance = columns.var(axis=0)
    equal = np.round(variance / max(variance.max(), TINY), VARIANCE_DIGITS)  # whatever the order of summation
    weight = hashed(prints, 0) / 2.0**64
    return np.lexsort(((columns * weight[:, None]).sum(axis=0), equal))


def _collect(data: Expression) -> tuple[FloatArray, FloatArray | None, FloatArray, FloatArray]:
    blocks = [
        (b.regulators, None if b.reverse is None else b.reverse[0], b.totals, b.fingerprint) for b in data.blocks()
    ]
    columns, responses, totals, prints = zip(*blocks, strict=True)
    reverse = None if responses[0] is None else np.concatenate([part for part in responses if part is not None])
    return np.concatenate(columns), reverse, np.concatenate(totals), np.concatenate(prints)


def _depth_strata(totals: FloatArray) -> NDArray[np.int64]:
    edges = np.quantile(totals, np.arange(1, N_DEPTH_STRATA) / N_DEPTH_STRATA)
    return np.searchsorted(edges, totals, side="right")


def false_discovery(weights: FloatArray, decoys: FloatArray) -> FloatArray:
    r"""Empirical false-discovery rate of every edge, from the weights of decoys.

    .. math:: \mathrm{FDR}(w) = \frac{(1 + \#\{\text{decoy edges} \ge w\}) / n_{\text{decoys}}}
        {\#\{\text{edges} \ge w\} / n_{\text{regulators}}},

    made monotone and at most 1. It measures chance, not confounding: a hidden common cause of regulator and target makes an
    edge that decoys do not have.

    Parameters
    ----------
    weights, decoys
        Weights of regulators, shape ``(p, q)``, and of decoys, shape ``(k, q)``.

    Returns
    -------
    False-discovery rates, shape ``(p, q)``; 1 where the weight is zero.
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
    """:func:`false_discovery` in strata of regulators and targets with similar standard deviations.

    A single cell in which two rarely detected genes are both found gives them a large weight, which never happens to
    frequently detected genes. With one null distribution for all, the chance edges of rare genes would hide good edges of
    frequent ones.

    Parameters
    ----------
    weights, decoys
        As for :func:`false_discovery`.
    rows, decoy_rows, columns
        Standard deviations of regulators, decoys and targets. They define at most five strata each, of at least ten decoys
        and a hundred targets.
    """
    row, decoy_row = _strata_of(rows, decoy_rows, len(decoys) // MIN_STRATUM_DECOYS)
    column, _ = _strata_of(columns, columns[:0], len(columns) // MIN_STRATUM_TARGETS)
    result = np.ones(weights.shape)
    for r in np.unique(row):
        mine, null = np.flatnonzero(row == r), np.flatnonzero(decoy_row == r)
        if not len(null):
            null = np.arange(len(decoys))
        for c in np.unique(column):
            there = np.flatnonzero(column == c)
            result[np.ix_(mine, there)] = false_discovery(weights[np.ix_(mine, there)], decoys[np.ix_(null, there)])
    return result


def _strata_of(values: FloatArray, others: FloatArray, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stratum of every value, in ``count`` strata of equal size, and of every one of the others."""
    count = int(np.clip(count, 1, MAX_STRATA))
    edges = np.quantile(values, np.arange(1, count) / count)
    return np.searchsorted(edges, values, side="right"), np.searchsorted(edges, others, side="right")
