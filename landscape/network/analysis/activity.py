"""Activity of regulators in cells, from the expression of their targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from landscape._numbers import TINY
from landscape.network.data.arrays import FloatArray

#: Below this share of the second moment a variance is rounding, and the gene constant.
MIN_VARIANCE = 1e-12
#: Correlations are limited to this magnitude, so that t values are finite.
MAX_CORRELATION = 1 - 1e-12


def regulon_activity(
    values: Any, weights: ArrayLike, regulators: ArrayLike, *, min_targets: int = 5
) -> tuple[FloatArray, NDArray[np.bool_]]:
    r"""Activity of every regulator in every cell: a univariate linear model of the cell on the weights.

    In cell :math:`i` the standardised expression :math:`y_{ij}` of all genes is regressed on the weights :math:`w_{kj}` of
    regulator :math:`k`. The activity is the t value of the slope, as in ``ulm`` of decoupler [1]_. The gene of the regulator
    itself is left out, so that the activity does not repeat its expression.

    Parameters
    ----------
    values
        Expression, cells by genes, normalised and log-transformed; sparse or dense.
    weights
        Weights, shape ``(p, q)``, zero for edges outside the support.
    regulators
        Column of each regulator among the genes.
    min_targets
        Smallest number of targets of a regulator.

    Returns
    -------
    Activities, shape ``(cells, p)``, zero for regulators with too few targets; and a mask of the regulators with enough.

    References
    ----------
    .. [1] Badia-i-Mompel et al. (2022), *Bioinformatics Advances* 2, vbac016. https://doi.org/10.1093/bioadv/vbac016
    """
    network = np.array(weights, dtype=np.float64)
    index = np.asarray(regulators, dtype=np.int64)
    if network.ndim != 2 or network.shape != (len(index), values.shape[1]):
        msg = f"Expected weights of shape ({len(index)}, {values.shape[1]}), found {network.shape}."
        raise ValueError(msg)
    network[np.arange(len(index)), index] = 0.0
    enough = (network != 0).sum(axis=1) >= min_targets
    mean, spread = _moments(values)
    unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    used = spread > 0
    centred = network[:, used] - network[:, used].mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    direction = np.zeros_like(network)
    direction[:, used] = np.divide(centred, length[:, None], out=np.zeros_like(centred), where=length[:, None] > 0)
    scaled = direction * unit
    projected = np.asarray(values @ scaled.T) - scaled @ mean
    variance = _row_variance(values, mean, unit, used)
    n = int(used.sum())
    correlation = np.clip(
        projected / np.sqrt(np.maximum(variance * n, TINY))[:, None], -MAX_CORRELATION, MAX_CORRELATION
    )
    result = correlation * np.sqrt((n - 2) / (1 - correlation**2))
    result[:, ~enough] = 0.0
    return result, enough


def _moments(values: Any) -> tuple[FloatArray, FloatArray]:
    mean = np.asarray(values.mean(axis=0), dtype=np.float64).ravel()
    squares = values.multiply(values) if sparse.issparse(values) else values**2
    second = np.asarray(squares.mean(axis=0), dtype=np.float64).ravel()
    variance = second - mean**2
    return mean, np.sqrt(np.where(variance > MIN_VARIANCE * np.maximum(second, TINY), variance, 0.0))


def _row_variance(values: Any, mean: FloatArray, unit: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    """Variance over genes of the standardised expression of every cell, without a dense matrix."""
    n = int(used.sum())
    squares = values.multiply(values) if sparse.issparse(values) else values**2
    second = (
        np.asarray(squares @ unit**2) - 2 * np.asarray(values @ (mean * unit**2)) + float((mean * unit) @ (mean * unit))
    )
    first = np.asarray(values @ unit) - float(mean @ unit)
    return second / n - (first / n) ** 2
