"""Likelihood of counts: negative binomial, zero-inflated negative binomial, Poisson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    def log1p(self) -> Tensor:
        """Logarithm of one plus the counts, shape ``(n, g)``."""
        result = torch.zeros_like(self.dense)
        result[self.rows, self.genes] = self.values.log1p()
        return result

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
    return _NegativeBinomial.apply(log_mean, log_dispersion, counts)


class _NegativeBinomial(torch.autograd.Function):
    r"""Value and gradient in one pass over the dense matrices; the gradient is written down, not traced.

    .. math:: \frac{\partial \log p}{\partial \log m} = x - (x + \theta) \frac{m}{\theta + m}, \qquad
              \frac{\partial \log p}{\partial \log\theta} = \theta \Bigl[\log\frac{\theta}{\theta + m} + 1
              - \frac{x + \theta}{\theta + m} + \psi(x + \theta) - \psi(\theta)\Bigr]
    """

    @staticmethod
    def forward(ctx: Any, log_mean: Tensor, log_dispersion: Tensor, counts: CountBatch) -> Tensor:
        x, theta, mean = counts.dense, log_dispersion.exp(), log_mean.exp()
        at_counts = theta[counts.genes] if theta.ndim == 1 else theta[counts.rows, counts.genes]
        rising, slope = _rising_factorial(at_counts, counts.values)
        total = theta + mean
        log_ratio = log_dispersion - total.log()  # log(theta / (theta + m))
        likelihood = torch.addcmul(theta * log_ratio, x, log_mean - log_dispersion + log_ratio).sum(1)
        constant = rising - torch.lgamma(counts.values + 1)
        likelihood = likelihood.index_add(0, counts.rows, constant)
        if any(ctx.needs_input_grad):
            ratio = (x + theta).div_(total)
            by_theta = log_ratio.add_(1).sub_(ratio)
            by_theta[counts.rows, counts.genes] += slope
            ctx.by_gene = log_dispersion.ndim == 1
            ctx.save_for_backward(ratio.mul_(mean).neg_().add_(x), by_theta.mul_(theta))
        return likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        by_mean, by_theta = ctx.saved_tensors
        weighted = gradient @ by_theta if ctx.by_gene else by_theta * gradient[:, None]
        return by_mean * gradient[:, None], weighted, None


_SMALL = 4  # counts up to here are most of the non-zero ones, and sums of logarithms cost less than gamma functions


def _rising_factorial(theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Logarithm of :math:`\Gamma(x + \theta) / \Gamma(\theta) = \prod_{k < x} (\theta + k)` and its derivative in theta.

    For small x the product is taken, which also keeps the digits that the difference of two gamma functions loses.
    """
    value, slope = theta.log(), theta.reciprocal()
    for k in range(1, _SMALL):
        more = (x > k).nonzero()[:, 0]
        term = theta[more] + k
        value[more] += term.log()
        slope[more] += term.reciprocal()
    large = (x > _SMALL).nonzero()[:, 0]
    top, base = x[large] + theta[large], theta[large]
    value[large] = torch.lgamma(top) - torch.lgamma(base)
    slope[large] = torch.digamma(top) - torch.digamma(base)
    return value, slope


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
