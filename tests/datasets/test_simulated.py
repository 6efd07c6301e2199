"""The embedded data set keeps what is promised of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.circuits import krumsiek
from landscape.datasets import hematopoiesis

FATES = ["erythrocyte", "megakaryocyte", "monocyte", "granulocyte"]


@pytest.fixture(scope="module")
def adata():
    return hematopoiesis()


def test_size_depth_and_time(adata):
    assert 2000 <= adata.n_obs <= 3000
    assert (adata.var["kind"] == "target").sum() >= 500
    totals = np.asarray(adata.X.sum(1)).ravel()
    assert 2000 <= np.median(totals) <= 5000
    assert np.percentile(totals, 5) > 1000
    assert "unspliced" not in adata.layers
    assert adata.obs["day"].nunique() == 6
    assert np.issubdtype(adata.obs["day"].dtype, np.number)
    # Regulators are scarce, as they are in cells.
    mean = pd.Series(np.asarray(adata.X.mean(0)).ravel(), index=adata.var_names)
    assert mean[adata.var["regulator"]].median() < 1


def test_every_fate_is_taken_by_a_tenth_and_the_last_day_is_mature(adata):
    shares = adata.obs["fate"].value_counts(normalize=True)
    # Measured 0.19 to 0.30 with a standard error of 0.01.
    assert shares[FATES].min() > 0.1
    assert shares["other"] < 0.02
    now = pd.Series(krumsiek().classify(adata.obsm["X_truth"].to_numpy()), index=adata.obs_names)
    mature = (now != "other").groupby(adata.obs["day"]).mean()
    assert mature.iloc[0] == 0
    assert mature.is_monotonic_increasing
    assert mature.iloc[-1] > 0.95
    assert (mature.between(0.15, 0.97)).sum() >= 2


def test_options_and_seed():
    small = {"n_cells": 60, "n_targets": 20, "n_housekeeping": 5}
    a, b, c = (hematopoiesis(rng=r, **small) for r in (1, 1, 2))
    assert (a.X != b.X).nnz == 0
    assert (a.X != c.X).nnz > 0
    removed = hematopoiesis(knockouts=["Eklf"], levels={"Gfi1": 0.0}, unspliced=True, batches=2, **small)
    assert removed[:, ["Eklf", "Gfi1"]].X.nnz == 0
    assert "unspliced" in removed.layers
    assert removed.obs["batch"].nunique() == 2
    pd.testing.assert_frame_equal(a.var, removed.var)
    with pytest.raises(ValueError, match=r"Unknown genes \['Klf1'\]"):
        hematopoiesis(knockouts=["Klf1"])
