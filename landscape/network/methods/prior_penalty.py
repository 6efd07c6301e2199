"""Ridge with a smaller penalty on prior edges, which the data may still overrule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.network.data.arrays import FloatArray
from landscape.network.data.prior import Prior

#: Penalty of a prior edge, as a share of the penalty of any other edge.
PRIOR_PENALTY_FACTOR = 0.25


def solve_with_prior(
    weights: FloatArray,
    inverse: FloatArray,
    regulators: NDArray[np.int64],
    prior: Prior,
    *,
    penalty: float,
    prior_penalty_factor: float = PRIOR_PENALTY_FACTOR,
) -> FloatArray:
    r"""Exact ridge solution with a smaller penalty on prior edges, from the solution with one penalty for all edges.

    For target :math:`j` with prior regulators :math:`S` the penalty changes by :math:`\delta = \lambda (c - 1)` on :math:`S`
    and becomes infinite for the target itself. By the matrix inversion lemma

    .. math:: b' = b - P_{\cdot S} \left( \delta^{-1} I + P_{SS} \right)^{-1} b_S .

    An edge whose fitted sign contradicts the sign of the prior keeps the full penalty.

    Parameters
    ----------
    weights, inverse
        :math:`b`, with self-edges, and :math:`P`.
    regulators
        Column of each regulator among the targets.
    prior
        Known edges.
    penalty, prior_penalty_factor
        :math:`\lambda` and :math:`c`.

    Raises
    ------
    ValueError
        If the factor is not above 0 and at most 1.
    """
    if not 0 < prior_penalty_factor <= 1:
        msg = f"Expected `prior_penalty_factor` above 0 and at most 1, found {prior_penalty_factor}."
        raise ValueError(msg)
    result = weights.copy()
    itself = np.full(weights.shape[1], -1)
    itself[regulators] = np.arange(len(regulators))
    order = np.argsort(prior.columns, kind="stable")
    rows, columns, signs = prior.rows[order], prior.columns[order], prior.signs[order]
    bounds = np.searchsorted(columns, np.arange(weights.shape[1] + 1))
    inverse_change = np.inf if prior_penalty_factor == 1 else 1.0 / (penalty * (prior_penalty_factor - 1.0))
    for j in range(weights.shape[1]):
        known = slice(bounds[j], bounds[j + 1])
        found = _update(weights[:, j], inverse, rows[known], itself[j], inverse_change)
        wrong = signs[known] * found[rows[known]] < 0
        if wrong.any():
            found = _update(weights[:, j], inverse, rows[known][~wrong], itself[j], inverse_change)
        result[:, j] = found
    return result


def _update(
    column: FloatArray, inverse: FloatArray, rows: NDArray[np.int64], itself: int, inverse_change: float
) -> FloatArray:
    if not np.isfinite(inverse_change):
        rows = rows[:0]
    diagonal = np.full(len(rows), inverse_change)
    if itself >= 0:
        rows, diagonal = np.append(rows, itself), np.append(diagonal, 0.0)
    if not len(rows):
        return column
    inner = inverse[np.ix_(rows, rows)] + np.diag(diagonal)
    found = column - inverse[:, rows] @ np.linalg.solve(inner, column[rows])
    if itself >= 0:
        found[itself] = 0.0
    return found
