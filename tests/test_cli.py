from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from typer.testing import CliRunner

from landscape.cli import app

FAKE = Path(__file__).with_name("fake_stages.py")
runner = CliRunner()


@pytest.fixture
def fake(monkeypatch):
    spec = importlib.util.spec_from_file_location("landscape_fake_stages", FAKE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.install(monkeypatch.setattr)
    return module


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(90.0, (60, 12)).astype(np.float32))
    return ad.AnnData(
        counts,
        obs=pd.DataFrame({"day": np.tile([1, 2], 30)}, index=[f"cell{i}" for i in range(60)]),
        var=pd.DataFrame({"regulator": np.arange(12) < 4}, index=[f"Gene{i}" for i in range(12)]),
        layers={"counts": counts.copy()},
    )


@pytest.fixture
def source(cells, tmp_path):
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    return path


def call(*args, code=0):
    result = runner.invoke(app, [str(a) for a in args])
    assert result.exit_code == code, result.output
    return result


def test_help_names_the_commands_and_loads_nothing_heavy():
    code = (
        "import sys, landscape.cli\n"
        "heavy = {'torch', 'scanpy', 'scvi', 'anndata', 'matplotlib', 'numpy', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    done = subprocess.run([sys.executable, "-m", "landscape.cli", "--help"], check=True, capture_output=True, text=True)
    for name in ("demo", "run", "report", "check", "datasets"):
        assert name in done.stdout


def test_version():
    import landscape

    assert call("--version").stdout.strip() == landscape.__version__


def test_run_then_report(fake, source, tmp_path):
    out = tmp_path / "out"
    result = call("run", source, "--out", out, "--n-top-genes", 8)
    assert "direction: real time points in obs['day'], found in the data" in result.stderr
    assert "[1/5] genes ..." in result.stderr
    assert "attractors: left, right" in result.stdout
    (out / "report.html").unlink()
    assert str(out / "report.html") in call("report", out).stdout
    assert (out / "report.html").read_text().rstrip().endswith("</html>")
    assert "kept from the last run" in call("run", source, "--out", out, "--n-top-genes", 8).stderr


def test_a_run_names_the_terminal_states_beside_the_attractors(source, tmp_path, monkeypatch):
    from landscape._run import directory

    found = {
        "attractors": [{"name": "left"}],
        "terminal_states": [{"name": "up"}, {"name": "down"}],
        "identifiability": "C",
        "supported": True,
    }
    counts = {"n_cells": 3, "n_edges": 2, "n_regulators": 1}
    monkeypatch.setattr(directory, "run_directory", lambda *_, **__: {**found, **counts})
    assert "attractors: left\nterminal states of the chain: up, down\n" in call("run", source, "--out", tmp_path).stdout


def test_a_run_says_first_that_no_landscape_is_supported(source, tmp_path, monkeypatch):
    from landscape._run import directory

    found = {"attractors": None, "identifiability": "none", "supported": False, "reasons": ["a test: 0.2", "no edge"]}
    counts = {"n_cells": 3, "n_edges": 0, "n_regulators": 1}
    monkeypatch.setattr(directory, "run_directory", lambda *_, **__: {**found, **counts})
    lines = call("run", source, "--out", tmp_path).stdout.splitlines()
    assert lines[0] == "no landscape supported: a test: 0.2; no edge"
    assert "identifiability: none" in lines


def test_options_win_over_the_file(fake, source, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("n_top_genes: 8\nseed: 3\n")
    call("run", source, "--out", tmp_path / "out", "--config", config, "--seed", 4)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["seed"] == 4
    settings = json.loads((tmp_path / "out" / ".stages" / "genes" / "stage.json").read_text())
    assert settings["params"]["n_top_genes"] == 8


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--time-key", "hour"], "obs['hour']"),
        (["--config", "none.yaml"], "No configuration file"),
        (["--layer", "raw"], "layers['raw']"),
        (["--root", "nobody"], "No cell is named 'nobody'"),
    ],
)
def test_errors_of_the_user_are_one_message_and_code_2(fake, source, tmp_path, args, message):
    result = call("run", source, "--out", tmp_path / "out", *args, code=2)
    assert message in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in result.output
    debugged = runner.invoke(app, ["run", str(source), "--out", str(tmp_path / "out"), *args, "--debug"])
    assert debugged.exception is not None
    assert not isinstance(debugged.exception, SystemExit)


def test_damaged_and_missing_files_are_named(tmp_path, source):
    path = tmp_path / "bad.h5ad"
    path.write_bytes(source.read_bytes()[:3000])
    assert "is damaged" in call("check", path, code=2).stderr
    assert "is damaged" in call("run", path, "--out", tmp_path / "out", code=2).stderr
    assert "No file at" in call("check", tmp_path / "none.h5ad", code=2).stderr


def test_failures_that_are_not_the_users_end_with_code_1(fake, source, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        msg = "out of paper"
        raise RuntimeError(msg)

    monkeypatch.setattr("landscape._run.results.publish", broken)
    result = call("run", source, "--out", tmp_path / "out", "--n-top-genes", 8, code=1)
    assert "out of paper" in result.stderr
    assert "not a mistake in your input" in result.stderr


def test_check_says_what_there_is(source):
    result = call("check", source)
    for words in ("60 cells x 12 genes", "--time-key day", "regulators: 4", "ready for `landscape run`"):
        assert words in result.stdout


def test_check_names_errors_and_ends_with_code_1(cells, tmp_path):
    cells.layers["counts"] = cells.layers["counts"] * 0.3
    cells.write_h5ad(tmp_path / "bad.h5ad")
    result = call("check", tmp_path / "bad.h5ad", code=1)
    assert "ERROR: Expected non-negative integer counts in `adata.layers['counts']`" in result.stdout
    assert "fix: --layer X" in result.stdout
    assert result.stdout.rstrip().endswith("not ready: 1 error")


def test_report_needs_a_finished_run(tmp_path):
    assert "holds no finished run" in call("report", tmp_path, code=2).stderr


def test_data_sets_are_listed_and_unknown_ones_refused(tmp_path):
    assert "paul15" in call("datasets").stdout
    assert "No data set is called 'nothing'" in call("datasets", "nothing", code=2).stderr
    (tmp_path / "x.h5ad").write_text("precious")
    assert "--force" in call("datasets", "hematopoiesis", "--out", tmp_path / "x.h5ad", code=2).stderr
    assert (tmp_path / "x.h5ad").read_text() == "precious"


def test_the_list_of_commands_says_whole_sentences():
    listed = call("--help").stdout
    assert "..." not in listed.split("Commands")[1]
    assert "from the counts" in " ".join(listed.split())
