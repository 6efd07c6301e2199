"""Our shortcuts through scvi-tools' network give what its own forward pass gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.latent.batch import CountBatch, Minibatch
from landscape.latent.module import Architecture, build, divergence, encode, log_expression, reconstruction
from landscape.latent.training import private_randomness


def parts(**options):
    with private_randomness(0):
        architecture = Architecture(n_genes=12, n_batches=3, n_latent=4, n_hidden=8, **options)
        module = build(architecture).eval()
    rng = np.random.default_rng(0)
    counts = CountBatch.of(sparse.csr_matrix(rng.poisson(2.0, size=(9, 12)).astype(np.float32)))
    codes = [rng.integers(n, size=9) for n in (3, *architecture.n_levels)]
    continuous = rng.normal(size=(9, architecture.n_continuous)).astype(np.float32)
    return module, Minibatch(counts, torch.from_numpy(np.column_stack(codes)), torch.from_numpy(continuous))


@pytest.mark.parametrize("likelihood", ["nb", "zinb", "poisson"])
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
        log_share = log_expression(module, mean, cells.codes, cells.continuous)
        expected = generated["px"].log_prob(dense).sum(-1)
        total, found = reconstruction(module, cells, mean)
    # float32: a hundred rounding errors of 6e-8
    torch.testing.assert_close(mean, theirs.loc, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(deviation, theirs.scale, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(log_share.exp(), generated["px"].scale, rtol=1e-5, atol=1e-7)
    # theirs adds 1e-8 inside the logarithms; sums of twelve terms of size up to 10
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(total, found.sum())


def test_divergence_is_torchs():
    rng = np.random.default_rng(0)
    mean, deviation = torch.from_numpy(rng.normal(size=(5, 3))), torch.from_numpy(rng.uniform(0.1, 2, (5, 3)))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, deviation), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(divergence(mean, deviation), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"n_latent": 0}, ValueError, "Expected `n_latent` of at least 1, found 0"),
        ({"n_hidden": 2.0}, TypeError, "Expected `n_hidden` to be an int, found float"),
        ({"n_layers": True}, TypeError, "Expected `n_layers` to be an int, found bool"),
        ({"n_continuous": -1}, ValueError, "Expected `n_continuous` of at least 0, found -1"),
        ({"dropout_rate": 1.0}, ValueError, r"Expected `dropout_rate` in \[0, 1\), found 1.0"),
        ({"gene_likelihood": "normal"}, ValueError, "`gene_likelihood` to be one of .*'poisson'.*found 'normal'"),
        ({"dispersion": "gene-cell"}, ValueError, "`dispersion` to be one of .*found 'gene-cell'"),
    ],
)
def test_bad_architecture(option, error, message):
    with pytest.raises(error, match=message):
        Architecture(**{"n_genes": 5, "n_batches": 1, **option})
