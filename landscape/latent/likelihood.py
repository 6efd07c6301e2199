r"""Likelihood of counts under the decoder: negative binomial, zero-inflated negative binomial, Poisson.

The mean of gene g in a cell with total count :math:`\ell` is :math:`m_g = \ell\, p_g`, where p is the softmax of the
decoder's last layer. Most of the cost of a step lies between that layer and the likelihood, so both are one function
with the gradient written down: one matrix of cells x genes is held, it is read and written in blocks that stay in the
processor's cache, and what depends on the count is evaluated at the stored counts only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.latent.batch import CountBatch

# Elements of a block: three blocks of float32 fit into a processor's second-level cache.
_BLOCK = 2**17


def decoded(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    counts: CountBatch,
    log_dispersion: Tensor | None,
    codes: Tensor | None = None,
    *,
    reduced: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Log-likelihood of counts under the negative binomial or the Poisson law, from the last hidden layer.

    .. math:: p = \mathrm{softmax}(h W^T + b), \quad m = \ell p, \qquad
              \log p(x) = \log\frac{\Gamma(x + \theta)}{\Gamma(\theta)\, x!}
              + \theta \log\frac{\theta}{\theta + m} + x \log\frac{m}{\theta + m}

    The variance is :math:`m + m^2 / \theta`. Without dispersion: :math:`x \log m - m - \log x!`.

    Parameters
    ----------
    hidden
        Last hidden layer h, shape ``(n, k)``.
    weight, bias
        Of the last layer, shapes ``(g, k)`` and ``(g,)``.
    counts
        Observed counts x of ``n`` cells and ``g`` genes, no cell empty.
    log_dispersion
        Logarithm of theta, shape ``(g,)``, or one row per batch, shape ``(n_batches, g)``; ``None`` for Poisson.
    codes
        Row of ``log_dispersion`` for each cell, shape ``(n,)``; needed where it has several.
    reduced
        Take the matrix products in bfloat16, for which some processors have instructions twice as fast.

    Returns
    -------
    The sum over the cells, which carries gradients, and the value of each cell, which does not.
    """
    table = None if log_dispersion is None else log_dispersion.reshape(-1, counts.n_genes).contiguous()
    return _Decoded.apply(hidden, weight, bias, table, counts, codes, reduced)


