"""Guy ropes of a fitted toggle: what is written, read back, refused, and said."""

from __future__ import annotations

import logging
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape._model import read_model, write_ensemble, write_model


@pytest.fixture(scope="module")
def held(toggle_model):
    """The toggle with barriers, and three replicates that differ in their bias; read only."""
    adata = toggle_model.copy()
    model = read_model(adata)
    models = [replace(model, drift=replace(model.drift, bias=model.drift.bias * f)) for f in (0.98, 1.0, 1.02)]
    write_ensemble(adata, models, params={})
    ls.tl.barriers(adata)
    ls.tl.guy_ropes(adata, wrt=("strength", "production", "turnover"))
    return adata


def test_tensions_lie_in_their_intervals_and_sum_to_the_barriers(held):
    record = held.uns["landscape"]["guy_ropes"]
    assert record["strength"].shape == (2, 2)
    # The middle one of three replicates is the model itself, up to its minimisation on fewer points.
    for kind in ("strength", "production", "turnover"):
        width = np.abs(record[kind].to_numpy()).max() * 1e-2
        assert (record[f"{kind}_low"] - width <= record[kind]).all(axis=None)
        assert (record[f"{kind}_high"] + width >= record[kind]).all(axis=None)
    total = record["production"].sum() + record["turnover"].sum()
    heights = held.uns["landscape"]["barriers"]["table"]["height"]
    # The height is extrapolated in the number of points, the sum is exact on the path.
    np.testing.assert_allclose(total[heights.index], heights, rtol=1e-2)
    np.testing.assert_allclose(total, record["barriers"]["action"], rtol=1e-8)
    assert (record["barriers"]["n_replicates"] == 3).all()


def test_each_gene_holds_its_own_valley(held):
    """What keeps the state in which a gene is high is that it represses the other: its ropes raise the way out."""
    record = held.uns["landscape"]["guy_ropes"]
    states = held.uns["landscape"]["attractors"]["states"]
    for name, row in record["barriers"].iterrows():
        high = states.loc[row["from"]].idxmax()
        assert record["strength"].loc[high, name] > 0


def test_tables_by_name(held):
    record = held.uns["landscape"]["guy_ropes"]
    ropes = ls.get.guy_ropes(held)
    assert len(ropes) == 4
    assert ropes.groupby("barrier", sort=False)["strength"].apply(lambda t: t.abs().is_monotonic_decreasing).all()
    assert {"production_low", "turnover_high", "place", "diffusion"} <= set(ropes)
    gene = str(record["genes"].index[0])
    assert set(ls.get.guy_ropes(held, gene=gene)["gene"]) == {gene}
    assert set(ls.get.guy_ropes(held, table="edges", gene=gene)["source"]) == {gene}
    assert list(ls.get.guy_ropes(held, table="barriers")["barrier"]) == list(record["barriers"].index)
    assert list(ls.get.guy_ropes(held, table="genes")["gene"]) == list(record["genes"].index)
    assert set(ls.get.guy_ropes(held, table="critical")["way"]) == {"weaker", "stronger"}
    with pytest.raises(ValueError, match="regulator of the model"):
        ls.get.guy_ropes(held, gene="nobody")
    with pytest.raises(ValueError, match="Expected `table`"):
        ls.get.guy_ropes(held, table="all")


def test_files_keep_the_result(held, tmp_path):
    held.write_h5ad(tmp_path / "held.h5ad")
    back = ad.read_h5ad(tmp_path / "held.h5ad")
    for table in ("ropes", "edges", "barriers", "genes", "critical"):
        pd.testing.assert_frame_equal(
            ls.get.guy_ropes(back, table=table),
            ls.get.guy_ropes(held, table=table),
            check_dtype=False,
            check_index_type=False,
        )


def test_single_paths_are_enough_and_another_noise_scales_them(held):
    adata = held.copy()
    del adata.uns["landscape"]["barriers"]
    first = held.uns["landscape"]["guy_ropes"]
    start, end = first["barriers"][["from", "to"]].iloc[0]
    noise = read_model(adata).diffusion_constant
    ls.tl.paths(adata, pairs=[(start, end)], diffusion=2 * noise)
    copy = ls.tl.guy_ropes(adata, wrt="strength", n_critical=0, key_added="ropes", copy=True)
    assert "ropes" not in adata.uns["landscape"]
    found = copy.uns["landscape"]["ropes"]
    assert list(found["strength"].columns) == [f"{start} to {end}"]
    np.testing.assert_allclose(found["strength"].iloc[:, 0], first["strength"][f"{start} to {end}"] / 2, rtol=2e-2)
    np.testing.assert_allclose(
        found["strength_low"].iloc[:, 0], first["strength_low"][f"{start} to {end}"] / 2, rtol=2e-2
    )
    assert "production" not in found
    assert found["critical"].empty


def test_a_valley_about_to_vanish_is_said(held, caplog, monkeypatch):
    monkeypatch.setattr("landscape.topography.large_deviations.rope_tables.CLOSE", 10.0)
    with caplog.at_level(logging.WARNING):
        ls.tl.guy_ropes(held, copy=True)
    assert "vanishes at" in caplog.text


def test_what_is_missing_or_wrong_is_refused_with_the_call_that_helps(toggle_model, held):
    with pytest.raises(KeyError, match=r"landscape\.tl\.barriers"):
        ls.tl.guy_ropes(toggle_model.copy())
    with pytest.raises(KeyError, match=r"landscape\.tl\.guy_ropes"):
        ls.get.guy_ropes(toggle_model)
    with pytest.raises(ValueError, match="Expected `wrt`"):
        ls.tl.guy_ropes(held, wrt=("strength", "mass"))
    with pytest.raises(ValueError, match="Expected `wrt`"):
        ls.tl.guy_ropes(held, wrt=())
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="n_critical"):
            ls.tl.guy_ropes(held, n_critical=wrong)
    changed = held.copy()
    model = read_model(changed)
    stronger = replace(model, drift=replace(model.drift, weights=1.2 * model.drift.weights))
    write_model(changed, stronger, {"grade": "B"}, params={}, what="another model")
    with pytest.raises(ValueError, match="model changed"):
        ls.tl.guy_ropes(changed)
    renamed = held.copy()
    record = renamed.uns["landscape"]["attractors"]
    record["states"] = record["states"].rename(index=lambda name: f"{name} 2")
    with pytest.raises(ValueError, match="those of other ones"):
        ls.tl.guy_ropes(renamed)
