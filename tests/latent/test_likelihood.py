"""A record of a likelihood is complete: training and checks take the same distribution from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.latent import LatentModel
from landscape.latent.architecture import Architecture, build
from landscape.latent.dataset import Vocabulary
from landscape.latent.distributions import NegativeBinomial
from landscape.latent.fused_likelihood import decoder_log_likelihood
from landscape.latent.likelihood import LIKELIHOODS, Likelihood, log_likelihood, predictive_distribution
from landscape.latent.minibatch import Minibatch, SparseCounts
from landscape.latent.module import output_layer


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("dispersion", ["gene", "gene-batch"])
def test_checks_use_the_distribution_that_is_fitted(name, dispersion):
    """The sum of log(F(x) - F(x - 1)) over the genes is the log-likelihood."""
    module = build(
        Architecture(n_genes=6, n_batches=2, n_latent=3, n_hidden=8, gene_likelihood=name, dispersion=dispersion),
        seed=0,
    ).eval()
    rng = np.random.default_rng(0)
    x = rng.poisson(3.0, size=(7, 6)).astype(np.float32)
    counts = SparseCounts.from_csr(sparse.csr_matrix(x))
    codes, continuous = torch.from_numpy(rng.integers(2, size=(7, 1))), torch.empty((7, 0))
    z = torch.from_numpy(rng.normal(size=(7, 3)).astype(np.float32))
    with torch.no_grad():
        total, each = log_likelihood(module, Minibatch(counts, codes, continuous), z)
    found = predictive_distribution(module, z, codes, continuous, counts.library, torch.arange(6))
    expected = np.log(found.cdf(x) - found.cdf(x - 1)).sum(1)
    # single against double precision, sums of six terms of size up to 10
    np.testing.assert_allclose(each, expected, rtol=1e-5)
    assert total == each.sum()


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_names_are_those_of_the_table(name):
    assert LIKELIHOODS[name].name == name
    assert str(LIKELIHOODS[name]).startswith(f"{name!r} (")
    vocabulary = Vocabulary(["a", "b"], ["all"])
    assert Architecture.for_vocabulary(vocabulary, gene_likelihood=name).gene_likelihood == name


def test_one_record_adds_a_likelihood(adata, monkeypatch, tmp_path):
    """The geometric distribution, a negative binomial of inverse dispersion 1."""

    def fitted(module, hidden, cells, *, bfloat16):
        layer, log_theta = output_layer(module), torch.zeros(cells.counts.n_genes)
        return decoder_log_likelihood(hidden, layer.weight, layer.bias, cells.counts, log_theta, bfloat16=bfloat16)

    def predicted(module, hidden, mean, genes, batch):
        return NegativeBinomial(mean, np.ones_like(mean))

    monkeypatch.setitem(LIKELIHOODS, "geometric", Likelihood("geometric", "geometric", (), fitted, predicted))
    model = LatentModel(adata, gene_likelihood="geometric", n_latent=2, n_hidden=8)
    model.train(max_epochs=8, batch_size=32)
    assert model.history["elbo_train"].iloc[-1] > model.history["elbo_train"].iloc[0]
    genes = model.posterior_predictive_check(n_cells=100).genes
    # The mean of m + m^2 over cells is larger than the mean of m plus its square.
    assert (genes["predicted_variance"] > genes["predicted_mean"] + genes["predicted_mean"] ** 2).all()
    model.save(tmp_path / "model")
    loaded = LatentModel.load(tmp_path / "model", adata)
    np.testing.assert_array_equal(loaded.get_normalized_expression(), model.get_normalized_expression())
