"""A screen of the toggle switch from cells, against single calls of `tl.perturb`, in files and figures, and what it refuses."""

from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import landscape as ls

QUICK = {"n_particles": 400, "n_doses": 0}


@pytest.fixture(scope="module")
def ensemble(toggle_cells):
    adata = toggle_cells.copy()
    ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), n_steps=60, n_replicates=4)
    ls.tl.attractors(adata, label_key="fate")
    ls.tl.basins(adata)
    ls.tl.fates(adata)
    return adata


@pytest.fixture(scope="module")
def screened(ensemble):
    return ls.tl.screen(ensemble, order=2, top=2, edges=1, n_doses=1, n_particles=400, copy=True)


@pytest.fixture(scope="module")
def genes(ensemble):
    states = ensemble.uns["landscape"]["attractors"]["states"]
    return {gene: str(states[gene].idxmax()) for gene in ensemble.uns["landscape"]["dynamics"]["regulators"]}


def test_it_says_what_single_calls_say(ensemble, screened, genes):
    table = ls.get.screen(screened, order=1).set_index(["perturbation", "fate"])
    for gene, fate in genes.items():
        adata = ls.tl.perturb(ensemble, {gene: 0.0}, n_particles=400, n_controls=0, copy=True)
        single = adata.uns["landscape"]["perturbations"][f"{gene}=0"]["fates"].loc[fate]
        row = table.loc[(f"{gene}=0", fate)]
        # The same start, other noise: four standard errors of a share of 400 paths that are not more than .5 apart.
        assert abs(row["after"] - single["after"]) <= 4 * 0.5 / 400**0.5
        assert row["lfsr"] == pytest.approx(single["lfsr"])
        assert row["change"] < 0
        other = next(name for name in genes.values() if name != fate)
        assert row["becomes"] == other
        assert screened.uns["landscape"]["screen"]["attractors"].loc[f"{gene}=0", fate] == other


def test_it_writes_its_own_key_and_survives_a_file(screened, tmp_path):
    record = screened.uns["landscape"]["screen"]
    assert set(record) == {"table", "perturbations", "attractors", "doses", "critical", "start_tv", "params"}
    screened.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad")
    pd.testing.assert_frame_equal(ls.get.screen(back), ls.get.screen(screened), check_dtype=False)
    for kind in ("heatmap", "volcano", "dose", "epistasis"):
        ls.pl.screen(back, kind=kind, show=False, return_fig=True)
        plt.close("all")


def test_doses_lead_from_one_valley_to_the_other(screened, genes):
    critical = ls.get.screen(screened, table="critical")
    doses = ls.get.screen(screened, table="doses")
    (gene,) = critical["gene"].unique()
    lost = critical[(critical["attractor"] == genes[gene]) & (critical["way"] == "lower")].iloc[0]
    # The other gene has one state at each level of the held one: the valley moves into the other without a fold.
    assert lost["kind"] == "none"
    assert np.isnan(lost["critical_level"])
    assert lost["becomes"] != genes[gene]
    kept = critical[(critical["attractor"] == genes[gene]) & (critical["way"] == "higher")]
    assert (kept["becomes"] == genes[gene]).all()
    own = doses[doses["fate"] == genes[gene]].sort_values("level_1")
    assert own["after"].iloc[0] == 0
    assert own["after"].iloc[-1] > 0.9


def test_an_edge_is_a_perturbation(ensemble, genes, caplog):
    first, second = genes
    adata = ls.tl.perturb(ensemble, {(first, second): 0.0}, n_particles=200, copy=True)
    found = adata.uns["landscape"]["perturbations"][f"{first}->{second}=0"]
    # Without its repressor the target wins.
    assert found["fates"].loc[genes[second], "change"] > 0
    assert "controls" not in found
    assert list(found["levels"].index) == [f"{first}->{second}"]
    screen = ls.tl.screen(ensemble, genes=[first], edges=[(first, second)], **QUICK, copy=True)
    assert set(ls.get.screen(screen, table="perturbations")["kind"]) == {"knock-out", "over-expression", "edge"}


