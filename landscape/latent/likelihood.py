"""Likelihood of counts: negative binomial, zero-inflated negative binomial, Poisson."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


@dataclass(frozen=True, slots=True)
class CountBatch:
    """Counts of some cells, dense for the matrix products and sparse for what only non-zero counts need.

    Attributes
    ----------
    dense
        Counts, shape ``(n, g)``.
    rows, genes, values
        Cell, gene and value of each stored count, shape ``(n_stored,)``.
    """

    dense: Tensor
    rows: Tensor
    genes: Tensor
    values: Tensor

    @classmethod
    def of(cls, counts: sparse.csr_matrix, *, device: torch.device | str = "cpu") -> CountBatch:
        """Batch from the rows of a canonical ``csr_matrix``."""
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        values = torch.from_numpy(counts.data.astype(np.float32)).to(device)
        rows_t = torch.from_numpy(rows).to(device)
        genes = torch.from_numpy(counts.indices.astype(np.int64)).to(device)
        dense = torch.zeros(counts.shape, dtype=torch.float32, device=device)
        dense[rows_t, genes] = values
        return cls(dense=dense, rows=rows_t, genes=genes, values=values)

    @property
    def library(self) -> Tensor:
        """Total count of each cell, shape ``(n, 1)``."""
        return self.dense.sum(1, keepdim=True)


def negative_binomial(counts: CountBatch, log_mean: Tensor, log_dispersion: Tensor) -> Tensor:
    r"""Log-likelihood of each cell under the negative binomial with mean m and inverse dispersion theta.

    .. math:: \log p(x) = \log\Gamma(x + \theta) - \log\Gamma(\theta) - \log\Gamma(x + 1)
              + \theta \log\frac{\theta}{\theta + m} + x \log\frac{m}{\theta + m}

    The variance is :math:`m + m^2 / \theta`. The gamma functions cancel where x = 0, so they are evaluated at the
    stored counts only.

    Parameters
    ----------
    counts
        Observed counts of ``n`` cells and ``g`` genes.
    log_mean
        Logarithm of the mean, shape ``(n, g)``.
    log_dispersion
        Logarithm of theta, shape ``(g,)`` or ``(n, g)``.

    Returns
    -------
    Tensor of shape ``(n,)``.
    """
    theta = log_dispersion.exp()
    log_total = torch.log(theta + log_mean.exp())
    everywhere = theta * (log_dispersion - log_total) + counts.dense * (log_mean - log_total)
    return everywhere.sum(1) + _gamma_terms(counts, theta)


def _gamma_terms(counts: CountBatch, theta: Tensor) -> Tensor:
    at_counts = theta[counts.genes] if theta.ndim == 1 else theta[counts.rows, counts.genes]
    terms = torch.lgamma(counts.values + at_counts) - torch.lgamma(at_counts) - torch.lgamma(counts.values + 1)
    return torch.zeros(len(counts.dense), dtype=terms.dtype, device=terms.device).index_add(0, counts.rows, terms)


def zero_inflated(counts: CountBatch, log_mean: Tensor, log_dispersion: Tensor, zero_logit: Tensor) -> Tensor:
    r"""Log-likelihood of each cell under the zero-inflated negative binomial.

    .. math:: p(x) = \pi\,[x = 0] + (1 - \pi)\,\mathrm{NB}(x \mid m, \theta), \qquad \pi = s(\mathrm{zero\_logit})

    with s the logistic function; shapes as in :func:`negative_binomial`, ``zero_logit`` of shape ``(n, g)``.
    """
    theta = log_dispersion.exp()
    log_total = torch.log(theta + log_mean.exp())
    log_zero = theta * (log_dispersion - log_total)
    zero = torch.nn.functional.softplus(log_zero - zero_logit) - torch.nn.functional.softplus(-zero_logit)
    other = log_zero + counts.dense * (log_mean - log_total) - torch.nn.functional.softplus(zero_logit)
    return torch.where(counts.dense > 0, other, zero).sum(1) + _gamma_terms(counts, theta)


def poisson(counts: CountBatch, log_mean: Tensor) -> Tensor:
    r"""Log-likelihood of each cell under the Poisson law, :math:`x \log m - m - \log\Gamma(x + 1)`."""
    constant = torch.zeros(len(counts.dense), dtype=log_mean.dtype, device=log_mean.device).index_add(
        0, counts.rows, torch.lgamma(counts.values + 1)
    )
    return (counts.dense * log_mean - log_mean.exp()).sum(1) - constant
