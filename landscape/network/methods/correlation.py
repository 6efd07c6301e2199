"""Correlation of regulators and targets given covariates: the baseline of the other methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.stats import rankdata

from landscape.network.data.arrays import FloatArray
from landscape.network.data.expression import Expression
from landscape.network.data.moments import Moments

#: Components below this share of the largest eigenvalue are rounding.
MIN_EIGENVALUE = 1e-10
#: A projection with less than this variance, of 1 before, is rounding.
MIN_VARIANCE = 1e-12
#: Residual ranks with a smaller standard deviation than this are rounding: the gene is constant given the covariates.
MIN_RANK_SD = 1e-8


def correlation(moments: Moments, regulators: NDArray[np.int64], *, rank: int | None = None) -> FloatArray:
    r"""Pearson correlation of the residuals: signed, not directed.

    With ``rank`` :math:`k`, regulators and targets are first projected on the :math:`k` leading principal components of the
    regulators, :math:`V_k \Lambda_k V_k^\top`. The correlation of the projections,
    :math:`\hat r = D_x^{-1/2} V_k V_k^\top r\, D_y^{-1/2}` with their variances :math:`D`, leaves out the part of a gene
    that no other gene shares, mostly sampling noise. It measures co-expression.

    Parameters
    ----------
    moments, regulators
        As for :func:`landscape.network.ridge`.
    rank
        Number of components. ``None``: correlation without projection.

    Raises
    ------
    ValueError
        If ``rank`` is not between 1 and the number of regulators.
    """
    linear = moments.linear()
    weights = linear.xy.copy()
    if rank is not None:
        if not 1 <= rank <= len(linear.xx):
            msg = f"Expected `rank` between 1 and the {len(linear.xx)} regulators, found {rank}."
            raise ValueError(msg)
        values, vectors = linalg.eigh(linear.xx, subset_by_index=[len(linear.xx) - rank, len(linear.xx) - 1])
        kept = values > MIN_EIGENVALUE * values[-1]
        values, vectors = values[kept], vectors[:, kept]
        scores = vectors.T @ linear.xy
        x_variance = np.einsum("ki,i->k", vectors**2, values)
        y_variance = np.einsum("ij,i->j", scores**2, 1.0 / values)
        weights = vectors @ scores
        weights *= _inverse_root(x_variance)[:, None] * _inverse_root(y_variance)
    weights[np.arange(len(regulators)), regulators] = 0.0
    return weights


def spearman(data: Expression) -> FloatArray:
    """Spearman correlation, with covariates regressed out of the ranks. Needs all cells in memory."""
    x, y, z = data.dense()
    basis, _ = np.linalg.qr(z)
    x, y = (_unit(_residual(rankdata(part, axis=0), basis)) for part in (x, y))
    weights = x.T @ y
    weights[np.arange(len(data.regulators)), data.regulators] = 0.0
    return weights


def _residual(values: FloatArray, basis: FloatArray) -> FloatArray:
    return values - basis @ (basis.T @ values)


def _unit(values: FloatArray) -> FloatArray:
    length = np.sqrt((values**2).sum(axis=0))
    return np.divide(values, length, out=np.zeros_like(values), where=length > MIN_RANK_SD * np.sqrt(len(values)))


def _inverse_root(values: FloatArray) -> FloatArray:
    return np.divide(1.0, np.sqrt(values), out=np.zeros_like(values), where=values > MIN_VARIANCE)
