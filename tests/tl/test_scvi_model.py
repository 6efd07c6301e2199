"""Tools accept a model of scvi-tools wherever they accept a latent model."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from anndata import AnnData

import landscape as ls
from landscape.latent import LatentModel
from landscape.tl._state import coordinates, latent_model


@pytest.fixture(scope="module")
def cells() -> AnnData:
    adata = ls.datasets.hematopoiesis(n_cells=200, n_targets=30, n_housekeeping=20)
    adata.obs["plate"] = np.where(np.arange(200) % 2, "a", "b")
    return adata


def trained(name: str, cells: AnnData, *, n_epochs: int = 3, **setup: Any) -> Any:
    import scvi

    adata, kind = cells.copy(), getattr(scvi.model, name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore")  # scvi-tools' and Lightning's own, while their trainer runs
        scvi.settings.seed = 0
        kind.setup_anndata(adata, layer="counts", batch_key="plate", **setup)
        model = kind(adata, n_latent=4, n_hidden=16)
        if n_epochs:
            model.train(max_epochs=n_epochs, accelerator="cpu", enable_progress_bar=False, logger=False)
    return model


@pytest.fixture(scope="module")
def scvi_model(cells: AnnData) -> Any:
    return trained("SCVI", cells)


@pytest.mark.parametrize("values", ["counts", "draws"])
def test_network(cells, scvi_model, values):
    theirs, ours = (
        ls.tl.network(cells, model=model, values=values, n_bootstraps=0, n_draws=2, copy=True)
        for model in (scvi_model, LatentModel.from_scvi(scvi_model))
    )
    np.testing.assert_array_equal(theirs.varp["network"].toarray(), ours.varp["network"].toarray())
    assert list(theirs.uns["landscape"]["network"]["params"]["covariates"]) == ["plate"]
    with pytest.raises(ValueError, match="trained `landscape.latent.LatentModel`"):
        ls.tl.network(cells, values="draws")


def test_dynamics(cells, scvi_model):
    ls.tl.network(cells, n_bootstraps=0)
    theirs, ours = (
        ls.tl.dynamics(cells, model=model, direction=ls.dynamics.from_time("time"), n_steps=3, copy=True)
        for model in (scvi_model, LatentModel.from_scvi(scvi_model))
    )
    np.testing.assert_array_equal(theirs.obsm["X_state"], ours.obsm["X_state"])
    record = theirs.uns["landscape"]["dynamics"]
    assert record["params"]["states"] == "posterior mean"
    assert 0 <= record["tangency"] <= 1
    np.testing.assert_array_equal(theirs.obsm["X_latent"], ours.obsm["X_latent"])


def test_coordinates_are_those_of_scvi_tools(cells, scvi_model):
    found = coordinates(cells, latent_model(scvi_model), None)
    np.testing.assert_allclose(found, scvi_model.get_latent_representation(), rtol=1e-4, atol=1e-5)


def test_other_models_stay_as_they_are(cells):
    assert latent_model(None) is None
    model = LatentModel(cells, n_latent=3, n_hidden=8)
    assert latent_model(model) is model


def test_what_cannot_be_taken_over_is_named(cells):
    with pytest.raises(ValueError, match=r"not trained; run `model.train\(\)`"):
        ls.tl.network(cells, model=trained("SCVI", cells, n_epochs=0))
    with pytest.raises(TypeError, match=r"Expected a scvi.model.SCVI, found LinearSCVI"):
        ls.tl.network(cells, model=trained("LinearSCVI", cells, n_epochs=0))
