"""Ridge regression of every target on all regulators at once, with time turned round as its control."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.data.expression import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.data.prior import LIGHTER, Prior, solve_with_prior
from landscape.network.methods.boost import boost
from landscape.network.methods.spectrum import DECONFOUNDING, deconfounded

#: Share of the time-reversed regression that is subtracted, see :func:`ridge`.
REVERSE_SHARE = 0.5
#: What an edge found by steps counts beside one of the same rank that a line found.
STEP_SHARE = 0.9


def ridge(
    moments: Moments,
    regulators: NDArray[np.int64],
    *,
    penalty: float | FloatArray = 0.25,
    reverse_share: float = REVERSE_SHARE,
    deconfounding: float = DECONFOUNDING,
    prior: Prior | None = None,
    lighter: float = LIGHTER,
) -> FloatArray:
    r"""Signed standardised coefficients of all targets, no gene explaining itself.

    With residual correlations :math:`R` among regulators and :math:`r_j` with target :math:`j`,

    .. math:: b_j = (R + \lambda I)^{-1} r_j = P r_j, \qquad
        b_{j \setminus t} = b_j - P_{\cdot t} \frac{b_{tj}}{P_{tt}},

    the second being the exact solution without regulator :math:`t`, used where target :math:`j` is regulator
    :math:`t` itself. One inverse serves every target. Coefficients are multiplied by :math:`1 + \lambda`, so that a
    regulator which is unrelated to all others gets its correlation with the target, whatever the penalty.

    **Arrow of time.** Unspliced RNA is younger than spliced RNA. Where responses are unspliced counts :math:`u` and
    regulators spliced ones :math:`s`, the regression of :math:`u_j` on :math:`s_k` looks from the past of
    :math:`k` to the present of :math:`j`; that of :math:`s_j` on :math:`u_k` looks the other way. A target of the same
    parent as :math:`j` explains :math:`u_j` as well forwards as backwards, a regulator of :math:`j` only forwards.
    The weight is :math:`b(s_k \to u_j) - \alpha\, b(u_k \to s_j)`. :math:`\alpha = 1/2` extrapolates the
    lagged covariance linearly from a lag of one messenger lifetime, which splicing offers, to three: messenger and
    protein together, a protein living about twice as long as its messenger.

    **Noise.** Of few nascent molecules most variation is the chance of sampling them, and a difference of two noisy
    regressions is noisier still. With the reliability :math:`r_j` of the response of target :math:`j`
    (:func:`landscape.network.data.reliability.reliability`) the weight is

    .. math:: r_j \left( b(s_k \to u_j) - r_j \alpha\, b(u_k \to s_j) \right) + (1 - r_j)\, b(s_k \to s_j),

    the first part where unspliced counts are deep, and what spliced counts alone say where they are not.

    **Flattening.** What many edges share is set back (:func:`landscape.network.methods.spectrum.deconfounded`): the singular values of the
    network are compressed, because a hidden cause that many genes show fills one of them. The arrow of time removes such causes
    without that price, for a regulator of many genes fills one as well; so only what comes from one kind of counts is deconfounded.

    **Shape.** Where the moments hold steps (:func:`landscape.network.infer` adds them for values that are no counts, whose scale
    is unknown), an edge gets the larger of its coefficient and nine tenths of its weight from :func:`landscape.network.boost`,
    the latter read as the coefficient of the same rank: a line misses thresholds, steps blur lines, and either may find the edge.
    Of two that are as sure the line goes first, because it has less freedom.

    Parameters
    ----------
    moments
        Correlations of ``m`` regulators and ``q`` targets.
    regulators
        Column of each regulator among the targets, shape ``(m,)``.
    penalty
        :math:`\lambda`, in units of the variance of a standardised regulator; one for all targets or one each.
    reverse_share
        :math:`\alpha`, used where the moments hold the reverse.
    deconfounding
        :math:`\kappa`, 0 for none.
    prior, lighter
        Known edges and the share of the penalty that they bear (:func:`landscape.network.data.prior.solve_with_prior`).

    Returns
    -------
    Array of shape ``(m, q)``: standard deviations of the target per standard deviation of the regulator, relative to a
    lone regulator.

    Raises
    ------
    ValueError
        If ``penalty`` is not positive.
    """
    if not np.min(penalty) > 0:
        msg = f"Expected `penalty` above 0, found {np.min(penalty):g}."
        raise ValueError(msg)
    linear = moments.linear()
    weights = _solve(linear, regulators, penalty, prior, lighter)
    reverse = linear.reverse if reverse_share else None
    if reverse is None:
        weights = deconfounded(weights, regulators, deconfounding)
    else:
        share = 1.0 if linear.reliability is None else linear.reliability
        weights = weights - reverse_share * share * _solve(reverse, regulators, penalty, prior, lighter)
        if linear.steady is not None and np.min(share) < 1:
            steady = _solve(linear.steady, regulators, penalty, prior, lighter)
            weights = share * weights + (1.0 - share) * deconfounded(steady, regulators, deconfounding)
    if moments.has_steps:
        size = np.abs(weights)
        weights = np.sign(weights) * np.maximum(size, STEP_SHARE * at_rank_of(np.abs(boost(moments, regulators)), size))
    return weights


def _solve(
    moments: Moments, regulators: NDArray[np.int64], penalty: float | FloatArray, prior: Prior | None, lighter: float
) -> FloatArray:
    if isinstance(penalty, np.ndarray):
        result = np.zeros_like(moments.xy)
        for value in np.unique(penalty):
            mine = penalty == value
            result[:, mine] = _solve(moments, regulators, float(value), prior, lighter)[:, mine]
        return result
    inverse = ridge_inverse(moments.xx, penalty)
    weights = inverse @ moments.xy
    if prior is None:
        return (1 + penalty) * without_self(weights, inverse, regulators)
    return (1 + penalty) * solve_with_prior(weights, inverse, regulators, prior, penalty=penalty, lighter=lighter)


def at_rank_of(values: FloatArray, others: FloatArray) -> FloatArray:
    """Values of ``others`` in the order of ``values``: the largest where that is largest, and so on; zeros stay."""
    result = np.empty(values.size)
    result[np.argsort(values, axis=None, kind="stable")] = np.sort(others, axis=None)
    return np.where(values != 0, result.reshape(values.shape), 0.0)


def ridge_inverse(correlation: FloatArray, penalty: float) -> FloatArray:
    """Inverse of the correlations plus the penalty on the diagonal."""
    loaded = correlation + penalty * np.eye(len(correlation))
    factor = linalg.cho_factor(loaded, lower=True, overwrite_a=True)
    return linalg.cho_solve(factor, np.eye(len(correlation)), overwrite_b=True)


def without_self(weights: FloatArray, inverse: FloatArray, regulators: NDArray[np.int64]) -> FloatArray:
    """Refit the targets that are regulators themselves, each without itself."""
    row = np.arange(len(regulators))
    result = weights.copy()
    result[:, regulators] -= inverse * (weights[row, regulators] / np.diag(inverse))
    result[row, regulators] = 0.0
    return result
