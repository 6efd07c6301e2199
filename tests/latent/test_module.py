"""The forward pass in parts gives what scvi-tools' own forward pass gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.latent.architecture import Architecture, build
from landscape.latent.likelihood import LIKELIHOODS, log_likelihood
from landscape.latent.minibatch import Minibatch, SparseCounts
from landscape.latent.module import encode, kl_divergence, log_shares


def parts(**options):
    architecture = Architecture(n_genes=12, n_batches=3, n_latent=4, n_hidden=8, covariate_effect="network", **options)
    module = build(architecture, seed=0).eval()
    rng = np.random.default_rng(0)
    counts = SparseCounts.from_csr(sparse.csr_matrix(rng.poisson(2.0, size=(9, 12)).astype(np.float32)))
    codes = [rng.integers(n, size=9) for n in (3, *architecture.n_levels)]
    continuous = rng.normal(size=(9, architecture.n_continuous)).astype(np.float32)
    return module, Minibatch(counts, torch.from_numpy(np.column_stack(codes)), torch.from_numpy(continuous))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("dispersion", ["gene", "gene-batch"])
@pytest.mark.parametrize("more", [{}, {"n_layers": 2}, {"n_levels": (2, 4), "n_continuous": 2}])
def test_forward_pass_is_scvis(likelihood, dispersion, more):
    module, cells = parts(gene_likelihood=likelihood, dispersion=dispersion, **more)
    dense, batch = cells.counts.dense(), cells.codes[:, :1]
    with torch.no_grad():
        mean, deviation = encode(module, cells.counts)
        theirs, _ = module.z_encoder(torch.log1p(dense), batch)
        generated = module.generative(
            mean,
            cells.counts.library.log()[:, None],
            batch,
            y=torch.zeros_like(batch),
            cont_covs=cells.continuous if cells.continuous.shape[1] else None,
            cat_covs=cells.codes[:, 1:] if cells.codes.shape[1] > 1 else None,
        )
        log_share = log_shares(module, mean, cells.codes, cells.continuous)
        expected = generated["px"].log_prob(dense).sum(-1)
        total, found = log_likelihood(module, cells, mean)
    # float32: a hundred rounding errors of 6e-8
    torch.testing.assert_close(mean, theirs.loc, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(deviation, theirs.scale, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(log_share.exp(), generated["px"].scale, rtol=1e-5, atol=1e-7)
    # theirs adds 1e-8 inside the logarithms; sums of twelve terms of size up to 10
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(total, found.sum())


def test_kl_divergence_is_torchs():
    rng = np.random.default_rng(0)
    mean, deviation = torch.from_numpy(rng.normal(size=(5, 3))), torch.from_numpy(rng.uniform(0.1, 2, (5, 3)))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, deviation), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_divergence(mean, deviation), expected, rtol=1e-12, atol=0)
