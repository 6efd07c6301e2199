"""Fates of the chain and of the model side by side, on the toggle switch."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pytest

import landscape as ls

COLUMNS = ["cell", "fate", "probability", "model", "error", "disagreement", "flag"]


def test_the_model_is_set_beside_the_chain_by_default(toggle_model):
    record = toggle_model.uns["landscape"]["fates"]
    model, chain = toggle_model.obsm["fates_model"], toggle_model.obsm["fates"]
    followed = model.notna().all(axis=1).to_numpy()
    assert followed.sum() == record["n_compared"] == 500
    assert list(model.columns) == list(chain.columns)
    # By definition: total variation, and cells without it are exactly those that were not simulated.
    distance = 0.5 * (model - chain).abs().sum(axis=1)[followed]
    np.testing.assert_allclose(toggle_model.obs["fates_disagreement"][followed], distance, atol=1e-12)
    assert toggle_model.obs["fates_disagreement"].isna().tolist() == (~followed).tolist()
    flag = toggle_model.obs["fates_flag"]
    assert flag.isna().tolist() == (~followed).tolist()
    assert record["share_differs"] == pytest.approx((flag[followed] == "differ").mean())
    assert record["share_low"] <= record["share_differs"] <= record["share_high"]
    assert record["disagreement"] == pytest.approx(distance.mean())
    # With a clock a path lasts as long as the data, up to a step.
    assert record["duration"] == pytest.approx(12, abs=0.3)


def test_where_they_differ_is_kept_by_fate(toggle_model):
    by_fate = toggle_model.uns["landscape"]["fates"]["by_fate"]
    record = toggle_model.uns["landscape"]["fates"]
    assert by_fate["n_cells"].sum() == record["n_compared"]
    weighted = (by_fate["share_differs"] * by_fate["n_cells"]).sum() / record["n_compared"]
    assert weighted == pytest.approx(record["share_differs"])
    # Both wells of the toggle are deep: their own paths stay.
    assert (by_fate["kept"] > 0.9).all()


def test_the_table_holds_both_with_errors(toggle_model):
    table = ls.get.fates(toggle_model)
    assert list(table) == COLUMNS
    assert len(table) == 2 * toggle_model.n_obs
    known = table.dropna()
    wide = toggle_model.obsm["fates_model"].dropna()
    np.testing.assert_allclose(known["model"], wide.to_numpy().ravel())
    assert (known["error"] > 0).all()
    # One pseudo-count in all, over two fates: p = (20 q + 1/2) / 21.
    p = (20 * known["model"] + 0.5) / 21
    np.testing.assert_allclose(known["error"], np.sqrt(p * (1 - p) / 21))


def test_a_chain_that_leads_elsewhere_is_flagged(toggle_model, caplog):
    adata = toggle_model.copy()
    names = list(adata.obsm["fates"].columns)
    sure = [list(adata.obs_names[(adata.obsm["fates"][name] > 0.999).to_numpy()][:20]) for name in names]
    # Each fate has the cells of the other one: on the chain all cells have the wrong fate.
    with caplog.at_level(logging.WARNING):
        ls.tl.fates(adata, terminal=dict(zip(names, sure[::-1], strict=True)), n_cells=100)
    record = adata.uns["landscape"]["fates"]
    assert record["share_differs"] > 0.5
    assert "differ on the fate" in caplog.text
    assert (adata.obs["fates_flag"] == "differ").sum() == round(record["share_differs"] * 100)


def test_wells_that_the_noise_empties_keep_few_of_their_paths(toggle_model):
    adata = toggle_model.copy()
    # Thirty times the noise: paths leave the wells of the toggle.
    adata.uns["landscape"]["dynamics"]["diffusion"] *= 30
    ls.tl.fates(adata, n_cells=50)
    assert (adata.uns["landscape"]["fates"]["by_fate"]["kept"] < 0.9).all()


def test_without_paths_there_is_the_chain_alone_and_nothing_stale(toggle_model):
    adata = toggle_model.copy()
    ls.tl.fates(adata, n_replicates=0)
    assert "fates_model" not in adata.obsm
    assert not {"fates_disagreement", "fates_flag"} & set(adata.obs)
    assert "share_differs" not in adata.uns["landscape"]["fates"]
    assert list(ls.get.fates(adata)) == COLUMNS[:3]
    np.testing.assert_array_equal(adata.obsm["fates"], toggle_model.obsm["fates"])


def test_the_same_seed_gives_the_same_and_files_keep_it(toggle_model, tmp_path):
    first, second = toggle_model.copy(), toggle_model.copy()
    for adata in (first, second):
        ls.tl.fates(adata, n_cells=40, n_replicates=5, key_added="mine", rng=7)
    np.testing.assert_array_equal(first.obsm["mine_model"], second.obsm["mine_model"])
    first.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert back.obs["mine_flag"].equals(first.obs["mine_flag"])
    assert list(ls.get.fates(back, key="mine")) == COLUMNS


def test_given_fates_are_compared_with_the_attractors_that_their_cells_flow_to(toggle_model):
    adata = toggle_model.copy()
    names = list(adata.obsm["fates"].columns)
    cells = [list(adata.obs_names[(adata.obsm["fates"][name] > 0.999).to_numpy()][:20]) for name in names]
    ls.tl.fates(adata, terminal={"left": cells[0], "right": cells[1]}, n_cells=60)
    assert list(adata.obsm["fates_model"].columns) == ["left", "right"]
    renamed = adata.obsm["fates_model"].dropna().sum(axis=1)
    np.testing.assert_allclose(renamed, 1)
    assert adata.uns["landscape"]["fates"]["share_differs"] < 0.5


@pytest.mark.parametrize(
    "options", [{"n_replicates": -1}, {"n_cells": 0}, {"tolerance": 1.0}, {"tolerance": -0.1}, {"n_terminal": 0}]
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(toggle_model, options):
    adata = toggle_model.copy()
    before = adata.obsm["fates"].copy()
    with pytest.raises(ValueError, match="Expected `"):
        ls.tl.fates(adata, **options)
    assert adata.obsm["fates"].equals(before)
