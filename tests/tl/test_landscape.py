"""Attractors, basins, fates, heights and barriers of the toggle switch, whose landscape is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import landscape as ls


def test_the_toggle_has_two_attractors_named_after_its_fates(toggle_model):
    result = toggle_model.uns["landscape"]["attractors"]
    assert sorted(result["table"].index) == sorted(toggle_model.uns["truth"]["fates"])
    table = result["table"]
    assert (table["leading_eigenvalue"] < 0).all()
    assert table["observed"].all()
    drift = ls.get.model(toggle_model).drift
    # The definition itself: the drift vanishes at an attractor.
    assert drift(torch.as_tensor(result["states"].to_numpy())).abs().max() < 1e-8


def test_basins_partition_the_cells_and_hold_their_fates(toggle_model):
    basin, table = toggle_model.obs["basin"], toggle_model.uns["landscape"]["attractors"]["table"]
    assert basin.value_counts().to_dict() == table["n_cells"].to_dict()
    late = (toggle_model.obs["time"] >= 7).to_numpy()
    agree = (basin.astype(str) == toggle_model.obs["fate"].astype(str))[late]
    assert agree.mean() > 0.9


def test_fates_are_probabilities_and_late_cells_are_sure(toggle_model):
    fates = toggle_model.obsm["fates"]
    np.testing.assert_allclose(fates.sum(1), 1, atol=1e-6)
    assert (fates.to_numpy() >= -1e-8).all()
    late = (toggle_model.obs["time"] >= 7).to_numpy()
    assert (fates.idxmax(axis=1)[late] == toggle_model.obs["fate"].astype(str)[late]).mean() > 0.9
    entropy = toggle_model.obs["fate_entropy"]
    early = (toggle_model.obs["time"] == 0).to_numpy()
    assert entropy[early].mean() > entropy[late].mean()
    # The toggle is symmetric: at the start the odds are even, up to the sample of 600 and the fit.
    assert abs(fates[early].mean().iloc[0] - 0.5) < 0.25


def test_given_terminal_cells_are_absorbing(toggle_model):
    adata = toggle_model.copy()
    names = list(adata.obs_names)
    ls.tl.fates(adata, terminal={"first": names[:2], "second": names[-2:]})
    fates = adata.obsm["fates"]
    assert list(fates.columns) == ["first", "second"]
    np.testing.assert_allclose(fates.iloc[:2]["first"], 1)
    with pytest.raises(ValueError, match="unknown among them"):
        ls.tl.fates(adata, terminal={"first": ["no such cell"]})


def test_heights_are_low_where_the_ensemble_stays(toggle_model):
    adata = toggle_model.copy()
    ls.tl.occupancy(adata, n_particles=300, n_times=15, n_grid=40)
    record = adata.uns["landscape"]["occupancy"]
    height = np.asarray(record["height"])
    assert np.nanmin(height) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(height[np.asarray(record["support"])]).all()
    assert adata.obsm["X_landscape"].shape == (adata.n_obs, 2)
    late, middle = (adata.obs["time"] >= 7).to_numpy(), (adata.obs["time"] == 2).to_numpy()
    assert np.nanmedian(adata.obs["height"][late]) < np.nanmedian(adata.obs["height"][middle])
    # Along the drawing cells come closer to their ends.
    along = pd.Series(adata.obsm["X_landscape"][:, 1])
    assert along.corr(pd.Series(adata.obs["time"].to_numpy()), method="spearman") > 0.5
    # Progress is a rank: uniform from 0 to 1, except for the cells at an attractor, which share the last rank.
    last = (along == 1).mean()
    np.testing.assert_allclose(
        along[along < 1].quantile([0, 0.25, 0.5, 0.75]), np.array([0, 0.25, 0.5, 0.75]) * (1 - last), atol=0.01
    )


def test_barriers_of_the_toggle_lie_over_one_saddle_and_scale_with_the_noise(toggle_model):
    adata = toggle_model.copy()
    ls.tl.barriers(adata, diffusion=0.01)
    first = adata.uns["landscape"]["barriers"]["table"]
    assert len(first) == 2
    assert first["converged"].all()
    assert (first["height"] > 0).all()
    saddles = adata.uns["landscape"]["saddles"]
    drift = ls.get.model(adata).drift
    assert drift(torch.as_tensor(saddles["states"].to_numpy())).abs().max() < 1e-6
    assert (saddles["table"]["leading_eigenvalue"] > 0).all()
    ls.tl.barriers(adata, diffusion=0.02)
    # S is proportional to 1/D exactly; the two searches end within their tolerance.
    np.testing.assert_allclose(adata.uns["landscape"]["barriers"]["table"]["height"], first["height"] / 2, rtol=0.02)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("attractors", r"landscape\.tl\.dynamics"),
        ("basins", r"landscape\.tl\.dynamics"),
        ("fates", r"landscape\.tl\.dynamics"),
        ("occupancy", r"landscape\.tl\.dynamics"),
        ("barriers", r"landscape\.tl\.dynamics"),
    ],
)
def test_a_missing_stage_names_the_call_that_makes_it(toggle_cells, function, message):
    with pytest.raises(KeyError, match=message):
        getattr(ls.tl, function)(toggle_cells.copy())
