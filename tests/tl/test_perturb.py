"""Effect of clamping a gene of the toggle switch, whose outcome is known: without one gene the other one wins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import landscape as ls

QUICK = {"n_particles": 200, "n_controls": 0}


@pytest.fixture(scope="module")
def ensemble(toggle_cells):
    adata = toggle_cells.copy()
    ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), n_steps=60, n_replicates=4)
    ls.tl.attractors(adata, label_key="fate")
    ls.tl.basins(adata)
    ls.tl.fates(adata)
    ls.tl.occupancy(adata, n_particles=200, n_times=8, n_grid=30)
    return adata


@pytest.fixture(scope="module")
def genes(ensemble):
    """The two genes of the toggle, each with the fate in which it is on."""
    states = ensemble.uns["landscape"]["attractors"]["states"]
    names = list(ensemble.uns["landscape"]["dynamics"]["regulators"])
    return {gene: states[gene].idxmax() for gene in names}


def result(adata, key):
    return adata.uns["landscape"]["perturbations"][key]


def test_without_a_gene_its_fate_is_lost_and_the_other_one_gains(ensemble, genes):
    for gene, fate in genes.items():
        adata = ls.tl.perturb(ensemble, {gene: 0.0}, **QUICK, copy=True)
        found = result(adata, f"{gene}=0")
        other = next(name for name in genes.values() if name != fate)
        # With one gene at zero the other one has a single state, high: all trajectories end there.
        assert found["fates"].loc[other, "after"] > 0.95
        assert found["fates"].loc[fate, "after"] < 0.05
        assert found["attractors"].loc[fate, "status"] == "lost"
        assert found["attractors"].loc[fate, "becomes"] == other
        assert found["attractors"].loc[other, "status"] == "kept"
        assert found["states"][gene].abs().max() == 0.0


def test_shares_are_shares_and_intervals_hold_the_replicates(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    adata = ls.tl.perturb(ensemble, {gene: 0.0}, **QUICK, copy=True)
    fates = result(adata, f"{gene}=0")["fates"]
    np.testing.assert_allclose(fates[["before", "after"]].sum(), 1.0)
    np.testing.assert_allclose(fates["change"], fates["after"] - fates["before"])
    assert (fates["low"] <= fates["high"]).all()
    # Losing the fate entirely is the same in every replicate: the interval lies below zero.
    assert fates.loc[fate, "high"] < 0
    assert fates.loc[fate, "log_odds_high"] < 0
    # Four replicates that agree: 1 / 6 by the rule of succession.
    assert fates.loc[fate, "lfsr"] == pytest.approx(1 / 6)
    assert fates["rank"].isna().all()
    contrasts = result(adata, f"{gene}=0")["contrasts"].set_index(["fate", "against"])
    other = next(name for name in genes.values() if name != fate)
    (pair,) = [key for key in contrasts.index if set(key) == {fate, other}]
    sign = 1 if pair[0] == other else -1
    assert sign * contrasts.loc[pair, "log_odds"] > 0
    assert contrasts.loc[pair, "low"] * contrasts.loc[pair, "high"] > 0


def test_holding_a_gene_up_does_what_removing_its_rival_does(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    adata = ls.tl.perturb(ensemble, {gene: 1.0}, **QUICK, copy=True)
    found = result(adata, f"{gene}=1")
    assert found["fates"].loc[fate, "after"] > 0.95
    assert found["levels"].loc[gene, "inside"]


def test_a_pulse_says_whether_cells_stay(ensemble, genes, caplog):
    (gene, fate), (_, other) = genes.items()
    there = {"cells": f"basin={other}"}
    with caplog.at_level("INFO"):
        adata = ls.tl.perturb(ensemble, {gene: (1.0, 8.0)}, **QUICK, **there, copy=True)
    long = result(adata, f"{gene}=1 for 8")
    # A switch that has turned stays; the model after the release has both attractors.
    assert long["release"].loc[fate, ["held", "stay"]].tolist() == pytest.approx([1.0, 1.0], abs=0.05)
    assert long["fates"].loc[fate, "change"] > 0.9
    assert long["attractors"]["status"].tolist() == ["kept", "kept"]
    assert long["levels"].loc[gene, "time"] == 8.0
    assert "of the cells stay after the release" in caplog.text
    # A kick to the same level, from which the flow of the free model goes on.
    kick = ls.tl.perturb(ensemble, {gene: (1.0, 0.05)}, **QUICK, **there, copy=True)
    table, fates = (result(kick, f"{gene}=1 for 0.05")[name] for name in ("release", "fates"))
    assert table.loc[fate, "held"] > 0.9
    np.testing.assert_allclose(table["after"], fates["after"])
    assert 0 <= table.loc[fate, "stay_low"] <= table.loc[fate, "stay_high"] <= 1


def test_a_level_outside_of_the_data_is_flagged(ensemble, genes, caplog):
    gene = next(iter(genes))
    adata = ls.tl.perturb(ensemble, {gene: 5.0}, **QUICK, copy=True)
    assert not result(adata, f"{gene}=5")["levels"].loc[gene, "inside"]
    assert "extrapolation" in caplog.text


def test_a_read_out_cannot_act(ensemble, caplog):
    readout = next(g for g in ensemble.var_names if g not in ensemble.uns["landscape"]["dynamics"]["regulators"])
    adata = ls.tl.perturb(ensemble, {readout: 0.0}, **QUICK, copy=True)
    found = result(adata, f"{readout}=0")
    assert "read-out" in caplog.text
    assert not found["levels"].loc[readout, "acts"]
    # Both ensembles have the same noise, so that nothing changes.
    assert (found["fates"]["change"] == 0).all()
    assert (found["expression"]["change"] == 0).all()


def test_controls_describe(ensemble, genes):
    (gene, fate), (rival, other) = genes.items()
    adata = ls.tl.perturb(ensemble, {gene: 0.0}, n_particles=200, n_controls=1, copy=True)
    found = result(adata, f"{gene}=0")
    # One control, the other gene, without which the other fate is lost.
    assert list(found["controls"].index) == [f"{rival}=0"]
    assert found["controls"].loc[f"{rival}=0", fate] > 0 > found["controls"].loc[f"{rival}=0", other]
    assert set(found["fates"]["rank"]) <= {1.0, 2.0}
    assert found["params"]["n_controls"] == 1
    without = ls.tl.perturb(ensemble, {gene: 0.0}, **QUICK, copy=True)
    assert "controls" not in result(without, f"{gene}=0")


def test_the_unperturbed_shares_stand_beside_those_of_the_chain(ensemble, genes):
    gene = next(iter(genes))
    found = result(ls.tl.perturb(ensemble, {gene: 0.0}, **QUICK, copy=True), f"{gene}=0")
    start = ensemble.obs["landscape_start"].to_numpy(dtype=bool)
    chain = ensemble.obsm["fates"][start].mean()
    for fate in genes.values():
        assert found["agreement"].loc[fate, "chain"] == pytest.approx(chain[fate])
        assert found["agreement"].loc[fate, "model"] == pytest.approx(found["fates"].loc[fate, "before"])
    assert found["start_tv"] == pytest.approx(0.5 * found["agreement"]["difference"].abs().sum())


def test_a_model_that_disagrees_with_the_chain_is_used_with_a_warning(ensemble, genes, caplog):
    gene, adata = next(iter(genes)), ensemble.copy()
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK, max_disagreement=1.0)
    assert "end elsewhere in the model" not in caplog.text
    wrong = dict.fromkeys(adata.obsm["fates"].columns, 0.0) | {genes[gene]: 1.0}
    adata.obsm["fates"] = adata.obsm["fates"].assign(**wrong)
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    found = result(adata, f"{gene}=0")
    assert found["start_tv"] == pytest.approx(1 - found["fates"].loc[genes[gene], "before"])
    assert found["start_tv"] > 0.15
    assert f"{genes[gene]} {found['fates'].loc[genes[gene], 'before']:.2f} for 1.00" in caplog.text
    del adata.obsm["fates"]
    caplog.clear()
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    assert "unknown" in caplog.text
    assert np.isnan(result(adata, f"{gene}=0")["start_tv"])


def test_terminal_states_with_the_names_of_attractors_are_the_chain(ensemble, genes):
    import pandas as pd

    gene, adata = next(iter(genes)), ensemble.copy()
    names = [*genes.values(), "a fate without an attractor"]
    shares = pd.DataFrame([[0.3, 0.3, 0.4]] * adata.n_obs, index=adata.obs_names, columns=names)
    adata.obsm["terminal_fates"] = shares
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    table = result(adata, f"{gene}=0")["agreement"]
    assert table.loc["a fate without an attractor", ["model", "chain"]].tolist() == pytest.approx([0.0, 0.4])
    adata.obsm["terminal_fates"] = shares.set_axis(["1", "2", "3"], axis=1)
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    assert "a fate without an attractor" not in result(adata, f"{gene}=0")["agreement"].index


def test_without_replicates_it_says_so(ensemble, genes, caplog):
    gene, adata = next(iter(genes)), ensemble.copy()
    del adata.uns["landscape"]["ensemble"]
    ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    assert "no interval and no rate of sign errors" in caplog.text
    assert "n_replicates=18" in caplog.text
    fates = result(adata, f"{gene}=0")["fates"]
    assert fates[["low", "high", "log_odds_low", "log_odds_high", "lfsr"]].isna().all(axis=None)


def test_cells_can_be_chosen(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    late = (ensemble.obs["time"] == ensemble.obs["time"].max()) & (ensemble.obs["basin"] == fate)
    by_mask = ls.tl.perturb(ensemble, {gene: 0.0}, cells=late.to_numpy(), **QUICK, copy=True)
    by_name = ls.tl.perturb(ensemble, {gene: 0.0}, cells=list(ensemble.obs_names[late]), **QUICK, copy=True)
    key = f"{gene}=0"
    np.testing.assert_array_equal(result(by_mask, key)["fates"], result(by_name, key)["fates"])
    # These cells are in the valley of the gene's fate.
    assert result(by_mask, key)["fates"].loc[fate, "before"] > 0.9


def test_perturbations_add_up_and_survive_a_file(ensemble, genes, tmp_path):
    import anndata

    adata = ensemble.copy()
    for gene in genes:
        ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = anndata.read_h5ad(tmp_path / "a.h5ad")
    for gene in genes:
        kept = result(back, f"{gene}=0")
        np.testing.assert_array_equal(kept["fates"], result(adata, f"{gene}=0")["fates"])
        assert kept["occupancy"]["height"].shape == kept["occupancy"]["before"]["height"].shape


def test_all_perturbations_are_one_tidy_table(ensemble, genes):
    adata = ensemble.copy()
    with pytest.raises(KeyError, match=r"landscape\.tl\.perturb"):
        ls.get.perturbations(adata)
    for gene in genes:
        ls.tl.perturb(adata, {gene: 0.0}, **QUICK)
    table = ls.get.perturbations(adata)
    for gene, fate in genes.items():
        row = table[(table["perturbation"] == f"{gene}=0") & (table["fate"] == fate)].iloc[0]
        assert row["change"] == result(adata, f"{gene}=0")["fates"].loc[fate, "change"]
    pairs = ls.get.perturbations(adata, contrasts=True)
    assert list(pairs.columns) == ["perturbation", "fate", "against", "log_odds", "low", "high", "lfsr"]
    assert set(pairs["perturbation"]) == {f"{gene}=0" for gene in genes}


def test_the_same_seed_gives_the_same_answer(ensemble, genes):
    gene = next(iter(genes))
    a, b = (ls.tl.perturb(ensemble, {gene: 0.0}, **QUICK, rng=3, copy=True) for _ in range(2))
    np.testing.assert_array_equal(result(a, f"{gene}=0")["expression"], result(b, f"{gene}=0")["expression"])


def test_attractors_of_a_clear_switch_have_the_support_of_the_whole_ensemble(ensemble):
    assert (ensemble.uns["landscape"]["attractors"]["table"]["support"] == 1.0).all()
    record = ensemble.uns["landscape"]["ensemble"]
    assert record["weights"].shape == (4, 2, 2)
    assert record["weights"].std(0).max() > 0


@pytest.mark.parametrize(
    ("levels", "options", "error", "message"),
    [
        ({}, {}, ValueError, "levels by gene"),
        ({"Nothing": 0.0}, {}, KeyError, "Nothing"),
        ({"GENE": -1.0}, {}, ValueError, "at least 0"),
        ({"GENE": float("nan")}, {}, ValueError, "finite"),
        ({"GENE": (0.0, -2.0)}, {}, ValueError, "positive, finite time"),
        ({"GENE": 0.0}, {"cells": "fate=nowhere"}, ValueError, "nowhere"),
        ({"GENE": 0.0}, {"cells": ["no such cell"]}, KeyError, "no such cell"),
        ({"GENE": 0.0}, {"cells": np.zeros(3, dtype=bool)}, ValueError, "mask"),
        ({"GENE": 0.0}, {"duration": -1.0}, ValueError, "duration"),
        ({"GENE": 0.0}, {"n_particles": 0}, ValueError, "n_particles"),
        ({"GENE": 0.0}, {"max_disagreement": 1.5}, ValueError, "max_disagreement"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(ensemble, genes, levels, options, error, message):
    named = {next(iter(genes)) if gene == "GENE" else gene: level for gene, level in levels.items()}
    adata = ensemble.copy()
    with pytest.raises(error, match=message):
        ls.tl.perturb(adata, named, **options)
    assert "perturbations" not in adata.uns["landscape"]


def test_intervals_of_barriers_hold_what_the_replicates_say(ensemble):
    from landscape.topography import transition_network
    from landscape.topography.fixed_points.matching import match_attractors

    adata = ls.tl.barriers(ensemble, copy=True)
    table = adata.uns["landscape"]["barriers"]["table"]
    states = adata.uns["landscape"]["attractors"]["states"].to_numpy()
    heights = []
    for model in ls.get.ensemble(adata):
        held = match_attractors(model.drift, states)
        # The definition: an attractor of the replicate is where its own drift vanishes.
        assert np.abs(model(torch.as_tensor(held)).numpy()).max() < 1e-8
        heights.append(transition_network(model.drift, held, diffusion=model.diffusion, n_points=50).action[0, 1])
    assert table["n_replicates"].tolist() == [4, 4]
    first = table.iloc[0]
    assert first["low"] == pytest.approx(np.quantile(heights, 0.05), rel=1e-3)
    assert first["high"] == pytest.approx(np.quantile(heights, 0.95), rel=1e-3)
