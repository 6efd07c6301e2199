"""Effect of clamping a gene of the toggle switch, whose outcome is known: without one gene the other one wins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import landscape as ls

QUICK = {"n_particles": 200}


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
    assert fates["p_value"].isna().all()


def test_holding_a_gene_up_does_what_removing_its_rival_does(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    adata = ls.tl.perturb(ensemble, {gene: 1.0}, **QUICK, copy=True)
    found = result(adata, f"{gene}=1")
    assert found["fates"].loc[fate, "after"] > 0.95
    assert found["levels"].loc[gene, "inside"]


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


def test_controls_give_p_values(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    adata = ls.tl.perturb(ensemble, {gene: 0.0}, n_controls=1, **QUICK, copy=True)
    fates = result(adata, f"{gene}=0")["fates"]
    # One control, the other gene, with the opposite change: p = 2 / 2, or 1 / 2 if it changes less.
    assert set(fates["p_value"]) <= {0.5, 1.0}


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
        ({"GENE": 0.0}, {"cells": "fate=nowhere"}, ValueError, "nowhere"),
        ({"GENE": 0.0}, {"cells": ["no such cell"]}, KeyError, "no such cell"),
        ({"GENE": 0.0}, {"cells": np.zeros(3, dtype=bool)}, ValueError, "mask"),
        ({"GENE": 0.0}, {"duration": -1.0}, ValueError, "duration"),
        ({"GENE": 0.0}, {"n_particles": 0}, ValueError, "n_particles"),
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
