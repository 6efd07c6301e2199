"""Weights move to and from scvi-tools' own model without loss."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from landscape.latent import LatentModel


@pytest.fixture(scope="module")
def scvi_model(make_adata):
    import scvi

    adata = make_adata()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")  # scvi-tools' and Lightning's own, while their trainer runs
        scvi.model.SCVI.setup_anndata(adata, layer="counts", batch_key="batch")
        model = scvi.model.SCVI(adata, n_latent=3, n_hidden=16, gene_likelihood="nb")
        model.train(max_epochs=2, accelerator="cpu", enable_progress_bar=False, logger=False)
    return model


def test_from_scvi(scvi_model):
    model = LatentModel.from_scvi(scvi_model)
    # float32 rounding
    np.testing.assert_allclose(
        model.get_latent_representation(), scvi_model.get_latent_representation(), rtol=1e-5, atol=1e-6
    )
    assert model.batches == ["a", "b"]
    assert model.architecture.n_hidden == 16
    assert model.architecture.dropout_rate == 0.1
    assert model.history.empty


def test_from_scvi_is_saved_safely(scvi_model, tmp_path):
    model = LatentModel.from_scvi(scvi_model)
    model.save(tmp_path / "m")
    again = LatentModel.load(tmp_path / "m", scvi_model.adata)
    np.testing.assert_array_equal(again.get_latent_representation(), model.get_latent_representation())


def test_to_scvi(adata):
    model = LatentModel(adata, batch_key="batch", n_latent=3, n_hidden=16)
    model.train(max_epochs=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")
        theirs = model.to_scvi()
        latent = theirs.get_latent_representation()
        expression = theirs.get_normalized_expression(n_samples=200, library_size=1e4)
    np.testing.assert_allclose(latent, model.get_latent_representation(), rtol=1e-5, atol=1e-6)
    ours = model.get_normalized_expression(n_samples=200)
    assert expression.columns.tolist() == ours.columns.tolist()
    # both are means of 200 draws of a posterior whose width is some 10 % of the mean: 1 % each
    assert np.median(np.abs(expression.to_numpy() / ours.to_numpy() - 1)) < 0.03


def test_refusals(scvi_model, trained, adata):
    import scvi

    with pytest.raises(TypeError, match=r"Expected a scvi.model.SCVI, found LatentModel"):
        LatentModel.from_scvi(trained)
    adata.obs["depth"] = np.arange(120.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")
        scvi.model.SCVI.setup_anndata(adata, layer="counts", continuous_covariate_keys=["depth"])
        model = scvi.model.SCVI(adata, gene_likelihood="normal", latent_distribution="ln")
    with pytest.raises(ValueError, match=r"not trained; run `model.train\(\)`"):
        LatentModel.from_scvi(model)
    model.is_trained_ = True
    with pytest.raises(ValueError, match="uses the likelihood 'normal', the latent distribution 'ln', which are not"):
        LatentModel.from_scvi(model)


def test_covariates_move_both_ways(make_adata):
    adata = make_adata()
    adata.obs["depth"] = np.linspace(-1, 3, 120)
    model = LatentModel(
        adata,
        batch_key="batch",
        categorical_covariates=["kind"],
        continuous_covariates=["depth"],
        n_latent=3,
        n_hidden=16,
    )
    model.train(max_epochs=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")
        theirs = model.to_scvi()
        latent = theirs.get_latent_representation()
        expression = theirs.get_normalized_expression(n_samples=300, library_size=1e4)
    np.testing.assert_allclose(latent, model.get_latent_representation(), rtol=1e-5, atol=1e-6)
    again = LatentModel.from_scvi(theirs)
    ours = again.get_normalized_expression(n_samples=300)
    np.testing.assert_allclose(ours, model.get_normalized_expression(n_samples=300), rtol=1e-4)
    # means of 300 draws of a posterior that is as wide as the prior after two epochs
    assert np.median(np.abs(expression.to_numpy() / ours.to_numpy() - 1)) < 0.03
