"""A run of several models: in memory and into a folder, kept, resumed, and unlike a run of one only by what it adds."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import landscape as ls
from landscape._files import read_json
from landscape._run import Settings, perturb_directory, run_directory
from landscape._run.options import check_options
from landscape._run.plan import settle
from landscape._run.settings import MAX_SEED, from_mapping
from landscape.cli import app
from tests.test_run import cells, contents, fake, settings, source  # noqa: F401

# Real stages in a few seconds.
QUICK = {
    "latent": {"n_latent": 4},
    "network": {"n_bootstraps": 3},
    "dynamics": {"n_steps": 100, "n_replicates": 0},
    "attractors": {"n_starts": 50, "n_random": 10},
    "occupancy": {"n_particles": 100, "n_times": 5, "n_grid": 20},
}
CHOSEN = {"max_epochs": 10, "label_key": "fate", "rng": 3}


@pytest.fixture(scope="module")
def toggle() -> ad.AnnData:
    return ls.circuits.simulate(ls.circuits.toggle(), n_cells=400, n_targets=60, times=[0, 1, 2, 4, 7, 12])


def in_memory(toggle: ad.AnnData, **changes) -> ad.AnnData:
    adata = toggle.copy()
    ls.run(adata, direction=ls.dynamics.from_time("time"), stages_options=QUICK, **{**CHOSEN, **changes})
    return adata


@pytest.fixture(scope="module")
def both(toggle) -> ad.AnnData:
    """Two models of the toggle switch, with the seeds 3 and 4; read only."""
    return in_memory(toggle, n_models=2)


def the_same(one: ad.AnnData, other: ad.AnnData) -> None:
    """Equal results, also of the consensus, but for what a run says of itself."""
    pd.testing.assert_frame_equal(one.obs, other.obs, check_dtype=False, check_categorical=False)
    assert one.obsm.keys() == other.obsm.keys()
    for key in one.obsm:
        np.testing.assert_array_equal(np.asarray(one.obsm[key]), np.asarray(other.obsm[key]))
    results = [adata.uns["landscape"] for adata in (one, other)]
    assert results[0].keys() == results[1].keys()
    for key in ("attractors", "consensus"):
        if key in results[0]:
            pd.testing.assert_frame_equal(results[0][key]["table"], results[1][key]["table"], check_dtype=False)


def test_models_are_runs_of_the_next_seeds_and_their_consensus(toggle, both):
    runs = [in_memory(toggle, rng=seed) for seed in (3, 4)]
    expected = toggle.copy()
    ls.tl.consensus(expected, models=runs)
    for part in ("attractors", "members", "levels", "variance", "terminal_states"):
        found = [ls.get.consensus(adata, part=part) for adata in (both, expected)]
        pd.testing.assert_frame_equal(*found)
    for key in ("basin_consensus", "agreement"):
        pd.testing.assert_series_equal(both.obs[key], expected.obs[key])
    for key in ("consensus_fates", "consensus_terminal_fates"):
        np.testing.assert_array_equal(both.obsm[key], expected.obsm[key])
    # Everything else is of the first model, bit for bit.
    rest = both.copy()
    del rest.obs["basin_consensus"], rest.obs["agreement"]
    del rest.obsm["consensus_fates"], rest.obsm["consensus_terminal_fates"], rest.uns["landscape"]["consensus"]
    the_same(rest, runs[0])
    # Labels name the attractors of every model.
    labels = set(toggle.obs["fate"].astype(str))
    for name in ls.get.consensus(both, part="members").set_index("attractor").to_numpy().ravel():
        assert not name or any(str(name).startswith(label) for label in labels)


def test_a_folder_gives_what_memory_gives_and_shows_it(toggle, both, tmp_path):
    toggle.write_h5ad(tmp_path / "cells.h5ad")
    chosen = Settings(direction={"time_key": "time"}, label_key="fate", max_epochs=10, seed=3, n_models=2, stages=QUICK)
    out, events = tmp_path / "out", []
    summary = run_directory(tmp_path / "cells.h5ad", out, settings=chosen, observe=events.append)
    found = ad.read_h5ad(out / "landscape.h5ad")
    the_same(found, both)
    table = ls.get.consensus(both).set_index("attractor")
    told = summary["consensus"]
    assert told["n_models"] == 2
    assert {one["name"]: one["persistence"] for one in told["attractors"]} == table["persistence"].to_dict()
    assert told["decided"] == pytest.approx((both.obs["basin_consensus"] != "undecided").mean())
    assert told["agreement"] == pytest.approx(both.obs["agreement"].mean())
    assert (out / "figures" / "consensus.png").stat().st_size > 10_000
    assert list(pd.read_csv(out / "tables" / "consensus.csv", index_col=0).index) == list(table.index)
    assert "Consensus over models" in (out / "report.html").read_text()
    # Progress counts the stages of all models, and their times are in the summary.
    names = [event.stage for event in events if event.status == "done"]
    assert [event.number for event in events if event.status == "done"] == list(range(1, len(names) + 1))
    assert {event.total for event in events} == {len(names)}
    at = [names.index(name) for name in ("fates", "model_2/latent", "model_2/fates", "consensus", "occupancy")]
    assert at == sorted(at)
    assert {"model_2/dynamics", "consensus"} <= summary["seconds"].keys()
    # A perturbation of the first model, and a second run, change nothing of it.
    gene = str(found.uns["landscape"]["dynamics"]["regulators"][0])
    perturb_directory(out, {gene: 0.0}, options={"n_particles": 50})
    assert read_json(out / "summary.json")["consensus"] == told
    events.clear()
    run_directory(tmp_path / "cells.h5ad", out, settings=chosen, observe=events.append)
    assert {event.status for event in events} == {"kept"}


def test_another_number_of_models_keeps_those_that_are_there(fake, source, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    one = run_directory(source, out, settings=settings())
    assert one["consensus"] is None
    alone = contents(out)
    first = ["genes", "embedding", "wells", "fates"]
    assert first == fake.CALLS
    for n_models, called in ((2, first[1:]), (3, first[1:]), (2, [])):
        fake.CALLS.clear()
        found = run_directory(source, out, settings=settings(n_models=n_models))["consensus"]
        assert called == fake.CALLS
        assert found["n_models"] == n_models
    # Fates by chance, with one seed for each model, agree in nothing.
    assert found["agreement"] == 0
    assert {one["persistence"] for one in found["attractors"]} == {0.5}
    run_directory(source, out, settings=settings())
    assert contents(out) == alone


def test_a_change_of_one_model_makes_the_consensus_again(fake, source, tmp_path):  # noqa: F811
    out, events = tmp_path / "out", []
    run_directory(source, out, settings=settings(n_models=3))
    before = contents(out)
    (out / ".stages" / "model_3" / "attractors" / "delta.h5ad").unlink()
    run_directory(source, out, settings=settings(n_models=3), observe=events.append)
    assert [e.stage for e in events if e.status == "done"] == ["model_3/attractors"]
    assert contents(out) == before
    events.clear()
    run_directory(source, out, settings=settings(n_models=3, seed=1), observe=events.append)
    done = [event.stage for event in events if event.status == "done"]
    assert done[-2:] == ["consensus", "results"]
    assert "genes" not in done


def test_a_run_killed_at_any_moment_ends_as_an_undisturbed_one(fake, source, tmp_path, monkeypatch):  # noqa: F811
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    chosen = settings(n_models=3)
    run_directory(source, fresh, settings=chosen)
    monkeypatch.setattr(fake, "PAUSE", 0.05)
    for kept in ("model_2/latent_like", "model_2/fates", "model_3/attractors"):
        process = multiprocessing.get_context("fork").Process(
            target=run_directory, args=(source, out), kwargs={"settings": chosen}
        )
        process.start()
        while process.is_alive() and not complete(out / ".stages" / kept):
            time.sleep(0.001)
        process.kill()
        process.join()
    run_directory(source, out, settings=chosen)
    assert contents(out) == contents(fresh)
    for name in ("consensus", "model_2/fates", "model_3/fates"):
        one, other = (ad.read_h5ad(folder / ".stages" / name / "delta.h5ad") for folder in (fresh, out))
        assert one.obsm.keys() == other.obsm.keys()
        for key in one.obsm:
            assert np.asarray(one.obsm[key]).tobytes() == np.asarray(other.obsm[key]).tobytes()


def complete(folder: Path) -> bool:
    try:
        return bool(read_json(folder / "stage.json")["status"] == "complete")
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("without", [(1,), (2,), (1, 2, 3)])
def test_terminal_states_are_in_the_consensus_if_all_models_have_them(fake, cells, monkeypatch, caplog, without):  # noqa: F811
    fates = fake.fates

    def some(work):
        fates(work)
        if work.plan.seed + 1 not in without:
            work.current.obsm["terminal_fates"] = work.current.obsm["fates"].copy()

    monkeypatch.setattr(fake, "fates", some)
    ls.run(cells, n_top_genes=8, n_models=3)
    assert "consensus_terminal_fates" not in cells.obsm
    assert "consensus_fates" in cells.obsm
    assert ("terminal_fates" in cells.obsm) == (1 not in without)
    said = f"the consensus has no terminal states: models {list(without)} of 3 have none"
    assert (said in caplog.text) == (len(without) < 3)


def test_the_report_says_which_model_a_warning_is_of(fake, cells, monkeypatch):  # noqa: F811
    import logging

    fates = fake.fates

    def warn(work):
        fates(work)
        logging.getLogger("landscape").warning("in all")
        if work.plan.seed == 1:
            logging.getLogger("landscape").warning("in one")

    monkeypatch.setattr(fake, "fates", warn)
    ls.run(cells, n_top_genes=8, n_models=2)
    warnings = list(cells.uns["landscape"]["run"]["warnings"])
    assert warnings.count("in all") == 1
    assert "model 2: in one" in warnings
    assert "model 2: in all" not in warnings


@pytest.mark.parametrize("n_models", [0, -1, 1.5, True, "2"])
def test_a_number_of_models_below_one_is_refused(cells, n_models):  # noqa: F811
    with pytest.raises(ValueError, match="`n_models` to be an integer of at least 1"):
        ls.run(cells, n_models=n_models)
    assert "landscape" not in cells.uns


def test_settings_that_do_not_fit_several_models_are_refused(cells):  # noqa: F811
    with pytest.raises(ValueError, match="for each of 2 models"):
        from_mapping({"n_models": 2, "seed": MAX_SEED})
    with pytest.raises(ValueError, match="`n_models` of at least 2 with keywords of the stage 'consensus'"):
        from_mapping({"stages": {"consensus": {"by": "basin"}}})
    for options, message in (
        ({"kept": 1.5}, "`kept` of the stage 'consensus' from 0 to 1, found 1.5"),
        ({"by": "cells"}, "`by` of the stage 'consensus'"),
        ({"models": 3}, "use the setting 'n_models' of the run"),
        ({"keep": 0.5}, "did you mean 'kept'"),
    ):
        plan = settle(cells, from_mapping({"n_models": 2, "stages": {"consensus": options}}))
        with pytest.raises(ValueError, match=message):
            check_options(plan)


def test_the_command_line_prints_the_consensus(fake, source, tmp_path):  # noqa: F811
    call = ["run", str(source), "--out", str(tmp_path / "out"), "--n-models", "2"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    assert "consensus of 2 models: " in result.output
    assert "% of cells decided, agreement 0." in result.output
    result = CliRunner().invoke(app, [*call[:-1], "0"])
    assert result.exit_code == 2