def test_predicted_pairs_are_sums_of_log_odds(screened):
    found = ls.get.screen(screened, predicted=True)
    single = found[~found["predicted"] & (found["kind"] != "double")].set_index(["perturbation", "fate"])["log_odds"]
    rows = found[found["predicted"]]
    assert len(rows)
    for _, row in rows.iterrows():
        one, other = row["perturbation"].split(", ")
        assert row["log_odds"] == pytest.approx(single[one, row["fate"]] + single[other, row["fate"]])
    simulated = set(found.loc[~found["predicted"], "perturbation"])
    assert not simulated & set(rows["perturbation"])


def test_cells_of_a_subset(ensemble, genes):
    gene, fate = next(iter(genes.items()))
    adata = ls.tl.screen(ensemble, genes=[gene], cells=f"basin={fate}", **QUICK, copy=True)
    row = ls.get.screen(adata, fate=fate).set_index("perturbation").loc[f"{gene}=0"]
    assert row["before"] > 0.9
    assert row["after"] == 0
    assert adata.uns["landscape"]["screen"]["params"]["cells"] == f"basin={fate}"


def test_what_is_asked_in_vain_is_refused_before_anything_runs(ensemble, screened, genes, monkeypatch):
    monkeypatch.setattr("landscape.tl._screen.run_with_progress", lambda *_, **__: pytest.fail("it ran"))
    readout = next(name for name in ensemble.var_names if name not in genes)
    for options, error, text in (
        ({"lfsr": 0.05}, ValueError, "at least 18 replicates of the model for an lfsr of 0.05, found 4"),
        ({"genes": [readout]}, ValueError, "cannot act"),
        ({"genes": []}, ValueError, "at least one gene"),
        ({"levels": (-0.5,)}, ValueError, "at least 0"),
        ({"order": 3}, ValueError, "`order`"),
        ({"top": 0}, ValueError, "`top`"),
        ({"precision": 0.0}, ValueError, "`precision`"),
        ({"edges": -1}, ValueError, "`edges`"),
        ({"edges": [("a", "b")]}, ValueError, "pairs of regulators"),
        ({"n_particles": 0}, ValueError, "`n_particles`"),
        ({"cells": "basin=nowhere"}, ValueError, "found none"),
    ):
        with pytest.raises(error, match=text):
            ls.tl.screen(ensemble, **{**QUICK, **options})
    with pytest.raises(KeyError, match=r"run `landscape.tl.screen"):
        ls.get.screen(ensemble)
    for options, text in (
        ({"gene": "nobody"}, "`gene`"),
        ({"fate": "nowhere"}, "`fate`"),
        ({"table": "what"}, "`table`"),
        ({"lfsr": 0.01}, "at least 98 replicates"),
    ):
        with pytest.raises(ValueError, match=text):
            ls.get.screen(screened, **options)


def test_figures_draw_what_the_tables_say(screened, genes):
    figure = ls.pl.screen(screened, return_fig=True)
    values = next(c for c in figure.axes[0].collections if c.get_gid() == "changes").get_array()
    single = ls.get.screen(screened, order=1)
    assert np.sort(np.asarray(values).ravel()) == pytest.approx(np.sort(single["change"].to_numpy()))
    figure = ls.pl.screen(screened, kind="dose", return_fig=True)
    lines = [line for line in figure.axes[0].lines if line.get_gid() == "critical"]
    critical = ls.get.screen(screened, table="critical")["critical_level"].dropna()
    assert sorted(line.get_xdata()[0] for line in lines) == pytest.approx(sorted(critical))
    plt.close("all")
    with pytest.raises(ValueError, match="`kind`"):
        ls.pl.screen(screened, kind="pie")
    with pytest.raises(ValueError, match="`fates`"):
        ls.pl.screen(screened, fates=["nowhere"])
