"""The fitted model: from each source of direction, in place, kept by files, refused with a reason."""

from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import landscape as ls


def test_the_model_explains_where_cells_go(toggle_model):
    record = toggle_model.uns["landscape"]["dynamics"]
    assert record["grade"] == "B"
    assert set(record["regulators"]) == set(toggle_model.uns["truth"]["regulators"])
    assert (record["energy_distance"]["after"] <= record["energy_distance"]["before"] + 0.05).all()
    weights = record["weights"]
    # Two genes that repress one another, and nothing else is allowed.
    assert (np.diag(weights) == 0).all()
    assert (weights[~np.eye(2, dtype=bool)] < 0).all()


def test_what_is_written_agrees_with_itself(toggle_model):
    model = ls.get.model(toggle_model)
    states = toggle_model.obsm["X_state"]
    assert tuple(states.columns) == model.regulators
    assert model.diffusion_constant > 0
    import torch

    velocity = model(torch.as_tensor(states.to_numpy())).numpy()
    np.testing.assert_allclose(toggle_model.obsm["X_state_velocity"].to_numpy(), velocity)
    np.testing.assert_allclose(np.asarray(toggle_model.obsp["transitions"].sum(1)).ravel(), 1)
    assert toggle_model.obs["landscape_start"].sum() == (toggle_model.obs["time"] == 0).sum()


@pytest.mark.parametrize(
    "direction",
    [
        ls.dynamics.from_root("time=0.0"),
        ls.dynamics.from_pseudotime("time"),
        ls.dynamics.from_unspliced(),
        ls.dynamics.from_time("time") + ls.dynamics.from_pseudotime("time"),
    ],
    ids=str,
)
def test_every_source_moves_early_cells_towards_their_fates(toggle_cells, direction):
    adata = toggle_cells.copy()
    ls.tl.dynamics(adata, direction=direction, n_steps=60)
    v = adata.obsm["X_state_velocity"].to_numpy()
    middle = ((adata.obs["time"] > 0) & (adata.obs["time"] < 7)).to_numpy()
    truth = adata.obsm["velocity_truth"].to_numpy()
    cosine = (v * truth).sum(1) / np.maximum(np.linalg.norm(v, axis=1) * np.linalg.norm(truth, axis=1), 1e-12)
    # No direction at all gives a mean cosine of zero.
    assert cosine[middle].mean() > 0.2
    record = adata.uns["landscape"]["dynamics"]
    assert record["grade"] == max(direction.grade, record["fit_grade"])


def test_velocities_and_transitions_of_others_are_taken(toggle_cells):
    adata = toggle_cells.copy()
    truth = np.full(adata.shape, np.nan)
    index = adata.var_names.get_indexer(adata.obsm["velocity_truth"].columns)
    truth[:, index] = adata.obsm["velocity_truth"].to_numpy()
    adata.layers["velocity"] = truth
    ls.tl.dynamics(adata, direction=ls.dynamics.from_velocity("velocity"))
    adata.obsp["T"] = adata.obsp["transitions"].copy()
    ls.tl.dynamics(adata, direction=ls.dynamics.from_transitions("T", grade="B"))
    assert adata.uns["landscape"]["dynamics"]["grade"] == "B"


def test_reversed_arrows_are_detected(toggle_cells, caplog):
    adata = toggle_cells.copy()
    adata.obs["backwards"] = -adata.obs["time"]
    forward = ls.dynamics.from_pseudotime("time")
    with caplog.at_level(logging.WARNING):
        ls.tl.dynamics(adata, direction=forward + ls.dynamics.from_pseudotime("backwards"))
    reversed_conflict = adata.uns["landscape"]["dynamics"]["conflict"]
    assert "contradict" in caplog.text, reversed_conflict
    ls.tl.dynamics(adata, direction=forward + forward)
    assert adata.uns["landscape"]["dynamics"]["conflict"] == pytest.approx(0, abs=1e-12)
    assert reversed_conflict > 0.5


def test_files_keep_everything(toggle_model, tmp_path):
    toggle_model.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    a, b = ls.get.model(toggle_model), ls.get.model(back)
    np.testing.assert_array_equal(a.drift.weights, b.drift.weights)
    np.testing.assert_array_equal(a.scale, b.scale)
    assert (a.diffusion, a.regulators, a.step) == (b.diffusion, b.regulators, b.step)
    assert back.uns["landscape"]["attractors"]["table"].equals(toggle_model.uns["landscape"]["attractors"]["table"])


