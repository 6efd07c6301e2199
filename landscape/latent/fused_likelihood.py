r"""Decoder and likelihood in one function, with the gradient written down.

The mean of gene g in a cell with total count :math:`\ell` is :math:`m_g = \ell\, p_g`, where p is the softmax of the
decoder's last layer. Most of the cost of a training step lies between that layer and the likelihood. Both are therefore
one function: a single matrix of cells x genes is kept, it is read and written in blocks that fit into the cache of the
processor, and what depends on the count is evaluated at the stored counts only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.latent.minibatch import SparseCounts

# Elements of a block: three blocks of float32 fit into a second-level cache of 2 MB.
BLOCK_ELEMENTS = 2**17
# Counts up to here are nearly all of the non-zero ones, and tables for them cost less than gamma functions.
TABULATED_COUNTS = 8


def decoder_log_likelihood(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    counts: SparseCounts,
    log_dispersion: Tensor | None,
    codes: Tensor | None = None,
    *,
    bfloat16: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Log-likelihood of counts under the negative binomial or the Poisson distribution, from the last hidden layer.

    .. math:: p = \mathrm{softmax}(h W^T + b), \quad m = \ell p, \qquad
              \log p(x) = \log\frac{\Gamma(x + \theta)}{\Gamma(\theta)\, x!}
              + \theta \log\frac{\theta}{\theta + m} + x \log\frac{m}{\theta + m}

    The variance is :math:`m + m^2 / \theta`. Without dispersion: :math:`x \log m - m - \log x!`.

    Parameters
    ----------
    hidden
        Last hidden layer h, shape ``(n, k)``.
    weight, bias
        Of the output layer, shapes ``(g, k)`` and ``(g,)``.
    counts
        Observed counts x of ``n`` cells and ``g`` genes, without empty cells.
    log_dispersion
        Logarithm of the inverse dispersion theta, shape ``(g,)``, or one row per batch, shape ``(n_batches, g)``;
        ``None`` for Poisson.
    codes
        Row of ``log_dispersion`` for each cell, shape ``(n,)``; needed if it has several rows.
    bfloat16
        Take the matrix products in bfloat16, for which some processors have instructions twice as fast.

    Returns
    -------
    Sum over the cells, which carries gradients, and the value of each cell, which does not.
    """
    table = None if log_dispersion is None else log_dispersion.reshape(-1, counts.n_genes).contiguous()
    return _DecoderLogLikelihood.apply(hidden, weight, bias, table, counts, codes, bfloat16)


