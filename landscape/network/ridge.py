"""Ridge regression of every target on all regulators at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.expression import FloatArray
from landscape.network.moments import Moments

PENALTY = 0.1


def ridge(moments: Moments, regulators: NDArray[np.int64], *, penalty: float = PENALTY) -> FloatArray:
    r"""Signed standardised coefficients of all targets, no gene explaining itself.

    With residual correlations :math:`R` among regulators and :math:`r_j` with target :math:`j`,

    .. math:: b_j = (R + \lambda I)^{-1} r_j = P r_j, \qquad
        b_{j \setminus t} = b_j - P_{\cdot t} \frac{b_{tj}}{P_{tt}},

    the second being the exact solution without regulator :math:`t`, used where target :math:`j` is regulator
    :math:`t` itself. One inverse serves every target.

    Parameters
    ----------
    moments
        Correlations of ``m`` regulators and ``q`` targets.
    regulators
        Column of each regulator among the targets, shape ``(m,)``.
    penalty
        :math:`\lambda`, in units of the variance of a standardised regulator.

    Returns
    -------
    Array of shape ``(m, q)``: standard deviations of the target per standard deviation of the regulator.
    """
    if not penalty > 0:
        msg = f"Expected `penalty` above 0, found {penalty}."
        raise ValueError(msg)
    inverse = ridge_inverse(moments.xx, penalty)
    weights = inverse @ moments.xy
    return without_self(weights, inverse, regulators)


def ridge_inverse(correlation: FloatArray, penalty: float | FloatArray) -> FloatArray:
    """Inverse of the correlations plus the penalty on the diagonal."""
    loaded = correlation + np.diag(np.broadcast_to(penalty, len(correlation)))
    factor = linalg.cho_factor(loaded, lower=True)
    return linalg.cho_solve(factor, np.eye(len(correlation)))


def without_self(weights: FloatArray, inverse: FloatArray, regulators: NDArray[np.int64]) -> FloatArray:
    """Refit the targets that are regulators themselves, each without itself."""
    row = np.arange(len(regulators))
    result = weights.copy()
    result[:, regulators] -= inverse * (weights[row, regulators] / np.diag(inverse))
    result[row, regulators] = 0.0
    return result
