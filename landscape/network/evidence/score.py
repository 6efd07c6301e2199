"""Scores of a network against known edges, among all possible edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.network.data.arrays import FloatArray


@dataclass(frozen=True)
class Scores:
    """Agreement of a network with a gold standard.

    Attributes
    ----------
    auprc
        Average precision among the possible edges.
    auprc_ratio
        ``auprc`` divided by that of random scores, the density of true edges.
    epr
        Early precision ratio: precision among the ``n_true`` best edges, with ties, divided by the density.
    sign_accuracy
        Share of true edges with a known sign whose weight has that sign; a weight of zero is wrong. NaN without signs.
    sign_accuracy_activation, sign_accuracy_repression
        The same among activating and among repressing edges.
    direction_accuracy
        Share of true edges between regulators whose reverse is not true that score above their reverse; ties count half.
        NaN without such edges.
    self_loop_auroc
        Area under the ROC curve of self-edges among regulators; NaN if all or none of them are true.
    density, n_true, n_universe
        Share of true edges, their number, and the number of possible edges.
    """

    auprc: float
    auprc_ratio: float
    epr: float
    sign_accuracy: float
    sign_accuracy_activation: float
    sign_accuracy_repression: float
    direction_accuracy: float
    self_loop_auroc: float
    density: float
    n_true: int
    n_universe: int


def score(
    weights: ArrayLike, truth: ArrayLike, regulators: ArrayLike, *, universe: NDArray[np.bool_] | None = None
) -> Scores:
    """Score a network against known edges.

    Parameters
    ----------
    weights
        Weights of shape ``(p, q)``; edges are ranked by magnitude.
    truth
        Known edges, same shape: 1, -1 for repression, 0 for none.
    regulators
        Column of each row among the targets, shape ``(p,)``.
    universe
        Mask of the possible edges. ``None``: all but self-edges.

    Raises
    ------
    ValueError
        If shapes disagree, a weight is not finite, or the possible edges are all true or all false.
    """
    found, known = np.asarray(weights, dtype=np.float64), np.sign(np.asarray(truth, dtype=np.float64))
    index = np.asarray(regulators, dtype=np.int64)
    possible = _universe(found, known, index, universe)
    magnitude = np.abs(found)
    true, ranked = known[possible] != 0, magnitude[possible]
    density = float(true.mean())
    precision = average_precision(true, ranked)
    right = np.sign(found) == known
    edges = possible & (known != 0)
    return Scores(
        auprc=precision,
        auprc_ratio=precision / density,
        epr=early_precision(true, ranked) / density,
        sign_accuracy=_mean(right[edges]) if (known[edges] < 0).any() else float("nan"),
        sign_accuracy_activation=_mean(right[edges & (known > 0)]) if (known[edges] < 0).any() else float("nan"),
        sign_accuracy_repression=_mean(right[edges & (known < 0)]),
        direction_accuracy=_direction(magnitude[:, index], edges[:, index]),
        self_loop_auroc=_self_loops(magnitude, known, index),
        density=density,
        n_true=int(true.sum()),
        n_universe=len(true),
    )


def average_precision(true: NDArray[np.bool_], ranked: FloatArray) -> float:
    r"""Average precision :math:`\sum_n (R_n - R_{n-1}) P_n` over distinct scores, ties included together."""
    order = np.argsort(-ranked, kind="stable")
    hits = np.cumsum(true[order])
    last = np.append(np.diff(ranked[order]) != 0, True)  # last of every group of ties
    precision = hits[last] / (np.flatnonzero(last) + 1)
    recall = np.diff(hits[last], prepend=0) / max(int(hits[-1]), 1)
    return float(precision @ recall)


def early_precision(true: NDArray[np.bool_], ranked: FloatArray) -> float:
    """Precision among the best edges, as many as there are true ones, with ties; zeros are not edges."""
    count = int(true.sum())
    cut = np.partition(ranked, len(ranked) - count)[len(ranked) - count]
    chosen = (ranked >= cut) & (ranked > 0)
    return float(true[chosen].mean()) if chosen.any() else 0.0


def _universe(
    found: FloatArray, known: FloatArray, index: NDArray[np.int64], universe: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    if found.ndim != 2 or found.shape != known.shape or index.shape != (len(found),):
        msg = (
            "Expected weights and truth of one shape (p, q) and p regulators, found shapes "
            f"{found.shape}, {known.shape} and {index.shape}."
        )
        raise ValueError(msg)
    if not np.isfinite(found).all():
        msg = f"Expected finite weights, found {int((~np.isfinite(found)).sum())} others."
        raise ValueError(msg)
    if universe is None:
        possible = np.ones(found.shape, dtype=bool)
        possible[np.arange(len(index)), index] = False
    else:
        possible = np.asarray(universe, dtype=bool)
        if possible.shape != found.shape:
            msg = f"Expected a universe of shape {found.shape}, found {possible.shape}."
            raise ValueError(msg)
    n_true = int((known[possible] != 0).sum())
    if not 0 < n_true < possible.sum():
        msg = f"Expected true and other edges in the universe, found {n_true} true ones of {int(possible.sum())}."
        raise ValueError(msg)
    return possible


def _direction(magnitude: FloatArray, edges: NDArray[np.bool_]) -> float:
    single = edges & ~edges.T
    np.fill_diagonal(single, False)
    here, there = magnitude[single], magnitude.T[single]
    return _mean((here > there) + 0.5 * (here == there))


def _self_loops(magnitude: FloatArray, known: FloatArray, index: NDArray[np.int64]) -> float:
    row = np.arange(len(index))
    own, true = magnitude[row, index], known[row, index] != 0
    if true.all() or not true.any():
        return float("nan")
    difference = own[true][:, None] - own[~true]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
