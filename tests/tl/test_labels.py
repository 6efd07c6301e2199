"""Labels against basins and fates: the tables of a finished run, and the warnings of the tools that find them."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape._labels import label_key_of
from landscape.report._tables import tables
from tests.synthetic import NAMES, add_comparison


def test_shares_of_basins_are_those_of_all_cells(finished):
    moved = np.flatnonzero(finished.obs["cell_type"] == "Monocyte")[::3]
    basin = finished.obs["basin"].copy()
    basin.iloc[moved] = "Granulocyte"
    finished.obs["basin"] = basin
    table = ls.get.labels(finished)
    assert list(table.columns) == ["label", "n_cells", "basin", "n", "share", "own"]
    assert table["n"].sum() == finished.n_obs
    counted = pd.crosstab(finished.obs["cell_type"], basin)
    for row in table.itertuples():
        assert row.n == counted.loc[row.label, row.basin]
        assert row.share == pytest.approx(row.n / row.n_cells)
        assert row.own == (row.label == row.basin)
    wide = tables(finished)["label_basins"]
    own = 1 - len(moved) / (finished.obs["cell_type"] == "Monocyte").sum()
    assert wide.loc["Monocyte", "own"] == wide.loc["Monocyte", "basin_Monocyte"] == pytest.approx(own)


def test_means_of_fates_stand_beside_those_of_the_simulated_cells(finished):
    add_comparison(finished)
    finished.obsm["fates_model"]["only in the model"] = 0 * finished.obsm["fates_model"]["Monocyte"]
    table = ls.get.labels(finished, by="fate").set_index(["label", "fate"])
    assert list(table.columns) == ["n_cells", "chain", "own", "model", "n_model"]
    for label, cells in finished.obs.groupby("cell_type", observed=True).groups.items():
        chain, model = finished.obsm["fates"].loc[cells], finished.obsm["fates_model"].loc[cells]
        np.testing.assert_allclose(table.loc[label].loc[list(NAMES), "chain"], chain.mean())
        np.testing.assert_allclose(table.loc[label].loc[list(model), "model"], model.mean())
        assert set(table.loc[label, "n_model"]) == {int(model.notna().all(axis=1).sum())}
        assert table.loc[(label, "only in the model"), "chain"] == 0
    alone = ls.get.labels(finished, by="fate", fate_key="fates_model")
    assert "model" not in alone


def test_the_column_is_that_which_named_the_attractors(finished):
    assert label_key_of(finished) == "cell_type"
    finished.obs["kind"] = np.where(finished.obs["cell_type"] == "Monocyte", "M", "other")
    finished.uns["landscape"]["run"] = {"params": {"label_key": "kind"}}
    assert label_key_of(finished) == "kind"
    finished.uns["landscape"]["attractors"]["params"]["label_key"] = "cell_type"
    assert label_key_of(finished) == "cell_type"
    assert set(ls.get.labels(finished, label_key="kind")["label"]) == {"M", "other"}
    del finished.obs["cell_type"], finished.obs["kind"]
    assert label_key_of(finished) is None
    assert not {"label_basins", "label_fates"} & set(tables(finished))
    with pytest.raises(KeyError, match="pass `label_key=` with a column"):
        ls.get.labels(finished)


def test_bad_input_is_named(finished):
    with pytest.raises(ValueError, match="'basin' or 'fate', found 'cell'"):
        ls.get.labels(finished, by="cell")
    finished.obs["empty"] = pd.Categorical([None] * finished.n_obs)
    with pytest.raises(ValueError, match="found none in 600 cells"):
        ls.get.labels(finished, label_key="empty")
    del finished.obs["basin"], finished.obsm["fates"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.basins"):
        ls.get.labels(finished)
    with pytest.raises(KeyError, match=r"landscape\.tl\.fates"):
        ls.get.labels(finished, by="fate")


def test_labels_that_say_nothing_name_no_attractor(toggle_model):
    adata = toggle_model.copy()
    adata.obs["drawn"] = np.random.default_rng(0).permutation(adata.obs["fate"].astype(str))
    ls.tl.attractors(adata, label_key="drawn")
    named = set(adata.uns["landscape"]["attractors"]["table"].index)
    assert not named & set(adata.obs["drawn"])
    assert named == set(ls.tl.attractors(adata, copy=True).uns["landscape"]["attractors"]["table"].index)


def test_a_label_in_the_basin_of_another_is_said_by_the_tools(toggle_model, caplog):
    adata = toggle_model.copy()
    with caplog.at_level(logging.WARNING, logger="landscape"):
        ls.tl.basins(adata)
        ls.tl.fates(adata, n_replicates=0)
    assert "lie in the basin of" not in caplog.text
    assert "with a mean probability of" not in caplog.text
    states = list(adata.uns["landscape"]["attractors"]["states"].index)
    assert len(states) == 2
    adata.obs["fate"] = adata.obs["fate"].cat.rename_categories(dict(zip(states, states[::-1], strict=True)))
    crossed = pd.crosstab(adata.obs["fate"], adata.obs["basin"])
    with caplog.at_level(logging.WARNING, logger="landscape"):
        ls.tl.basins(adata)
        ls.tl.fates(adata, n_replicates=0)
    for name, other in zip(states, states[::-1], strict=True):
        n = crossed.loc[name].sum()
        assert f"{crossed.loc[name, other]} of {n} {name} cells lie in the basin of {other}" in caplog.text
        assert f"{name} cells end as {other} with a mean probability of" in caplog.text
    caplog.clear()
    adata.uns["landscape"]["attractors"]["params"]["label_key"] = "none"
    ls.tl.basins(adata)
    assert "lie in the basin of" not in caplog.text  # the attractors were not named by labels
