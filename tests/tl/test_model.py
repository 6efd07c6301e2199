"""The model in AnnData: written and read by one function each, with a schema version that is checked."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import torch

import landscape as ls
from landscape import _keys


def test_the_record_is_the_model_that_was_fitted(toggle_model):
    model = ls.get.model(toggle_model)
    states = toggle_model.obsm["X_state"]
    assert model.regulators == tuple(states.columns)
    velocity = model(torch.as_tensor(states.to_numpy())).numpy()
    np.testing.assert_array_equal(velocity, toggle_model.obsm["X_state_velocity"].to_numpy())
    # States are roots of posterior mean expression over the scale.
    assert np.isfinite(model.expression(states.to_numpy())).all()


def test_an_ensemble_is_a_sequence_of_the_same_record(toggle_cells, toggle_model):
    assert ls.get.ensemble(toggle_model) == ()
    adata = ls.tl.dynamics(
        toggle_cells, direction=ls.dynamics.from_time("time"), n_steps=10, n_replicates=3, rng=0, copy=True
    )
    models = ls.get.ensemble(adata)
    assert len(models) == 3
    assert {m.regulators for m in models} == {ls.get.model(adata).regulators}
    stored = adata.uns["landscape"]["ensemble"]
    for k, model in enumerate(models):
        np.testing.assert_array_equal(model.drift.weights.numpy(), stored["weights"][k])
        assert model.diffusion == stored["diffusion"][k]
    ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), n_steps=10, rng=0)
    assert ls.get.ensemble(adata) == ()


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data")
@pytest.mark.parametrize("write", ["write_h5ad", "write_zarr"])
def test_the_schema_survives_files_and_another_one_is_refused(toggle_model, tmp_path, write):
    path = tmp_path / "a"
    getattr(toggle_model, write)(path)
    back = ad.read_h5ad(path) if write == "write_h5ad" else ad.read_zarr(path)
    assert back.uns["landscape"]["schema"] == _keys.SCHEMA_VERSION
    assert ls.get.model(back).regulators == ls.get.model(toggle_model).regulators
    back.uns["landscape"]["schema"] = _keys.SCHEMA_VERSION + 1
    for read in (ls.get.model, ls.get.attractors, ls.tl.basins):
        with pytest.raises(ValueError, match=r"found schema \d+: another version wrote them. Remove them with"):
            read(back)
    del back.uns["landscape"]["schema"]
    with pytest.raises(ValueError, match="found schema 0"):
        ls.get.model(back)


def test_a_missing_model_names_the_call(toggle_cells):
    for read in (ls.get.model, ls.get.ensemble):
        with pytest.raises(KeyError, match=r"run `landscape.tl.dynamics` first"):
            read(toggle_cells)
