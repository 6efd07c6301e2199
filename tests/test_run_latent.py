"""The latent stage of a run: it goes on after a kill, and is done again where another version wrote its files."""

from __future__ import annotations

import json
import logging
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import landscape as ls
from landscape._run import directory
from landscape._run.directory import run_directory
from landscape._run.settings import from_mapping
from landscape._run.stages import Stage, stages
from landscape.latent import storage
from landscape.latent.checkpoint import Checkpoint

# No early stopping, so that the number of epochs is known.
CHOSEN = from_mapping(
    {"max_epochs": 24, "threads": 1, "stages": {"latent": {"early_stopping": False, "checkpoint_every": 5}}}
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "cells.h5ad"
    ls.datasets.hematopoiesis(n_cells=200, n_targets=30, n_housekeeping=20).write_h5ad(path)
    return path


def two_stages() -> tuple[Stage, ...]:
    """Genes and latent variables."""
    return tuple(stage for stage in stages() if stage.name in ("genes", "latent"))


@pytest.fixture(autouse=True)
def _two_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Genes and latent variables only: what comes after them takes its time and is tested elsewhere."""
    monkeypatch.setattr(directory, "stages", two_stages)


def latent(out: Path) -> np.ndarray:
    return ad.read_h5ad(out / "landscape.h5ad").obsm["X_latent"]


def interrupt(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let the n-th writing of a checkpoint be the last thing that a fit does."""
    save = Checkpoint.save
    written = []

    def once(self, *args):
        save(self, *args)
        written.append(1)
        if len(written) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", once)


def test_a_fit_goes_on_from_its_last_checkpoint(source, tmp_path, monkeypatch, caplog):
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    run_directory(source, fresh, settings=CHOSEN)
    with monkeypatch.context() as patch:
        interrupt(patch, after=3)
        with pytest.raises(KeyboardInterrupt):
            run_directory(source, out, settings=CHOSEN)
    assert (out / ".stages" / "latent" / "checkpoint" / "model.json").is_file()
    with caplog.at_level(logging.INFO, logger="landscape"):
        run_directory(source, out, settings=CHOSEN)
    assert "resumed after epoch 14" in caplog.text
    np.testing.assert_array_equal(latent(out), latent(fresh))
    model = ls.latent.LatentModel.load(out / "model")
    assert list(model.history.index) == list(range(24))
    assert not list(out.rglob("checkpoint*"))
    outputs = json.loads((out / ".stages" / "latent" / "stage.json").read_text())["outputs"]
    assert not [name for name in outputs if "checkpoint" in name]


def test_a_killed_process_loses_no_more_than_since_its_checkpoint(source, tmp_path, caplog):
    fresh, out = tmp_path / "fresh", tmp_path / "out"
    run_directory(source, fresh, settings=CHOSEN)
    process = multiprocessing.get_context("fork").Process(
        target=run_directory, args=(source, out), kwargs={"settings": CHOSEN}
    )
    process.start()
    while not (out / ".stages" / "latent" / "checkpoint" / "model.json").exists() and process.is_alive():
        time.sleep(0.001)
    process.kill()
    process.join()
    with caplog.at_level(logging.INFO, logger="landscape"):
        run_directory(source, out, settings=CHOSEN)
    assert "resumed after epoch" in caplog.text
    np.testing.assert_array_equal(latent(out), latent(fresh))


@pytest.mark.parametrize("change", ["other settings", "damage"])
def test_a_checkpoint_that_is_of_no_use_starts_the_fit_anew(source, tmp_path, monkeypatch, caplog, change):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    with monkeypatch.context() as patch:
        interrupt(patch, after=2)
        with pytest.raises(KeyboardInterrupt):
            run_directory(source, out, settings=CHOSEN)
    kept = out / ".stages" / "latent" / "checkpoint"
    settings = CHOSEN
    if change == "damage":
        weights = next(kept.glob("weights-*"))
        weights.write_bytes(weights.read_bytes()[:-9])
    else:  # another key of the stage: the checkpoint is removed unread
        settings = replace(CHOSEN, max_epochs=12)
    with caplog.at_level(logging.INFO, logger="landscape"):
        run_directory(source, out, settings=settings)
    assert ("fitted from the start, since its checkpoint cannot be used" in caplog.text) == (change == "damage")
    assert "resumed" not in caplog.text
    run_directory(source, fresh, settings=settings)
    np.testing.assert_array_equal(latent(out), latent(fresh))
    assert not kept.exists()


def test_a_setting_that_is_wrong_stays_an_error(source, tmp_path):
    wrong = replace(CHOSEN, stages={"latent": {"validation_size": 0.9}})
    for _ in range(2):
        with pytest.raises(ValueError, match=r"`validation_size` in \[0, 0.5\]"):
            run_directory(source, tmp_path / "out", settings=wrong)


def test_a_model_of_an_earlier_version_is_fitted_again(source, tmp_path, monkeypatch, caplog):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:  # as versions did that did not write the schema down
        patch.setattr(storage, "SCHEMA", "landscape.latent/1")
        patch.setattr(directory, "stages", lambda: tuple(replace(stage, schema=None) for stage in two_stages()))
        run_directory(source, out, settings=CHOSEN)
    expected = latent(out)
    with pytest.raises(storage.OtherVersionError):
        ls.latent.LatentModel.load(out / "model")
    seen = []
    with caplog.at_level(logging.WARNING, logger="landscape"):
        run_directory(source, out, settings=CHOSEN, observe=seen.append)
    assert "the stage 'latent' and those after it are repeated" in caplog.text
    done = {event.stage: event.status for event in seen}
    assert done == {"genes": "kept", "latent": "done", "results": "done"}
    np.testing.assert_array_equal(latent(out), expected)
    assert ls.latent.LatentModel.load(out / "model").is_trained
    caplog.clear()
    run_directory(source, out, settings=CHOSEN)
    assert "done again" not in caplog.text


def test_stages_after_the_latent_one_follow_its_schema(source, tmp_path, monkeypatch):
    def follow(work):
        work.current.obs["follows"] = 1.0

    after = Stage("follow", ("latent",), (), follow, follow)
    monkeypatch.setattr(directory, "stages", lambda: (*two_stages(), after))
    found = []
    for schema in ("landscape.latent/2", "landscape.latent/3", "landscape.latent/3"):
        monkeypatch.setattr(storage, "SCHEMA", schema)
        seen = []
        run_directory(source, tmp_path / "out", settings=CHOSEN, observe=seen.append)
        found.append({event.stage: event.status for event in seen if event.stage != "results"})
    assert found[1] == {"genes": "kept", "latent": "done", "follow": "done"}
    assert set(found[2].values()) == {"kept"}