def test_the_same_seed_gives_the_same_model_and_copies_leave_the_original(toggle_cells):
    direction = ls.dynamics.from_time("time")
    before = set(toggle_cells.obsm)
    a, b = (ls.tl.dynamics(toggle_cells, direction=direction, n_steps=5, copy=True) for _ in range(2))
    np.testing.assert_array_equal(a.uns["landscape"]["dynamics"]["weights"], b.uns["landscape"]["dynamics"]["weights"])
    assert set(toggle_cells.obsm) == before
    assert "dynamics" not in toggle_cells.uns["landscape"]


@pytest.mark.parametrize(
    ("direction", "error", "message"),
    [
        ("time", TypeError, "Expected a direction"),
        (ls.dynamics.from_time("hour"), KeyError, "hour"),
        (ls.dynamics.from_time("fate"), ValueError, "Expected numbers"),
        (ls.dynamics.from_time("size_factor"), ValueError, "2 to 200 distinct time points"),
        (ls.dynamics.from_root("nowhere"), KeyError, "name of a cell or 'column=value'"),
        (ls.dynamics.from_root("fate=unknown"), ValueError, "found none; it holds"),
        (ls.dynamics.from_root(genes=["Nogene"]), KeyError, "Nogene"),
        (ls.dynamics.from_transitions("distances"), KeyError, "distances"),
    ],
)
def test_a_direction_that_is_not_there_is_refused_and_nothing_is_written(toggle_cells, direction, error, message):
    adata = toggle_cells.copy()
    with pytest.raises(error, match=message):
        ls.tl.dynamics(adata, direction=direction)
    assert "dynamics" not in adata.uns["landscape"]
    assert "X_state" not in adata.obsm


def test_missing_times_are_counted(toggle_cells):
    adata = toggle_cells.copy()
    adata.obs.loc[adata.obs_names[:3], "time"] = np.nan
    with pytest.raises(ValueError, match="3 of 600 cells have no finite value"):
        ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"))


def test_rows_that_are_no_probabilities_are_refused(toggle_cells):
    adata = toggle_cells.copy()
    adata.obsp["T"] = 2 * sparse.identity(adata.n_obs, format="csr")
    with pytest.raises(ValueError, match="divide each row by its sum"):
        ls.tl.dynamics(adata, direction=ls.dynamics.from_transitions("T"))


def test_a_missing_network_names_the_call(toggle_cells):
    adata = toggle_cells.copy()
    del adata.varp["network"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.network"):
        ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"))


def test_the_drift_is_held_against_the_manifold_of_the_decoder(toggle_cells):
    model = ls.latent.LatentModel(toggle_cells.copy(), layer="counts", n_latent=1, rng=0)
    model.train(max_epochs=5, progress=False)
    adata = toggle_cells.copy()
    ls.tl.dynamics(adata, model=model, direction=ls.dynamics.from_time("time"), use_rep="X_pca", refine=False)
    record = adata.uns["landscape"]["dynamics"]
    # One latent variable, two regulators: a random direction has a cosine of sqrt(1/2).
    assert record["tangency_by_chance"] == pytest.approx(0.5**0.5)
    assert 0 <= record["tangency"] <= 1
    names = list(record["regulators"])
    root = adata.obsm["X_state"].to_numpy() * record["scale"]
    # d log(1 + e) of e = root^2.
    velocity = adata.obsm["X_state_velocity"].to_numpy() * record["scale"] * 2 * root / (1 + root**2)
    _, slope = model.get_log_expression_jacobian(adata, genes=names)
    # With one latent variable the tangent space is a line, and the cosine that to this line.
    tangent = slope[:, :, 0].astype(float)
    product = np.abs((tangent * velocity).sum(1))
    cosine = product / (np.linalg.norm(tangent, axis=1) * np.linalg.norm(velocity, axis=1))
    chosen = np.unique(np.linspace(0, adata.n_obs - 1, 500).astype(int))
    assert record["tangency"] == pytest.approx(cosine[chosen].mean(), rel=1e-4)


@pytest.fixture
def known_growth(toggle_cells):
    adata = toggle_cells.copy()
    adata.obs["growth"] = np.where(adata.obs["time"] > 2, 0.1, 0.0)
    return adata


def test_growth_is_read_from_cells_and_its_absence_is_said(known_growth, caplog):
    with caplog.at_level(logging.WARNING):
        ls.tl.dynamics(known_growth, direction=ls.dynamics.from_time("time", growth="growth"), n_steps=5)
    assert "growth and death are not modelled" not in caplog.text
    assert known_growth.uns["landscape"]["dynamics"]["params"]["growth"] == "modelled"
    assert "growth growth" in known_growth.uns["landscape"]["dynamics"]["params"]["direction"]

    with caplog.at_level(logging.WARNING):
        ls.tl.dynamics(known_growth, direction=ls.dynamics.from_time("time"), refine=False)
    assert "growth and death are not modelled" in caplog.text
    known_growth.obs["growth"] = np.nan
    with pytest.raises(ValueError, match="no finite value"):
        ls.tl.dynamics(known_growth, direction=ls.dynamics.from_time("time", growth="growth"))


def test_half_lives_fix_the_decay_rates(toggle_cells):
    adata = toggle_cells.copy()
    genes = list(adata.uns["truth"]["regulators"])
    lives = {genes[0]: 0.5, genes[1]: 2.0}
    ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), half_lives=lives, n_steps=5)
    record = adata.uns["landscape"]["dynamics"]
    # The square root of an abundance decays at half its rate.
    expected = [0.5 * np.log(2) / lives[name] for name in record["regulators"]]
    np.testing.assert_allclose(record["decay"], expected)

    # Without a clock the mean lifetime is the unit, and a gene without a number gets the median.
    adata.var["half_life"] = np.nan
    adata.var.loc[genes[0], "half_life"] = 3.0
    ls.tl.dynamics(adata, direction=ls.dynamics.from_root("time=0.0"), half_lives="half_life")
    np.testing.assert_allclose(adata.uns["landscape"]["dynamics"]["decay"], 0.5)


