from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from landscape.latent import LatentModel
from landscape.latent.likelihood import LIKELIHOODS


@pytest.mark.slow
def test_right_model_is_calibrated(make_adata):
    """Fitted long enough that theta has grown to what fits Poisson counts."""
    model = LatentModel(make_adata(300), n_latent=2, n_hidden=16)
    model.train(max_epochs=150, batch_size=32, learning_rate=0.03, early_stopping=False)
    check = model.posterior_predictive_check(make_adata(300, seed=1), n_cells=120, n_samples=20)
    assert (check.n_cells, check.n_samples) == (120, 20)
    np.testing.assert_allclose(check.coverage["coverage"], check.coverage["level"], atol=0.04)
    # Kolmogorov's 95 % limit for 360 counts is .072; the model is fitted, so its distributions are close but not equal
    assert (check.calibration["kolmogorov"] < 0.12).all()
    assert check.calibration["n_counts"].sum() == 120 * 30
    genes = check.genes
    np.testing.assert_allclose(genes["predicted_mean"], genes["mean"], rtol=0.2)
    # shares of some .1 among 120 cells: four standard errors of .028
    np.testing.assert_allclose(genes["predicted_zeros"], genes["zeros"], atol=0.115)
    assert np.median(np.abs(genes["predicted_variance"] / genes["variance"] - 1)) < 0.2


def test_wrong_model_is_found_out(adata):
    """Poisson counts under a model whose inverse dispersion is .5 by force: intervals are too wide."""
    import torch

    model = LatentModel(adata, n_latent=2, n_hidden=8)
    model.train(max_epochs=20, batch_size=32)
    with torch.no_grad():
        model.module.px_r.fill_(np.log(0.5))
    check = model.posterior_predictive_check(n_cells=60, n_samples=5)
    assert check.coverage["coverage"].iloc[0] > 0.7  # of an interval of 50 %
    assert check.calibration["kolmogorov"].max() > 0.15


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood(adata, likelihood):
    model = LatentModel(adata, gene_likelihood=likelihood, batch_key="batch", n_latent=2, n_hidden=8)
    model.train(max_epochs=20, batch_size=32)
    genes = ["gene3", "gene20"]
    check = model.posterior_predictive_check(genes=genes, n_cells=50)
    assert check.genes.index.tolist() == genes
    assert check.genes.notna().all(axis=None)


def test_same_seed_same_check(trained):
    first, second = (trained.posterior_predictive_check(n_cells=20, n_samples=3, rng=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.genes, second.genes)
    pd.testing.assert_frame_equal(first.calibration, second.calibration)


def test_it_survives_writing(trained, adata, tmp_path):
    adata.uns["check"] = trained.posterior_predictive_check(n_cells=20, n_samples=2).to_dict()
    adata.write_h5ad(tmp_path / "a.h5ad")
    again = anndata.read_h5ad(tmp_path / "a.h5ad").uns["check"]
    pd.testing.assert_frame_equal(again["genes"], adata.uns["check"]["genes"], check_names=False)
    assert again["params"] == {"n_cells": 20, "n_samples": 2}


def test_bad_sizes(trained):
    with pytest.raises(ValueError, match="`n_cells` and `n_samples` of at least 1, found 500 and 0"):
        trained.posterior_predictive_check(n_samples=0)
