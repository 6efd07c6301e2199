"""The consensus of models in AnnData: what is written, what is refused, and what survives a file."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import landscape as ls
from tests.synthetic import NAMES, add_perturbation, add_topography, finished_run

LOST, INTO = "Granulocyte", "Monocyte"


def without_one(adata):
    """A model that lacks an attractor; its cells go to no other."""
    record = adata.uns["landscape"]["attractors"]
    for part in ("states", "table"):
        record[part] = record[part].drop(index=LOST)
    basin = adata.obs["basin"].astype(str)
    adata.obs["basin"] = pd.Categorical(basin.where(basin != LOST, "unresolved"))
    adata.obsm["fates"] = adata.obsm["fates"].drop(columns=LOST)
    return adata


@pytest.fixture
def models():
    return [finished_run(), without_one(finished_run()), finished_run()]


def test_what_is_written_is_the_consensus(models, finished):
    ls.tl.consensus(finished, models=models)
    table = ls.get.consensus(finished).set_index("attractor")
    assert table["persistence"].round(2).to_dict() == {name: 0.67 if name == LOST else 1.0 for name in NAMES}
    basin = models[0].obs["basin"].astype(str)
    assert (finished.obs["basin_consensus"].astype(str) == basin).all()
    assert list(finished.obs["basin_consensus"].cat.categories) == [*table.index, "undecided"]
    likeliest = models[0].obsm["fates"].idxmax(axis=1)
    clear = models[0].obsm["fates"].max(axis=1) > 0.6
    np.testing.assert_allclose(finished.obs["agreement"][clear], np.where(likeliest == LOST, 1 / 3, 1.0)[clear])
    fates, own = finished.obsm["consensus_fates"], models[0].obsm["fates"]
    assert list(fates) == [*table.index, "unresolved"]
    np.testing.assert_allclose(fates[LOST], own[LOST] * 2 / 3)
    np.testing.assert_allclose(fates["unresolved"], own[LOST] / 3, atol=1e-12)
    np.testing.assert_allclose(fates[INTO], own[INTO])
    levels = ls.get.consensus(finished, part="levels").set_index(["attractor", "gene"])
    assert levels.loc[(LOST, "Gata1"), "n_models"] == 2
    for gene, level in models[0].uns["landscape"]["attractors"]["states"].loc[LOST].items():
        row = levels.loc[(LOST, gene)]
        assert row["level"] == row["low"] == row["high"] == level
    assert ls.get.consensus(finished, part="members")["model 2"].tolist().count("") == 1
    with pytest.raises(KeyError, match="no 'barriers'"):
        ls.get.consensus(finished, part="barriers")


def test_attractors_are_matched_by_fates_and_basins_are_voted_on(models, finished):
    fates = models[0].obsm["fates"]
    elsewhere = pd.Categorical(["unresolved"] * finished.n_obs)
    models[1].obs["basin"] = elsewhere
    by_fate = ls.tl.consensus(finished, models=models, copy=True)
    assert ls.get.consensus(by_fate)["persistence"].round(2).tolist() == [1.0, 1.0, 1.0, 0.67]
    # Two of three models have a cell in its basin, and none of the third.
    assert (by_fate.obs["basin_consensus"].astype(str) == models[0].obs["basin"].astype(str)).all()
    clear = (fates.max(axis=1) > 0.6) & (fates.idxmax(axis=1) != LOST)
    assert (by_fate.obs["agreement"][clear] == 1).all()
    ls.tl.consensus(finished, models=models, by="basin")
    table = ls.get.consensus(finished)
    assert sorted(table["persistence"].round(2)) == [0.33, 0.33, 0.33, 0.67, 0.67, 0.67, 0.67]
    assert table["matched_by"].tolist().count("state") == 3
    models[2].obs["basin"] = elsewhere
    ls.tl.consensus(finished, models=models)
    assert (finished.obs["basin_consensus"] == "undecided").all()


def test_barriers_and_perturbations_are_taken_over_the_models_that_have_them(models, finished):
    for k, model in enumerate(models[::2]):
        add_topography(model)
        add_perturbation(model, drawn=False)
        model.uns["landscape"]["barriers"]["table"]["height"] += k
        model.uns["landscape"]["perturbations"]["Gata1=0"]["fates"]["change"] *= 1 + k
    ls.tl.consensus(finished, models=models)
    barriers = ls.get.consensus(finished, part="barriers").set_index(["from", "to"])
    assert barriers.loc[("Megakaryocyte", "Monocyte"), "height"] == 4.5
    assert set(barriers["n_models"]) == {2}
    effects = ls.get.consensus(finished, part="perturbations").set_index("fate")
    assert effects.loc["Erythrocyte", "change"] == pytest.approx(-0.45)
    assert effects.loc["Erythrocyte", "lfsr"] == 0.25
    assert set(effects["perturbation"]) == {"Gata1=0"}


def test_a_fitted_model_is_in_full_agreement_with_itself_and_all_survives_a_file(toggle_model, tmp_path):
    model = toggle_model.copy()
    ls.tl.terminal_states(model, label_key="fate")
    result = ls.tl.consensus(toggle_model, models=[model, model], copy=True)
    assert "consensus" not in toggle_model.uns["landscape"]
    assert set(ls.get.consensus(result)["persistence"]) == {1.0}
    assert set(ls.get.consensus(result, part="terminal_states")["persistence"]) == {1.0}
    reached = model.obs["basin"] != "unresolved"
    assert (result.obs["agreement"] == reached).all()
    own = model.obsm["terminal_fates"]
    np.testing.assert_allclose(result.obsm["consensus_terminal_fates"][list(own)], own, atol=1e-12)
    result.write_h5ad(tmp_path / "result.h5ad")
    again = ad.read_h5ad(tmp_path / "result.h5ad")
    for part in ("attractors", "terminal_states", "members", "levels", "variance"):
        pd.testing.assert_frame_equal(
            ls.get.consensus(again, part=part), ls.get.consensus(result, part=part), check_dtype=False
        )
    pd.testing.assert_frame_equal(again.obsm["consensus_fates"], result.obsm["consensus_fates"])


def test_bad_input_is_named_before_anything_is_computed(models, finished):
    with pytest.raises(ValueError, match="at least two AnnData objects in `models`, found one"):
        ls.tl.consensus(finished, models=finished)
    with pytest.raises(ValueError, match="at least two AnnData objects in `models`, found 1"):
        ls.tl.consensus(finished, models=models[:1])
    with pytest.raises(TypeError, match="found str"):
        ls.tl.consensus(finished, models=["a", "b"])
    with pytest.raises(ValueError, match=r"`models\[1\]`, found 600 cells, the same in another order"):
        ls.tl.consensus(finished, models=[models[0], models[1][::-1].copy()])
    with pytest.raises(ValueError, match=r"`models\[1\]`, found 599 cells, other cells"):
        ls.tl.consensus(finished, models=[models[0], models[1][1:].copy()])
    with pytest.raises(ValueError, match="found 1 that only one has"):
        ls.tl.consensus(finished, models=[models[0], models[1][:, 1:].copy()])
    with pytest.raises(ValueError, match="'fate' or 'basin', found 'cells'"):
        ls.tl.consensus(finished, models=models, by="cells")
    with pytest.raises(ValueError, match="latent model of each of 3 models"):
        ls.tl.consensus(finished, models=models, latent=[0, 1])
    with pytest.raises(ValueError, match="out of"):
        ls.get.consensus(finished, part="all")
    with pytest.raises(KeyError, match=r"landscape\.tl\.consensus"):
        ls.get.consensus(finished)
    models[2].obs["basin"] = models[2].obs["basin"].cat.rename_categories({LOST: "Neutrophil"})
    with pytest.raises(ValueError, match=r"`models\[2\]`, found \['Neutrophil'\]"):
        ls.tl.consensus(finished, models=models)
    del models[2].obs["basin"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.basins\(models\[2\]\)"):
        ls.tl.consensus(finished, models=models)


def test_models_with_the_same_latent_variables_share_a_latent_model(models, finished, caplog):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((finished.n_obs, 2))
    for model, own in zip(models, (z, z, -z), strict=True):
        model.obsm["X_latent"] = own
    ls.tl.consensus(finished, models=models)
    assert finished.uns["landscape"]["consensus"]["params"]["latent"].tolist() == [0, 0, 1]
    assert "same latent variables" not in caplog.text
    models[2].obsm["X_latent"] = z
    ls.tl.consensus(finished, models=models)
    assert "all models rest on the same latent variables" in caplog.text


def test_terminal_states_that_only_some_models_have_are_asked_for(models, finished):
    models[0].obsm["terminal_fates"] = models[0].obsm["fates"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.terminal_states\(models\[1\]\)"):
        ls.tl.consensus(finished, models=models)
