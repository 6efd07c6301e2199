from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse, stats

from landscape.latent.likelihood import CountBatch, negative_binomial, poisson, zero_inflated


def case(n=7, g=11, seed=0):
    """Counts with zeros and large values, log means, log dispersions and zero logits in float64."""
    rng = np.random.default_rng(seed)
    x = rng.negative_binomial(0.7, 0.05, size=(n, g)).astype(float)
    x[:, 0] = 0
    x[0] = 0
    log_mean, log_theta, logit = rng.normal(1, 1.5, (n, g)), rng.normal(0, 1.5, g), rng.normal(size=(n, g))
    rows, genes = np.nonzero(x)
    batch = CountBatch(
        dense=torch.from_numpy(x),
        rows=torch.from_numpy(rows),
        genes=torch.from_numpy(genes),
        values=torch.from_numpy(x[rows, genes]),
    )
    return x, batch, torch.from_numpy(log_mean), torch.from_numpy(log_theta), torch.from_numpy(logit)


def scipy_nb(x, log_mean, log_theta):
    mean, theta = np.exp(log_mean.numpy()), np.exp(log_theta.numpy())
    return stats.nbinom(theta, theta / (theta + mean)).logpmf(x)


def test_batch_holds_the_counts():
    matrix = sparse.random(9, 5, density=0.4, format="csr", rng=np.random.default_rng(0))
    batch = CountBatch.of(matrix)
    np.testing.assert_array_equal(batch.dense, matrix.toarray().astype(np.float32))
    np.testing.assert_array_equal(batch.dense[batch.rows, batch.genes], batch.values)
    np.testing.assert_allclose(batch.library[:, 0], np.asarray(matrix.sum(1)).ravel(), rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_negative_binomial_is_scipys(seed):
    x, batch, log_mean, log_theta, _ = case(seed=seed)
    expected = scipy_nb(x, log_mean, log_theta).sum(1)
    # float64 sums of some ten terms up to 1e3: 1e-11 is a thousand rounding errors
    np.testing.assert_allclose(negative_binomial(batch, log_mean, log_theta), expected, rtol=1e-11)
    by_cell = log_theta.expand_as(log_mean)
    np.testing.assert_allclose(negative_binomial(batch, log_mean, by_cell), expected, rtol=1e-11)


def test_zero_inflated_is_the_mixture():
    x, batch, log_mean, log_theta, logit = case()
    pi = 1 / (1 + np.exp(-logit.numpy()))
    expected = np.log(pi * (x == 0) + (1 - pi) * np.exp(scipy_nb(x, log_mean, log_theta))).sum(1)
    np.testing.assert_allclose(zero_inflated(batch, log_mean, log_theta, logit), expected, rtol=1e-10)


def test_poisson_is_scipys():
    x, batch, log_mean, _, _ = case()
    expected = stats.poisson(np.exp(log_mean.numpy())).logpmf(x).sum(1)
    np.testing.assert_allclose(poisson(batch, log_mean), expected, rtol=1e-11)


@pytest.mark.parametrize("per_cell", [False, True])
def test_gradients_agree_with_finite_differences(per_cell):
    _, batch, log_mean, log_theta, logit = case(n=3, g=4)
    log_theta = (log_theta.expand_as(log_mean).clone() if per_cell else log_theta).requires_grad_()
    log_mean.requires_grad_()
    logit.requires_grad_()
    assert torch.autograd.gradcheck(lambda m, t: negative_binomial(batch, m, t), (log_mean, log_theta))
    assert torch.autograd.gradcheck(lambda m, t, z: zero_inflated(batch, m, t, z), (log_mean, log_theta, logit))
    assert torch.autograd.gradcheck(lambda m: poisson(batch, m), (log_mean,))


def test_large_dispersion_is_poisson():
    _, batch, log_mean, log_theta, _ = case()
    theta = torch.full_like(log_theta, 25.0)  # e^25: the variance exceeds Poisson's by mean / e^25 < 1e-8
    np.testing.assert_allclose(negative_binomial(batch, log_mean, theta), poisson(batch, log_mean), rtol=1e-4)
