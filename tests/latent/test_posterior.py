from __future__ import annotations

import numpy as np
import pytest

from landscape.latent import LatentModel


def test_permuting_cells_and_genes_permutes_the_results(trained, adata):
    rng = np.random.default_rng(1)
    cells, genes = rng.permutation(120), rng.permutation(30)
    shuffled = adata[cells, genes].copy()
    # float32 products in blocks of other sizes: a few rounding errors of 6e-8
    np.testing.assert_allclose(
        trained.get_latent_representation(shuffled), trained.get_latent_representation()[cells], rtol=1e-5, atol=1e-6
    )
    expected = trained.get_normalized_expression()
    found = trained.get_normalized_expression(shuffled)
    np.testing.assert_allclose(found, expected.iloc[cells], rtol=1e-4)
    assert found.columns.tolist() == trained.genes
    assert found.index.tolist() == shuffled.obs_names.tolist()


def test_block_size_makes_no_difference(trained):
    np.testing.assert_allclose(
        trained.get_latent_representation(batch_size=7), trained.get_latent_representation(), rtol=1e-5, atol=1e-6
    )


def test_expression_sums_to_the_library_size(trained, adata):
    totals = adata.layers["counts"].sum(1).A1
    # thirty float32 shares: the sum is exact to 1e-6
    np.testing.assert_allclose(trained.get_normalized_expression().sum(1), 1e4, rtol=1e-5)
    np.testing.assert_allclose(trained.get_normalized_expression(library_size=1).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(trained.get_normalized_expression(library_size="observed").sum(1), totals, rtol=1e-5)


def test_genes_are_chosen_by_name(trained):
    everything = trained.get_normalized_expression()
    chosen = trained.get_normalized_expression(genes=["gene7", "gene2"])
    assert chosen.columns.tolist() == ["gene7", "gene2"]
    np.testing.assert_array_equal(chosen, everything[["gene7", "gene2"]])
    array = trained.get_normalized_expression(genes=["gene7"], return_numpy=True)
    assert isinstance(array, np.ndarray)
    np.testing.assert_array_equal(array, everything[["gene7"]])


def test_mean_and_deviation_are_those_of_the_draws(trained):
    draws = trained.sample_expression(n_samples=40, rng=3, genes=["gene1", "gene20"])
    assert draws.shape == (40, 120, 2)
    mean = trained.get_normalized_expression(n_samples=40, rng=3, genes=["gene1", "gene20"])
    deviation = trained.get_expression_deviation(n_samples=40, rng=3, genes=["gene1", "gene20"])
    np.testing.assert_allclose(mean, draws.mean(0), rtol=1e-5)
    np.testing.assert_allclose(deviation, draws.std(0, ddof=1), rtol=1e-4)
    assert (deviation.to_numpy() > 0).all()
    np.testing.assert_array_equal(
        trained.sample_expression(n_samples=2, rng=3), trained.sample_expression(n_samples=2, rng=3)
    )


def test_latent_deviation_is_that_of_the_posterior(trained):
    deviation = trained.get_latent_deviation()
    assert deviation.shape == (120, 3)
    assert ((deviation > 0) & (deviation < 1.5)).all()  # not far beyond the prior's 1


def test_decoding_in_another_batch(adata):
    model = LatentModel(adata, batch_key="batch", n_latent=2, n_hidden=8)
    model.train(max_epochs=3)
    own = model.get_normalized_expression()
    in_a = model.get_normalized_expression(batch="a")
    is_a = (adata.obs["batch"] == "a").to_numpy()
    np.testing.assert_allclose(in_a[is_a], own[is_a], rtol=1e-5)
    assert not np.allclose(in_a[~is_a], own[~is_a], rtol=1e-3)
    with pytest.raises(ValueError, match=r"Expected batches of the model, \['a', 'b'\], found others: \['c'\]"):
        model.get_normalized_expression(batch="c")
    adata.obs["batch"] = "c"
    with pytest.raises(ValueError, match="Expected batches of the model"):
        model.get_latent_representation(adata)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"genes": "gene1"}, TypeError, r"pass `genes=\['gene1'\]`"),
        ({"genes": ["gene1", "Gata1"]}, KeyError, r"1 of 2 `genes` are not in the model: \['Gata1'\]"),
        ({"n_samples": 0}, ValueError, "`n_samples` of at least 1, found 0"),
        ({"library_size": 0}, ValueError, "positive `library_size`, found 0"),
        ({"library_size": "latent"}, ValueError, "a positive number or 'observed', found 'latent'"),
    ],
)
def test_bad_arguments(trained, call, error, message):
    with pytest.raises(error, match=message):
        trained.get_normalized_expression(**call)


def test_deviation_needs_two_draws(trained):
    with pytest.raises(ValueError, match="`n_samples` of at least 2, found 1"):
        trained.get_expression_deviation(n_samples=1)
