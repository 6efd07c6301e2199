"""The card of a finished run: published, carried by the next run, and on the command line."""

from __future__ import annotations

import pandas as pd
from anndata import read_h5ad
from typer.testing import CliRunner

from landscape._run import perturb_directory, run_directory
from landscape._run.genomic_code import code_directory
from landscape.cli import app
from tests.test_run_perturbations import SETTINGS, finished  # noqa: F401


def test_it_is_published_and_kept_by_the_next_run(finished):  # noqa: F811
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
