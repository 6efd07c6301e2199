from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse, stats

from landscape.latent import fused_likelihood
from landscape.latent.fused_likelihood import decoder_log_likelihood, zero_inflated_log_likelihood
from landscape.latent.minibatch import SparseCounts


def case(n=7, g=11, k=5, seed=0):
    """Counts with zeros and large values, a last layer, and log dispersions of three batches, in float64."""
    rng = np.random.default_rng(seed)
    x = rng.negative_binomial(0.7, 0.05, size=(n, g)).astype(float)
    x[:, 0] = 0
    x[:, 1] = np.arange(n) + 1  # no empty cell, and every small count
    layer = [torch.from_numpy(rng.normal(size=size)) for size in ((n, k), (g, k), (g,))]
    log_theta = torch.from_numpy(rng.normal(0, 1.5, (3, g)))
    return x, SparseCounts.from_csr(sparse.csr_matrix(x)), layer, log_theta, torch.from_numpy(rng.integers(3, size=n))


def mean_of(layer, x):
    hidden, weight, bias = layer
    return torch.softmax(hidden @ weight.T + bias, 1).numpy() * x.sum(1, keepdims=True)


def scipy_nb(x, mean, theta):
    return stats.nbinom(theta, theta / (theta + mean)).logpmf(x)


@pytest.mark.parametrize("block", [1, 30, 2**17])
@pytest.mark.parametrize("seed", range(2))
def test_negative_binomial_is_scipys(seed, block, monkeypatch):
    monkeypatch.setattr(fused_likelihood, "BLOCK_ELEMENTS", block)
    x, counts, layer, log_theta, codes = case(seed=seed)
    mean, theta = mean_of(layer, x), log_theta.exp().numpy()
    total, each = decoder_log_likelihood(*layer, counts, log_theta[0])
    # float64 sums of some ten terms up to 1e3: 1e-11 is a thousand rounding errors
    np.testing.assert_allclose(each, scipy_nb(x, mean, theta[0]).sum(1), rtol=1e-11)
    assert total == each.sum()
    by_batch = decoder_log_likelihood(*layer, counts, log_theta, codes)[1]
    np.testing.assert_allclose(by_batch, scipy_nb(x, mean, theta[codes]).sum(1), rtol=1e-11)


def test_poisson_is_scipys():
    x, counts, layer, _, _ = case()
    expected = stats.poisson(mean_of(layer, x)).logpmf(x).sum(1)
    np.testing.assert_allclose(decoder_log_likelihood(*layer, counts, None)[1], expected, rtol=1e-11)


def test_zero_inflated_is_the_mixture():
    x, counts, layer, log_theta, _ = case()
    mean = mean_of(layer, x)
    logit = torch.from_numpy(np.random.default_rng(1).normal(size=x.shape))
    pi = 1 / (1 + np.exp(-logit.numpy()))
    expected = np.log(pi * (x == 0) + (1 - pi) * np.exp(scipy_nb(x, mean, log_theta[0].exp().numpy()))).sum(1)
    np.testing.assert_allclose(
        zero_inflated_log_likelihood(counts, torch.from_numpy(mean).log(), log_theta[0], logit), expected
    )


@pytest.mark.parametrize("block", [9, 2**17])
@pytest.mark.parametrize("kind", ["gene", "gene-batch", "poisson"])
def test_gradients_agree_with_finite_differences(kind, block, monkeypatch):
    monkeypatch.setattr(fused_likelihood, "BLOCK_ELEMENTS", block)
    _, counts, layer, log_theta, codes = case(n=4, g=5, k=3)
    tables = {"gene": [log_theta[0]], "gene-batch": [log_theta], "poisson": []}[kind]
    leaves = [tensor.clone().requires_grad_() for tensor in (*layer, *tables)]

    def total(hidden, weight, bias, table=None):
        return 0.3 * decoder_log_likelihood(hidden, weight, bias, counts, table, codes)[0]

    assert torch.autograd.gradcheck(total, leaves)


def test_gradients_of_zero_inflation_agree_with_finite_differences():
    x, counts, _, log_theta, _ = case(n=4, g=5)
    rng = np.random.default_rng(0)
    leaves = [torch.from_numpy(rng.normal(size=x.shape)).requires_grad_() for _ in range(2)]
    table = log_theta[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda m, z, t: zero_inflated_log_likelihood(counts, m, t, z), (*leaves, table))


def test_values_far_from_the_middle_are_finite_and_right():
    """Shares down to e^-200, means far above and below theta: single precision, compared with double."""
    x, counts, (hidden, weight, bias), log_theta, _ = case()
    bias = bias + torch.linspace(-200, 0, len(bias))
    log_theta = torch.linspace(-12, 12, len(bias), dtype=torch.float64)
    expected = decoder_log_likelihood(hidden, weight, bias, counts, log_theta)[1]
    single = [tensor.float() for tensor in (hidden, weight, bias)]
    found = decoder_log_likelihood(
        *single, SparseCounts.from_csr(sparse.csr_matrix(x.astype(np.float32))), log_theta.float()
    )[1]
    # logits of size 200 carry 1e-5 in single precision, times counts of up to 100
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_large_dispersion_is_poisson():
    _, counts, layer, log_theta, _ = case()
    theta = torch.full_like(log_theta[0], 25.0)  # e^25: the variance exceeds Poisson's by mean / e^25 < 1e-8
    found, expected = decoder_log_likelihood(*layer, counts, theta)[1], decoder_log_likelihood(*layer, counts, None)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_reduced_precision_changes_little():
    x, counts, layer, log_theta, _ = case(n=40, g=60)
    single = [tensor.float() for tensor in layer]
    counts = SparseCounts.from_csr(sparse.csr_matrix(x.astype(np.float32)))
    gradients = []
    for bfloat16 in (False, True):
        leaves = [tensor.clone().requires_grad_() for tensor in single]
        total, _ = decoder_log_likelihood(*leaves, counts, log_theta[0].float(), bfloat16=bfloat16)
        total.backward()
        gradients.append((total.detach(), *(leaf.grad for leaf in leaves)))
    for exact, rough in zip(*gradients, strict=True):
        # bfloat16 has eight bits: .4 % of each number, less in a sum of many
        assert (rough - exact).norm() < 0.01 * exact.norm()
        assert exact.dtype == rough.dtype == torch.float32
