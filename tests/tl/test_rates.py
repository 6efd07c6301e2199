"""Transition rates: against exact values in one dimension, and no value that was not simulated."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape.topography import mean_first_passage_time

QUICK = {"diffusion": 0.025, "n_paths": 200, "rng": 1}


@pytest.fixture(scope="module")
def rated(toggle_model):
    """The toggle with rates, at a noise at which transitions are observed; read only."""
    return ls.tl.rates(toggle_model, copy=True, **QUICK)


def test_times_agree_with_the_backward_equation(rated):
    record = rated.uns["landscape"]["rates"]
    states = rated.uns["landscape"]["attractors"]["states"]
    drift = ls.get.model(rated).drift
    assert record["table"]["valid"].all()
    assert record["converged"]
    for row in record["table"].to_dict("records"):
        # The grid has the reflecting boundary at 0; states far above the ceilings are not reached.
        exact = mean_first_passage_time(
            drift, states.loc[row["from"]], states.loc[row["to"]], diffusion=QUICK["diffusion"], radius=record["radius"],
            method="backward", bounds=(0.0, 2.5), n_grid=151,
        )  # fmt: skip
        error = np.log(row["high"] / row["time"]) / 1.96
        assert error < 0.12  # 180 arrivals: one over the root, plus the error of extrapolating the last tenth
        assert abs(np.log(row["time"] / exact.time)) < 3.5 * error
        # Two attractors: the rate is the inverse of the time.
        assert row["rate"] == pytest.approx(1 / row["time"])
        assert row["rate_low"] < row["rate"] < row["rate_high"]
        assert row["reason"] == ""


def test_weights_follow_from_the_rates(rated):
    record = rated.uns["landscape"]["rates"]
    table, weights = record["table"].set_index(["from", "to"])["rate"], record["weights"]
    first, second = weights.index
    out, back = table[(first, second)], table[(second, first)]
    assert weights.loc[first, "weight"] == pytest.approx(back / (out + back), rel=1e-6)
    assert weights["weight"].sum() == pytest.approx(1)
    assert (weights["low"] < weights["weight"]).all()
    assert (weights["weight"] < weights["high"]).all()
    assert (weights["reason"] == "").all()


def test_what_was_not_seen_is_not_stated_but_bounded(toggle_model, caplog):
    with caplog.at_level(logging.WARNING, logger="landscape"):
        found = ls.tl.rates(toggle_model, diffusion=1e-3, n_paths=20, max_steps=200, copy=True)
    record = found.uns["landscape"]["rates"]
    table = record["table"]
    assert table[["time", "rate"]].isna().all().all()
    assert not table["valid"].any()
    assert table["reason"].str.contains("0 of 20 paths left").all()
    assert "passage times of 2 of 2 attractors are not stated" in caplog.text
    # No arrival in the time at risk T: at 95 % the mean exceeds T / 3 and the rate is below 3 / T.
    assert (table["low"] > 0).all()
    assert np.isinf(table["high"]).all()
    np.testing.assert_allclose(table["rate_high"], 1 / table["low"])
    assert record["weights"]["weight"].isna().all()
    assert record["weights"]["reason"].str.contains("paths left").all()
    assert not record["converged"]


def test_noise_that_leaves_no_valley_within_the_radius_is_named(toggle_model):
    found = ls.tl.rates(toggle_model, diffusion=0.05, radius=0.05, n_paths=20, max_steps=100, copy=True)
    table = found.uns["landscape"]["rates"]["table"]
    assert table["time"].isna().all()
    assert table["reason"].str.contains("beyond the radius 0.05").all()


def test_paths_over_known_barriers_that_none_would_cross_are_not_simulated(toggle_model, monkeypatch):
    adata = ls.tl.barriers(toggle_model, diffusion=4e-4, copy=True)
    heights = ls.get.barriers(adata).set_index("from")["height"]
    assert (heights > 25).all()
    monkeypatch.setattr("landscape.topography.passage.rate_matrix.first_hits", None)
    ls.tl.rates(adata, diffusion=4e-4)
    table = ls.get.rates(adata)
    for row in table.to_dict("records"):
        assert row["reason"] == (
            f"the lowest barrier out of {row['from']} is {heights[row['from']]:.3g}: too high for paths to be seen leaving"
        )
    # Nothing was simulated, so there is no bound either.
    assert table[["time", "low", "high", "rate", "rate_low", "rate_high"]].isna().all().all()
    # Barriers at another noise, or low ones, leave no attractor out.
    with pytest.raises(TypeError):
        ls.tl.rates(adata, diffusion=8e-4)
    low = ls.tl.barriers(toggle_model, diffusion=0.05, copy=True)
    with pytest.raises(TypeError):
        ls.tl.rates(low, diffusion=0.05)


def test_rates_survive_a_file(rated, tmp_path):
    rated.write_h5ad(tmp_path / "rated.h5ad")
    back = ad.read_h5ad(tmp_path / "rated.h5ad")
    for name in ("table", "weights"):
        pd.testing.assert_frame_equal(
            back.uns["landscape"]["rates"][name], rated.uns["landscape"]["rates"][name], check_dtype=False
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diffusion": 0.0}, "`diffusion` to be positive and finite, found 0"),
        ({"diffusion": float("nan")}, "`diffusion` to be positive and finite, found nan"),
        ({"radius": 10.0}, "disjoint balls"),
        ({"radius": 0.0}, "positive `radius`"),
        ({"n_paths": 3}, "two attractors and 20 `n_paths`"),
        ({"confidence": 1.0}, "`confidence` between 0 and 1"),
        ({"max_steps": 0}, "positive `max_steps`"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(toggle_model, options, message):
    adata = toggle_model.copy()
    with pytest.raises(ValueError, match=message):
        ls.tl.rates(adata, **options)
    assert "rates" not in adata.uns["landscape"]