class _DecoderLogLikelihood(torch.autograd.Function):
    r"""Value and gradient of :func:`decoder_log_likelihood`.

    With :math:`u = \theta / (\theta + m)`:

    .. math:: \frac{\partial \log p}{\partial \log m} = u (x - m), \qquad
              \frac{\partial \log p}{\partial \log\theta} = \theta \Bigl[\log u + 1 - u + \psi(x + \theta) - \psi(\theta)
              \Bigr] - u x
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        log_dispersion: Tensor | None,
        counts: SparseCounts,
        codes: Tensor | None,
        bfloat16: bool,  # noqa: FBT001 - torch calls by position
    ) -> tuple[Tensor, Tensor]:
        if bfloat16:
            hidden, weight = hidden.bfloat16(), weight.bfloat16()
            shares = (hidden @ weight.T).to(bias.dtype).add_(bias)
        else:
            shares = torch.addmm(bias, hidden, weight.T)
        positions = counts.flat_indices
        log_mean = _softmax_(shares, counts, positions)
        with_gradient = any(ctx.needs_input_grad)
        if log_dispersion is None:
            likelihood, grad_counts = _poisson_(shares, counts, log_mean, with_gradient=with_gradient)
        else:
            codes = codes if len(log_dispersion) > 1 else None
            likelihood, grad_counts, grad_dispersion = _negative_binomial_(
                shares, counts, log_mean, log_dispersion, codes, with_gradient=with_gradient
            )
        if with_gradient:
            shares.view(-1).index_add_(0, positions, grad_counts)
            grad_bias = torch.ones(len(shares), dtype=shares.dtype, device=shares.device) @ shares
            tables = () if log_dispersion is None else (grad_dispersion,)
            ctx.save_for_backward(hidden, weight, shares.to(hidden.dtype), grad_bias, *tables)
        ctx.mark_non_differentiable(likelihood)
        return likelihood.sum(), likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0]
        hidden, weight, grad_logits, grad_bias, *grad_dispersion = ctx.saved_tensors
        grad_hidden = (grad_logits @ weight).to(grad_bias.dtype)
        grad_weight = (grad_logits.T @ hidden).to(grad_bias.dtype)
        grad_table = grad_dispersion[0] * scale if grad_dispersion else None
        return grad_hidden.mul_(scale), grad_weight.mul_(scale), grad_bias * scale, grad_table, None, None, None


def _softmax_(logits: Tensor, counts: SparseCounts, positions: Tensor) -> Tensor:
    """Turn logits into shares in place, and return the logarithm of the mean at the stored counts."""
    raw = logits.view(-1).index_select(0, positions)
    top = logits.amax(1)
    torch.softmax(logits, 1, out=logits)
    # The largest share is at least 1 / g, so its logarithm is exact; that of a small share would not be.
    offset = counts.library.to(logits.dtype).log() - top + logits.amax(1).log()
    return raw.add_(offset.index_select(0, counts.cells))


def _poisson_(shares: Tensor, counts: SparseCounts, log_mean: Tensor, *, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """Log-likelihood of each cell, and the gradient at the stored counts.

    ``shares`` become the gradient in the logits of cells without counts.
    """
    library = counts.library.to(shares.dtype)
    x = counts.values.to(shares.dtype)
    likelihood = counts.sum_by_cell(x * log_mean - torch.lgamma(x + 1)) - library
    if with_gradient:
        # The gradient of -m; the shares sum to one, so the softmax adds nothing.
        shares.mul_(-library[:, None])
    return likelihood, x


def _negative_binomial_(
    shares: Tensor,
    counts: SparseCounts,
    log_mean: Tensor,
    log_dispersion: Tensor,
    codes: Tensor | None,
    *,
    with_gradient: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-likelihood of each cell, the gradient at the stored counts, and the gradient in log theta.

    ``shares`` become the gradient in the logits of cells without counts.
    """
    theta = log_dispersion.exp()
    grad_dispersion = torch.zeros_like(theta)
    likelihood, grad_counts, column, slope = _terms_of_counts(counts, log_mean, log_dispersion, codes)
    grad_dispersion.view(-1).index_add_(0, column, slope)
    library = counts.library.to(shares.dtype)
    grad_by_cell = counts.sum_by_cell(grad_counts)
    n_rows = len(shares) if shares.device.type == "cuda" else max(1, BLOCK_ELEMENTS // shares.shape[1])
    ratio, term = (torch.empty_like(shares[:n_rows]) for _ in range(2))
    for start in range(0, len(shares), n_rows):
        rows = slice(start, start + n_rows)
        mean = shares[rows].mul_(library[rows, None])
        own = slice(None) if codes is None else codes[rows]
        u, log_u = ratio[: len(mean)], term[: len(mean)]
        torch.div(mean, theta[own], out=u)
        torch.log1p(u, out=log_u)  # -log u, with the digits that log(theta + m) - log(theta) would lose
        if codes is None:
            likelihood[rows] -= log_u @ theta[0]
        else:
            likelihood[rows] -= (log_u * theta[own]).sum(1)
        if not with_gradient:
            continue
        u.add_(1).reciprocal_()
        log_u.add_(u)
        if codes is None:
            grad_dispersion[0] += theta[0] * (len(mean) - log_u.sum(0))
        else:
            grad_dispersion.index_add_(0, codes[rows], theta[own] * (1 - log_u))
        torch.mul(mean, u, out=log_u)
        through_softmax = (grad_by_cell[rows] - log_u.sum(1)) / library[rows]
        mean.mul_(through_softmax[:, None]).add_(log_u).neg_()
    return likelihood, grad_counts, grad_dispersion


def _terms_of_counts(
    counts: SparseCounts, log_mean: Tensor, log_dispersion: Tensor, codes: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Terms of the stored counts: likelihood of each cell, u x, index of theta in its table, gradient in log theta."""
    column = counts.genes
    if codes is not None:
        column = column + (codes * counts.n_genes).index_select(0, counts.cells)
    x = counts.values.to(log_mean.dtype)
    log_theta = log_dispersion.view(-1).index_select(0, column)
    log_ratio = log_mean - log_theta
    log_u = -torch.nn.functional.softplus(log_ratio)
    u = log_u.exp()
    log_coefficient, slope = _log_binomial(log_dispersion.exp().view(-1), column, x)
    grad_counts = u.mul_(x)
    terms = log_coefficient.addcmul_(x, log_ratio.add_(log_u))
    return counts.sum_by_cell(terms), grad_counts, column, slope.mul_(log_theta.exp_()).sub_(grad_counts)


def _log_binomial(theta: Tensor, column: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Logarithm of the binomial coefficient of the negative binomial distribution, and its derivative in theta.

    .. math:: \frac{\Gamma(x + \theta)}{\Gamma(\theta)\, x!} = \prod_{k < x} \frac{\theta + k}{k + 1}

    For small x the products are tabulated, which also keeps the digits that a difference of gamma functions loses.

    Parameters
    ----------
    theta
        Shape ``(m,)``.
    column
        Index of the theta of each count.
    x
        Counts of at least one.
    """
    steps = torch.stack([theta + k for k in range(TABULATED_COUNTS)])
    position = (x.clamp(max=TABULATED_COUNTS).to(column.dtype) - 1).mul_(len(theta)).add_(column)
    divisors = torch.arange(1, TABULATED_COUNTS + 1, dtype=theta.dtype, device=theta.device)[:, None]
    value = (steps / divisors).log_().cumsum_(0).view(-1).index_select(0, position)
    slope = steps.reciprocal().cumsum_(0).view(-1).index_select(0, position)
    # numpy finds them much faster than torch
    large = torch.from_numpy(np.flatnonzero(x.cpu().numpy() > TABULATED_COUNTS)).to(x.device)
    base = theta.index_select(0, column.index_select(0, large))
    count = x.index_select(0, large)
    top = base + count
    value[large] = torch.lgamma(top) - torch.lgamma(base) - torch.lgamma(count + 1)
    slope[large] = torch.digamma(top) - torch.digamma(base)
    return value, slope


def zero_inflated_log_likelihood(
    counts: SparseCounts, log_mean: Tensor, log_dispersion: Tensor, zero_logits: Tensor
) -> Tensor:
    r"""Log-likelihood of counts under the zero-inflated negative binomial distribution; gradients are traced.

    .. math:: p(x) = \pi\,[x = 0] + (1 - \pi)\,\mathrm{NB}(x \mid m, \theta), \qquad \pi = s(\mathrm{zero\_logits})

    with s the logistic function.

    Parameters
    ----------
    counts
        Observed counts x of ``n`` cells and ``g`` genes.
    log_mean, zero_logits
        Shape ``(n, g)``.
    log_dispersion
        Logarithm of theta, shape ``(n, g)`` or ``(g,)``.

    Returns
    -------
    Value of each cell, shape ``(n,)``.
    """
    softplus = torch.nn.functional.softplus
    log_dispersion = log_dispersion.expand_as(log_mean)
    log_ratio = log_mean - log_dispersion
    log_zero = -log_dispersion.exp() * softplus(log_ratio)
    zero = softplus(log_zero - zero_logits) - softplus(-zero_logits)
    x = counts.dense()
    other = log_zero + x * (log_ratio - softplus(log_ratio)) - softplus(zero_logits)
    theta = log_dispersion.reshape(-1)[counts.flat_indices].exp()
    gammas = torch.lgamma(counts.values + theta) - torch.lgamma(theta) - torch.lgamma(counts.values + 1)
    by_cell = torch.zeros(len(counts), dtype=gammas.dtype, device=gammas.device).index_add(0, counts.cells, gammas)
    return torch.where(x > 0, other, zero).sum(1) + by_cell
