"""The card of a finished run: published, carried by the next run, and on the command line."""

from __future__ import annotations

import pandas as pd
import pytest
from anndata import read_h5ad
from typer.testing import CliRunner

import landscape as ls
from landscape._run import Settings, perturb_directory, run_directory
from landscape._run.genomic_code import code_directory
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
    folder = tmp_path_factory.mktemp("run")
    cells = ls.circuits.simulate(ls.circuits.toggle(), n_cells=400, n_targets=60, times=[0, 1, 2, 4, 7, 12])
    cells.write_h5ad(folder / "cells.h5ad")
    run_directory(folder / "cells.h5ad", folder / "out", settings=SETTINGS)
    return folder


def test_it_is_published_and_kept_by_the_next_run(finished):
    out = finished / "out"
    card = code_directory(out, options={"assays": ["energy", "hierarchy"]})
    written = pd.read_csv(out / "tables" / "genomic_code.csv", index_col=0)
    assert written["verdict"].tolist() == card["verdict"].tolist()
    assert (out / "figures" / "genomic_code.png").is_file()
    assert "The genomic code" in (out / "report.html").read_text()
    events = []
    run_directory(finished / "cells.h5ad", out, settings=SETTINGS, observe=events.append)
    assert {event.status for event in events} == {"kept"}
    gene = str(read_h5ad(out / "landscape.h5ad").uns["landscape"]["dynamics"]["regulators"][0])
    perturb_directory(out, {gene: 0.0}, options={"n_particles": 50})
    run_directory(finished / "cells.h5ad", out, settings=SETTINGS, observe=events.append)
    assert {event.status for event in events} == {"kept"}
    results = read_h5ad(out / "landscape.h5ad").uns["landscape"]
    assert {"genomic_code", "perturbations"} <= set(results)
    assert not (out / ".stages" / "genomic_code.json").exists()


def test_the_command_line_needs_a_finished_run(tmp_path):
    found = CliRunner().invoke(app, ["code", str(tmp_path)])
    assert found.exit_code == 2
    assert "finished run" in found.output