@pytest.mark.parametrize(
    ("lives", "message"),
    [({}, "2 of 2 missing"), ({"A": -1.0, "B": 1.0}, "1 out of range"), ({"A": np.inf, "B": 1.0}, "1 out of range")],
)
def test_half_lives_that_are_none_are_refused(toggle_cells, lives, message):
    adata = toggle_cells.copy()
    genes = dict(zip("AB", adata.uns["truth"]["regulators"], strict=True))
    given = {genes[name]: value for name, value in lives.items()}
    with pytest.raises(ValueError, match=message):
        ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), half_lives=given)
    assert "dynamics" not in adata.uns["landscape"]


def test_the_middle_time_is_predicted_by_a_fit_without_it(toggle_model):
    record = toggle_model.uns["landscape"]["dynamics"]
    times = np.unique(toggle_model.obs["time"])
    assert record["held_out_time"] == times[len(times) // 2]
    assert record["held_out_distance"] < record["held_out_unchanged"]


def test_the_fit_to_descendants_reports_its_score_and_keeps_both_fates(toggle_cells):
    adata = ls.tl.dynamics(
        toggle_cells, direction=ls.dynamics.from_time("time"), refine="descendants", n_steps=60, rng=0, copy=True
    )
    record = adata.uns["landscape"]["dynamics"]
    assert record["flow_floor"] < record["flow_score"] < record["flow_unchanged"]
    assert record["params"]["decay"] == "fitted"
    ls.tl.attractors(adata)
    assert len(adata.uns["landscape"]["attractors"]["states"]) == 2
    again = ls.tl.dynamics(
        toggle_cells, direction=ls.dynamics.from_time("time"), refine="descendants", n_steps=60, rng=0, copy=True
    )
    np.testing.assert_array_equal(again.uns["landscape"]["dynamics"]["weights"], record["weights"])


def test_a_chain_without_a_start_is_retimed_before_the_fit_to_descendants(toggle_cells):
    direction = ls.dynamics.from_unspliced()
    usual = ls.tl.dynamics(toggle_cells, direction=direction, n_steps=5, copy=True)
    adata = ls.tl.dynamics(
        toggle_cells, direction=direction, refine="descendants", n_steps=5, n_replicates=2, copy=True
    )
    assert (adata.obsp["transitions"] != usual.obsp["transitions"]).nnz > 0
    np.testing.assert_allclose(np.asarray(adata.obsp["transitions"].sum(1)).ravel(), 1)
    assert adata.obs["landscape_start"].any()
    assert len(ls.get.ensemble(adata)) == 2


def test_an_unknown_refinement_is_refused(toggle_cells):
    with pytest.raises(ValueError, match="'populations', 'descendants', True, False or None, found 'cells'"):
        ls.tl.dynamics(toggle_cells, direction=ls.dynamics.from_time("time"), refine="cells")
