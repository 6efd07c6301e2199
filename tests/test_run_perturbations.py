"""Perturbations of a finished run: kept beside its stages, published, carried by the next run, dropped with the model."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from anndata import read_h5ad
from typer.testing import CliRunner

import landscape as ls
from landscape._files import read_json
from landscape._run import Settings, perturb_directory, run_directory
from landscape.cli import app

QUICK = {
    "dynamics": {"n_steps": 20, "n_replicates": 0},
    "network": {"n_bootstraps": 3},
    "attractors": {"n_starts": 50, "n_random": 10},
    "occupancy": {"n_particles": 100, "n_times": 5, "n_grid": 20},
}
SETTINGS = Settings(direction={"time_key": "time"}, label_key="fate", max_epochs=3, stages=QUICK)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a finished run on the toggle switch; read only."""
    folder = tmp_path_factory.mktemp("run")
    cells = ls.circuits.simulate(ls.circuits.toggle(), n_cells=400, n_targets=60, times=[0, 1, 2, 4, 7, 12])
    cells.write_h5ad(folder / "cells.h5ad")
    run_directory(folder / "cells.h5ad", folder / "out", settings=SETTINGS)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture(scope="module")
def gene(finished):
    return str(read_h5ad(finished / "out" / "landscape.h5ad").uns["landscape"]["dynamics"]["regulators"][0])


def test_it_is_computed_published_and_kept_by_the_next_run(folder, gene):
    out = folder / "out"
    table = perturb_directory(out, {gene: 0.0}, options={"n_particles": 100})["fates"]
    assert table["after"].sum() == pytest.approx(1.0)
    written = pd.read_csv(out / "tables" / f"perturbation_{gene}=0.csv", index_col=0)
    pd.testing.assert_frame_equal(written, table, check_names=False, check_dtype=False)
    assert list((out / "figures").glob("perturbation_*.png"))
    assert f"{gene}=0" in (out / "report.html").read_text()
    # The same run again has nothing to do, and loses nothing.
    events = []
    run_directory(folder / "cells.h5ad", out, settings=SETTINGS, observe=events.append)
    assert {event.status for event in events} == {"kept"}
    assert f"{gene}=0" in read_h5ad(out / "landscape.h5ad").uns["landscape"]["perturbations"]


def give_two_states(path):
    """Make the model of a run, whose few steps of fitting leave one state, a clear switch; returns the names of its states."""
    adata = read_h5ad(path)
    record = adata.uns["landscape"]["dynamics"]
    record["weights"] = np.array([[0.0, -8.0], [-8.0, 0.0]])
    for name, value in {
        "bias": 3.0,
        "ceiling": 0.5,
        "decay": 0.5,
        "threshold": 0.5,
        "hill": 4.0,
        "signal": 0.0,
    }.items():
        record[name] = np.full(2, value)
    record["diffusion"] = 0.002
    ls.tl.attractors(adata)
    ls.tl.basins(adata)
    adata.write_h5ad(path)
    return map(str, adata.uns["landscape"]["attractors"]["states"].index)


@pytest.mark.slow
def test_reprogramming_is_kept_beside_perturbations(folder, gene):
    out = folder / "out"
    source, target = give_two_states(out / "landscape.h5ad")
    perturb_directory(out, {gene: (0.0, 1.0)}, options={"n_particles": 100})
    result = CliRunner().invoke(app, ["reprogram", str(out), source, target, "--particles", "50"])
    assert result.exit_code == 0, result.output
    assert "of 1 gene" in result.output
    found = read_h5ad(out / "landscape.h5ad").uns["landscape"]
    assert {"perturbations", "reprogramming"} <= found.keys()
    written = pd.read_csv(out / "tables" / "reprogramming.csv")
    assert list(written["set"]) == list(found["reprogramming"][f"{source} to {target}"]["sets"].index)
    assert any("release" in path.name for path in (out / "tables").iterdir())
    run_directory(folder / "cells.h5ad", out, settings=SETTINGS)
    assert "reprogramming" in read_h5ad(out / "landscape.h5ad").uns["landscape"]


@pytest.mark.slow
def test_another_model_drops_the_perturbations_of_the_earlier_one(folder, gene, caplog):
    out = folder / "out"
    perturb_directory(out, {gene: 0.0}, options={"n_particles": 100})
    other = Settings(
        direction={"time_key": "time"}, label_key="fate", max_epochs=3, stages={**QUICK, "dynamics": {"n_steps": 21}}
    )
    run_directory(folder / "cells.h5ad", out, settings=other)
    assert "perturbations" not in read_h5ad(out / "landscape.h5ad").uns["landscape"]
    assert not list((out / "tables").glob("perturbation_*"))
    assert "perturbations of the earlier one are dropped" in caplog.text


@pytest.mark.slow
def test_from_the_command_line(folder, gene):
    out = folder / "out"
    result = CliRunner().invoke(app, ["perturb", str(out), f"{gene}=0", "--particles", "100", "--controls", "1"])
    assert result.exit_code == 0, result.output
    assert "rank" in result.output
    assert "total variation" in result.output
    assert "undifferentiated" in result.output
    assert read_json(out / "summary.json")["n_cells"] == 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["Gata1"], "Expected levels such as"), (["=0"], "Expected levels such as"), (["Nothing=0"], "Nothing")],
)
def test_what_cannot_be_is_refused_and_nothing_changes(folder, arguments, message):
    out = folder / "out"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    result = CliRunner().invoke(app, ["perturb", str(out), *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and p.name != ".lock"}


def test_a_folder_without_a_run_says_what_to_call(tmp_path):
    with pytest.raises(FileNotFoundError, match="landscape run"):
        perturb_directory(tmp_path, {"Gata1": 0.0})


@pytest.mark.slow
def test_a_screen_is_published_and_kept_beside_perturbations(folder, gene):
    out = folder / "out"
    perturb_directory(out, {gene: 0.0}, options={"n_particles": 100})
    result = CliRunner().invoke(app, ["screen", str(out), "--particles", "100", "--doses", "0"])
    assert result.exit_code == 0, result.output
    assert f"{gene}=0" in result.output
    assert (out / "tables" / "screen.csv").is_file()
    assert (out / "figures" / "screen.png").is_file()
    assert 'id="screen"' in (out / "report.html").read_text()
    run_directory(folder / "cells.h5ad", out, settings=SETTINGS)
    assert {"screen", "perturbations"} <= set(read_h5ad(out / "landscape.h5ad").uns["landscape"])
    refused = CliRunner().invoke(app, ["screen", str(out), "--lfsr", "0.05"])
    assert refused.exit_code == 2
    assert "at least 18 replicates" in refused.output