class _Decoded(torch.autograd.Function):
    r"""Value and gradient of :func:`decoded`.

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
        counts: CountBatch,
        codes: Tensor | None,
        reduced: bool,  # noqa: FBT001 - torch calls by position
    ) -> tuple[Tensor, Tensor]:
        if reduced:
            hidden, weight = hidden.bfloat16(), weight.bfloat16()
            shares = (hidden @ weight.T).to(bias.dtype).add_(bias)
        else:
            shares = torch.addmm(bias, hidden, weight.T)
        at = counts.places
        log_mean = _softmax_(shares, counts, at)
        wanted = any(ctx.needs_input_grad)
        if log_dispersion is None:
            likelihood, pull = _poisson_(shares, counts, log_mean, wanted=wanted)
        else:
            codes = codes if len(log_dispersion) > 1 else None
            likelihood, pull, by_dispersion = _negative_binomial_(
                shares, counts, log_mean, log_dispersion, codes, wanted=wanted
            )
        if wanted:
            shares.view(-1).index_add_(0, at, pull)
            by_bias = torch.ones(len(shares), dtype=shares.dtype, device=shares.device) @ shares
            tables = () if log_dispersion is None else (by_dispersion,)
            ctx.save_for_backward(hidden, weight, shares.to(hidden.dtype), by_bias, *tables)
        ctx.mark_non_differentiable(likelihood)
        return likelihood.sum(), likelihood

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0]
        hidden, weight, slope, by_bias, *by_dispersion = ctx.saved_tensors
        by_hidden, by_weight = (slope @ weight).to(by_bias.dtype), (slope.T @ hidden).to(by_bias.dtype)
        by_table = by_dispersion[0] * scale if by_dispersion else None
        return by_hidden.mul_(scale), by_weight.mul_(scale), by_bias * scale, by_table, None, None, None


def _softmax_(logits: Tensor, counts: CountBatch, at: Tensor) -> Tensor:
    """Turn logits into shares in place; return the logarithm of the mean at the stored counts."""
    raw = logits.view(-1).index_select(0, at)
    top = logits.amax(1)
    torch.softmax(logits, 1, out=logits)
    # The largest share is at least 1 / g, so its logarithm is exact where that of a small share would not be.
    offset = counts.library.to(logits.dtype).log() - top + logits.amax(1).log()
    return raw.add_(offset.index_select(0, counts.cells))


def _poisson_(shares: Tensor, counts: CountBatch, log_mean: Tensor, *, wanted: bool) -> tuple[Tensor, Tensor]:
    library = counts.library.to(shares.dtype)
    x = counts.values.to(shares.dtype)
    likelihood = counts.sum_by_cell(x * log_mean - torch.lgamma(x + 1)) - library
    if wanted:
        shares.mul_(-library[:, None])  # the slope of -m; the shares sum to one, so the softmax adds nothing
    return likelihood, x


def _negative_binomial_(
    shares: Tensor, counts: CountBatch, log_mean: Tensor, log_dispersion: Tensor, codes: Tensor | None, *, wanted: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Likelihood of each cell, what the stored counts add to the slope of the logits, and the slope of log theta.

    ``shares`` become the slope of the logits for cells without counts.
    """
    theta = log_dispersion.exp()
    by_dispersion = torch.zeros_like(theta)
    likelihood, pull, column, slope = _at_counts(counts, log_mean, log_dispersion, codes)
    by_dispersion.view(-1).index_add_(0, column, slope)
    library = counts.library.to(shares.dtype)
    pulled = counts.sum_by_cell(pull)
    n_rows = len(shares) if shares.device.type == "cuda" else max(1, _BLOCK // shares.shape[1])
    ratio, term = (torch.empty_like(shares[:n_rows]) for _ in range(2))
    for start in range(0, len(shares), n_rows):
        rows = slice(start, start + n_rows)
        mean = shares[rows].mul_(library[rows, None])
        own = slice(None) if codes is None else codes[rows]
        u, log_u = ratio[: len(mean)], term[: len(mean)]
        torch.div(mean, theta[own], out=u)
        torch.log1p(u, out=log_u)  # -log u, without the digits that log(theta + m) - log(theta) would lose
        if codes is None:
            likelihood[rows] -= log_u @ theta[0]
        else:
            likelihood[rows] -= (log_u * theta[own]).sum(1)
        if not wanted:
            continue
        u.add_(1).reciprocal_()
        log_u.add_(u)
        if codes is None:
            by_dispersion[0] += theta[0] * (len(mean) - log_u.sum(0))
        else:
            by_dispersion.index_add_(0, codes[rows], theta[own] * (1 - log_u))
        torch.mul(mean, u, out=log_u)
        through_sum = (pulled[rows] - log_u.sum(1)) / library[rows]
        mean.mul_(through_sum[:, None]).add_(log_u).neg_()
    return likelihood, pull, by_dispersion


def _at_counts(
    counts: CountBatch, log_mean: Tensor, log_dispersion: Tensor, codes: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Terms of the stored counts: likelihood by cell, u x, place in the table of dispersions, slope of log theta."""
    column = counts.genes
    if codes is not None:
        column = column + (codes * counts.n_genes).index_select(0, counts.cells)
    x = counts.values.to(log_mean.dtype)
    log_theta = log_dispersion.view(-1).index_select(0, column)
    log_ratio = log_mean - log_theta
    log_u = -torch.nn.functional.softplus(log_ratio)
    u = log_u.exp()
    rising, slope = _binomial(log_dispersion.exp().view(-1), column, x)
    pull = u.mul_(x)
    terms = rising.addcmul_(x, log_ratio.add_(log_u))
    return counts.sum_by_cell(terms), pull, column, slope.mul_(log_theta.exp_()).sub_(pull)


_SMALL = 8  # counts up to here are nearly all of the non-zero ones, and tables of them cost less than gamma functions


def _binomial(theta: Tensor, column: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Logarithm of :math:`\Gamma(x + \theta) / (\Gamma(\theta)\, x!) = \prod_{k < x} (\theta + k) / (k + 1)`, and its slope.

    For small x the products are tabulated, which also keeps the digits that a difference of gamma functions loses.

    Parameters
    ----------
    theta
        Shape ``(m,)``.
    column
        Which theta belongs to each count.
    x
        Counts of at least one.
    """
    steps = torch.stack([theta + k for k in range(_SMALL)])
    place = (x.clamp(max=_SMALL).to(column.dtype) - 1).mul_(len(theta)).add_(column)
    ranks = torch.arange(1, _SMALL + 1, dtype=theta.dtype, device=theta.device)[:, None]
    value = (steps / ranks).log_().cumsum_(0).view(-1).index_select(0, place)
    slope = steps.reciprocal().cumsum_(0).view(-1).index_select(0, place)
    large = torch.from_numpy(np.flatnonzero(x.cpu().numpy() > _SMALL)).to(x.device)  # much faster than torch's
    base = theta.index_select(0, column.index_select(0, large))
    many = x.index_select(0, large)
    top = base + many
    value[large] = torch.lgamma(top) - torch.lgamma(base) - torch.lgamma(many + 1)
    slope[large] = torch.digamma(top) - torch.digamma(base)
    return value, slope


def zero_inflated(counts: CountBatch, log_mean: Tensor, log_dispersion: Tensor, zero_logit: Tensor) -> Tensor:
    r"""Log-likelihood of each cell under the zero-inflated negative binomial, shape ``(n,)``.

    .. math:: p(x) = \pi\,[x = 0] + (1 - \pi)\,\mathrm{NB}(x \mid m, \theta), \qquad \pi = s(\mathrm{zero\_logit})

    with s the logistic function. ``log_mean`` and ``zero_logit`` have shape ``(n, g)``, ``log_dispersion`` that or
    ``(g,)``. Gradients are traced.
    """
    softplus = torch.nn.functional.softplus
    log_dispersion = log_dispersion.expand_as(log_mean)
    log_ratio = log_mean - log_dispersion
    log_zero = -log_dispersion.exp() * softplus(log_ratio)
    zero = softplus(log_zero - zero_logit) - softplus(-zero_logit)
    x = counts.dense()
    other = log_zero + x * (log_ratio - softplus(log_ratio)) - softplus(zero_logit)
    theta = log_dispersion.reshape(-1)[counts.places].exp()
    gammas = torch.lgamma(counts.values + theta) - torch.lgamma(theta) - torch.lgamma(counts.values + 1)
    by_cell = torch.zeros(len(counts), dtype=gammas.dtype, device=gammas.device).index_add(0, counts.cells, gammas)
    return torch.where(x > 0, other, zero).sum(1) + by_cell
