"""Ridge regression of every target on all regulators at once, less a share of the reversed regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.data.arrays import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.data.prior import Prior
from landscape.network.methods.boost import boost
from landscape.network.methods.penalty import MIN_PENALTY
from landscape.network.methods.prior_penalty import PRIOR_PENALTY_FACTOR, solve_with_prior
from landscape.network.methods.spectrum import DECONFOUNDING, deconfounded

#: Share of the reversed regression that is subtracted, see :func:`ridge`.
REVERSE_SHARE = 0.5
#: Weight of an edge found by stumps, as a share of the coefficient of the same rank: a line has fewer degrees of freedom.
STUMP_SHARE = 0.9


def ridge(
    moments: Moments,
    regulators: NDArray[np.int64],
    *,
    penalty: float | FloatArray = MIN_PENALTY,
    reverse_share: float = REVERSE_SHARE,
    deconfounding: float = DECONFOUNDING,
    prior: Prior | None = None,
    prior_penalty_factor: float = PRIOR_PENALTY_FACTOR,
) -> FloatArray:
    r"""Signed standardised coefficients of all targets, without self-edges.

    With the residual correlations :math:`R` among regulators and :math:`r_j` of regulators with target :math:`j`,

    .. math:: b_j = (R + \lambda I)^{-1} r_j = P r_j, \qquad
        b_{j \setminus t} = b_j - P_{\cdot t} \frac{b_{tj}}{P_{tt}}.

    The second is the exact solution without regulator :math:`t`, used if target :math:`j` is regulator :math:`t` itself.
    One inverse serves all targets. Coefficients are multiplied by :math:`1 + \lambda`, so that the weight of a regulator that
    is uncorrelated with all others is its correlation with the target, whatever the penalty.

    **Reversed regression.** Unspliced RNA is younger than spliced RNA. If responses are unspliced counts :math:`u` and
    regulators spliced counts :math:`s`, the regression of :math:`u_j` on :math:`s_k` relates the past of :math:`k` to the
    present of :math:`j`; the reversed regression of :math:`s_j` on :math:`u_k` relates the present of :math:`k` to the past
    of :math:`j`. A gene with the same regulator as :math:`j` predicts :math:`j` equally well in both, a regulator of
    :math:`j` only in the first. The weight is :math:`b(s_k \to u_j) - \alpha\, b(u_k \to s_j)`. :math:`\alpha = 1/2`
    extrapolates the lagged covariance linearly from a lag of one lifetime of the messenger RNA, the lag between unspliced and
    spliced counts, to three lifetimes: messenger RNA and protein, if the protein lives about twice as long.

    **Sampling noise.** If unspliced counts are few, most of their variance is sampling noise, and the difference of two noisy
    regressions is noisier still. With the reliability :math:`\rho_j` of the response of target :math:`j`
    (:func:`landscape.network.data.reliability.reliability`) the weight is

    .. math:: \rho_j \left( b(s_k \to u_j) - \rho_j \alpha\, b(u_k \to s_j) \right) + (1 - \rho_j)\, b(s_k \to s_j).

    The first part counts where unspliced counts are deep, the contemporaneous regression of spliced counts elsewhere.

    **Spectral deconfounding.** Large singular values of the network are compressed
    (:func:`landscape.network.methods.spectrum.deconfounded`), because a hidden confounder of many genes is one of them. So is
    a regulator of many genes. The difference from the reversed regression removes confounders without this side effect,
    so that only regressions of one kind of counts are deconfounded.

    **Shape.** If the moments hold stumps (:func:`landscape.network.infer` adds them for values that are not counts, whose
    scale is unknown), an edge gets the larger of its coefficient and 0.9 times its weight from
    :func:`landscape.network.boost`, after quantile normalisation of these weights to the coefficients. A line misses
    thresholds and stumps blur lines; either may find the edge. At equal rank the line wins, having fewer degrees of freedom.

    Parameters
    ----------
    moments
        Correlations of ``m`` regulators and ``q`` targets.
    regulators
        Column of each regulator among the targets, shape ``(m,)``.
    penalty
        :math:`\lambda`, in units of the variance of a standardised regulator; one for all targets or one each.
    reverse_share
        :math:`\alpha`, used if the moments hold the reversed regression.
    deconfounding
        :math:`\kappa` of the spectral deconfounding, 0 for none.
    prior, prior_penalty_factor
        Known edges, and their penalty as a share of :math:`\lambda`
        (:func:`landscape.network.methods.prior_penalty.solve_with_prior`).

    Returns
    -------
    Array of shape ``(m, q)``: standard deviations of the target per standard deviation of the regulator, times
    :math:`1 + \lambda`.

    Raises
    ------
    ValueError
        If ``penalty`` is not positive.
    """
    if not np.min(penalty) > 0:
        msg = f"Expected `penalty` above 0, found {np.min(penalty):g}."
        raise ValueError(msg)
    linear = moments.linear()
    weights = _solve(linear, regulators, penalty, prior, prior_penalty_factor)
    reverse = linear.reverse if reverse_share else None
    if reverse is None:
        weights = deconfounded(weights, regulators, deconfounding)
    else:
        share = 1.0 if linear.reliability is None else linear.reliability
        weights = weights - reverse_share * share * _solve(reverse, regulators, penalty, prior, prior_penalty_factor)
        if linear.contemporaneous is not None and np.min(share) < 1:
            contemporaneous = _solve(linear.contemporaneous, regulators, penalty, prior, prior_penalty_factor)
            weights = share * weights + (1.0 - share) * deconfounded(contemporaneous, regulators, deconfounding)
    if moments.has_stumps:
        size = np.abs(weights)
        boosted = quantile_normalised(np.abs(boost(moments, regulators)), size)
        weights = np.sign(weights) * np.maximum(size, STUMP_SHARE * boosted)
    return weights


def _solve(
    moments: Moments,
    regulators: NDArray[np.int64],
    penalty: float | FloatArray,
    prior: Prior | None,
    prior_penalty_factor: float,
) -> FloatArray:
    if isinstance(penalty, np.ndarray):
        result = np.zeros_like(moments.xy)
        for value in np.unique(penalty):
            mine = penalty == value
            result[:, mine] = _solve(moments, regulators, float(value), prior, prior_penalty_factor)[:, mine]
        return result
    inverse = ridge_inverse(moments.xx, penalty)
    weights = inverse @ moments.xy
    if prior is None:
        return (1 + penalty) * without_self(weights, inverse, regulators)
    return (1 + penalty) * solve_with_prior(
        weights, inverse, regulators, prior, penalty=penalty, prior_penalty_factor=prior_penalty_factor
    )


def quantile_normalised(values: FloatArray, others: FloatArray) -> FloatArray:
    """Quantile normalisation: ``values`` with the distribution of ``others``; their order is kept, and zeros stay zero."""
    result = np.empty(values.size)
    result[np.argsort(values, axis=None, kind="stable")] = np.sort(others, axis=None)
    return np.where(values != 0, result.reshape(values.shape), 0.0)


def ridge_inverse(correlation: FloatArray, penalty: float) -> FloatArray:
    """Inverse of the correlations with the penalty added to the diagonal."""
    penalised = correlation + penalty * np.eye(len(correlation))
    factor = linalg.cho_factor(penalised, lower=True, overwrite_a=True)
    return linalg.cho_solve(factor, np.eye(len(correlation)), overwrite_b=True)


def without_self(weights: FloatArray, inverse: FloatArray, regulators: NDArray[np.int64]) -> FloatArray:
    """Coefficients without self-edges: targets that are regulators are fitted again, exactly, without themselves."""
    row = np.arange(len(regulators))
    result = weights.copy()
    result[:, regulators] -= inverse * (weights[row, regulators] / np.diag(inverse))
    result[row, regulators] = 0.0
    return result
