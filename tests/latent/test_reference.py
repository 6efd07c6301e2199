"""Cells are decoded at a common reference: the mean over batches, at the mean of continuous covariates."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from landscape.latent import LatentModel


@pytest.fixture(scope="module")
def covered(make_adata):
    """Cells and a model with batches of unequal size, a second category and a number."""
    adata = make_adata(n_cells=150)
    rng = np.random.default_rng(1)
    adata.obs["batch"] = rng.choice(["a", "b", "c"], 150, p=[0.6, 0.3, 0.1])
    adata.obs["sex"] = rng.choice(["f", "m"], 150)
    adata.obs["age"] = rng.gamma(3.0, 2.0, 150)
    options = {"categorical_covariates": ["sex"], "continuous_covariates": ["age"]}
    model = LatentModel(adata, batch_key="batch", n_latent=3, n_hidden=16, **options)
    model.train(max_epochs=10, progress=False)
    return adata, model


def test_reference_is_the_mean_over_cells_of_the_covariates(covered):
    adata, model = covered
    found = model.get_normalized_expression(batch=model.get_reference()).to_numpy()
    # Each cell gets the covariates of every other cell in turn, through a plain AnnData object, at the mean age.
    expected = np.zeros_like(found, dtype=float)
    for (batch, sex), share in adata.obs[["batch", "sex"]].value_counts(normalize=True).items():
        other = adata.copy()
        other.obs["batch"], other.obs["sex"], other.obs["age"] = batch, sex, adata.obs["age"].mean()
        expected += share * model.get_normalized_expression(other).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)  # float32: a few roundings of 6e-8 in each of six terms
    np.testing.assert_allclose(found.sum(1), 1e4, rtol=1e-5)
    assert model.get_reference().name == "average over 6 levels of 'batch', 'sex'; mean of 'age'"


def test_the_reference_is_the_same_for_all_cells(covered):
    adata, model = covered
    reference = model.get_reference()
    found = model.get_normalized_expression(batch=reference)
    some = model.get_normalized_expression(adata[adata.obs["batch"] == "c"].copy(), batch=reference)
    np.testing.assert_allclose(some, found.loc[some.index], rtol=1e-5)
    changed = adata.copy()
    changed.obs["batch"], changed.obs["sex"], changed.obs["age"] = "a", "f", 100.0
    np.testing.assert_array_equal(model.get_normalized_expression(changed, batch=reference), found)


def test_without_covariates_nothing_changes(trained):
    reference = trained.get_reference()
    assert reference.name == "no covariates"
    np.testing.assert_array_equal(
        trained.get_normalized_expression(batch=reference), trained.get_normalized_expression()
    )
    for found, expected in zip(
        trained.get_log_expression_jacobian(batch=reference), trained.get_log_expression_jacobian(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_jacobian_at_the_reference_is_the_difference_quotient(covered):
    _, model = covered
    reference, genes = model.get_reference(), model.genes[:5]
    z = model.get_latent_representation()
    expression = model.get_normalized_expression(genes=genes, batch=reference, return_numpy=True)
    value, slope = model.get_log_expression_jacobian(genes=genes, latent=z, library_size=1e4, batch=reference)
    np.testing.assert_allclose(value, np.log1p(expression), rtol=1e-5)
    step = 1e-2
    for axis in range(3):
        shift = step * np.eye(3, dtype=np.float32)[axis]
        ends = [
            model.get_log_expression_jacobian(genes=genes, latent=z + sign * shift, library_size=1e4, batch=reference)[
                0
            ]
            for sign in (-1, 1)
        ]
        # Rounding of logarithms near 6, 4e-7, over twice the step, and the third derivative times step^2 / 6; a cell within a
        # step of a kink of the rectifier errs by the jump of the slope, which is why a few may.
        off = np.abs((ends[1] - ends[0]) / (2 * step) - slope[:, :, axis])
        assert np.quantile(off, 0.9) < 1e-3


def test_a_list_of_batches_is_the_transform_batch_of_scvi_tools(covered):
    _, model = covered
    # scvi-tools draws z, so that its decoder is compared at our means.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")  # scvi-tools' own
        module = model.to_scvi().module
    data = model._dataset(None)
    z = torch.from_numpy(model.get_latent_representation())
    with torch.no_grad():
        theirs = [
            module.generative(
                z,
                torch.zeros((len(z), 1)),
                torch.from_numpy(data.codes[:, :1]),
                cont_covs=torch.from_numpy(data.continuous),
                cat_covs=torch.from_numpy(data.codes[:, 1:]),
                transform_batch=torch.tensor(code),
            )["px"].scale
            for code in (0, 2)
        ]
    ours = model.get_normalized_expression(batch=["a", "c"], library_size=1.0)
    np.testing.assert_allclose(ours, torch.stack(theirs).mean(0), rtol=1e-5)
    with pytest.raises(ValueError, match="empty list"):
        model.get_normalized_expression(batch=[])
    with pytest.raises(ValueError, match="batches of the model"):
        model.get_normalized_expression(batch=["a", "z"])
