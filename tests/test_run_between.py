"""Stages between attractors: when a run takes them, with which options, and in which order."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from landscape._run.models import CONSENSUS
from landscape._run.plan import Plan
from landscape._run.settings import TUNABLE, from_mapping
from landscape._run.stages import BARRIER_GENES, BETWEEN, Work, stages

PLAN = Plan(
    layer="counts", batch_key=None, label_key=None, directions=(), regulators=None, n_top_genes=8, max_epochs=None,
    seed=7, stages={},
)  # fmt: skip


@pytest.fixture
def called(monkeypatch):
    """Calls that stages make, recorded instead of computed."""
    calls = []
    for name in BETWEEN:
        monkeypatch.setattr(f"landscape.tl.{name}", lambda adata, name=name, **options: calls.append((name, options)))
    return calls


def run(n_attractors: int, n_genes: int, options: dict) -> None:
    cells = AnnData(np.zeros((2, 1)))
    states = pd.DataFrame(np.zeros((n_attractors, n_genes)), index=[f"a{k}" for k in range(n_attractors)])
    cells.uns["landscape"] = {"schema": 1, "attractors": {"states": states}}
    work = Work(cells, replace(PLAN, stages=options))
    for stage in stages():
        if stage.name in BETWEEN:
            stage.call(work)


def test_they_come_last_and_wait_for_the_barriers():
    listed = {stage.name: stage for stage in stages()}
    assert tuple(listed)[-3:] == BETWEEN
    assert "barriers" in listed["paths"].after
    assert "barriers" in listed["rates"].after


def test_a_run_takes_them_with_its_seed_and_one_noise(called):
    run(3, 10, {})
    assert called == [(name, {"rng": 7}) for name in BETWEEN]
    called.clear()
    run(3, 10, {"barriers": {"diffusion": 0.1, "n_points": 64}, "rates": {"diffusion": 0.2, "n_paths": 50}})
    assert dict(called) == {
        "barriers": {"rng": 7, "diffusion": 0.1, "n_points": 64},
        "paths": {"rng": 7, "diffusion": 0.1},
        "rates": {"rng": 7, "diffusion": 0.2, "n_paths": 50},
    }


def test_many_regulators_are_left_for_the_asking(called, caplog):
    with caplog.at_level(logging.INFO, logger="landscape"):
        run(3, BARRIER_GENES + 1, {})
    assert called == []
    (said,) = [
        record.getMessage() for record in caplog.records if "left out" in record.getMessage()
    ]  # once for the three
    for words in (
        f"{BARRIER_GENES + 1} regulators",
        "--n-regulators 40",
        "stages: {barriers:",
        "landscape.tl.barriers",
    ):
        assert words in said
    run(3, BARRIER_GENES + 1, {"paths": {"pairs": [("a0", "a1")]}})
    assert called == [("paths", {"rng": 7, "pairs": [("a0", "a1")]})]


def test_one_attractor_has_nothing_between(called, caplog):
    run(1, 10, {})
    assert called == []
    assert all(f"so there are no {name}" in caplog.text for name in BETWEEN)


@pytest.fixture
def asked(monkeypatch):
    """Options with which drivers and dynamics are called."""
    calls = {}
    for name in ("drivers", "dynamics"):
        monkeypatch.setattr(f"landscape.tl.{name}", lambda adata, name=name, **options: calls.update({name: options}))
    return calls


def one(name: str, n_fates: int, **plan) -> None:
    cells = AnnData(np.zeros((2, 1)))
    cells.obsm["fates"] = pd.DataFrame(1 / n_fates, index=cells.obs_names, columns=[f"a{k}" for k in range(n_fates)])
    (stage,) = [stage for stage in stages() if stage.name == name]
    stage.call(Work(cells, replace(PLAN, **plan)))


def test_drivers_of_fates_regress_the_batch_out(asked):
    one("drivers", 2, batch_key="donor", stages={"drivers": {"n_blocks": 5}})
    assert asked["drivers"] == {"covariates": "donor", "layer": "counts", "rng": 7, "n_blocks": 5}


def test_a_run_goes_on_where_drivers_cannot_be_told(asked, monkeypatch, caplog):
    one("drivers", 1)
    assert "1 fate was found" in caplog.text

    def too_few(adata, **options):
        raise ValueError("too few blocks")

    monkeypatch.setattr("landscape.tl.drivers", too_few)
    one("drivers", 2)
    assert "drivers of fates are left out: too few blocks" in caplog.text
    assert not asked


def test_the_number_of_regulators_reaches_the_dynamics_and_only_if_given(asked, monkeypatch):
    monkeypatch.setattr("landscape._run.stages.combined", lambda directions: None)
    one("dynamics", 2)
    assert "n_regulators" not in asked["dynamics"]
    one("dynamics", 2, n_regulators=40)
    assert asked["dynamics"]["n_regulators"] == 40
    one("dynamics", 2, n_regulators=40, stages={"dynamics": {"n_regulators": 20}})
    assert asked["dynamics"]["n_regulators"] == 20
    with pytest.raises(ValueError, match="`n_regulators` to be an integer of at least 2, found 1"):
        from_mapping({"n_regulators": 1})


def test_settings_take_their_options():
    assert from_mapping({"stages": {"rates": {"n_paths": 50}}}).stages["rates"] == {"n_paths": 50}


def test_every_stage_takes_options_from_a_file():
    assert {stage.name for stage in stages()} | {CONSENSUS} == set(TUNABLE)


def test_terminal_states_are_named_after_the_labels_and_a_run_goes_on_without_them(monkeypatch, caplog):
    calls = []
    monkeypatch.setattr("landscape.tl.terminal_states", lambda adata, **options: calls.append(options))
    one("terminal_states", 2, label_key="cell_type", stages={"terminal_states": {"n_cells": 30}})
    assert calls == [{"label_key": "cell_type", "n_cells": 30}]

    def round_and_round(adata, **options):
        raise ValueError("The chain has no terminal state: it visits none")

    monkeypatch.setattr("landscape.tl.terminal_states", round_and_round)
    one("terminal_states", 2)
    assert "terminal states of the chain are left out: The chain has no terminal state" in caplog.text


def test_states_are_not_named_after_labels_where_no_landscape_is_supported(monkeypatch):
    calls = []
    monkeypatch.setattr("landscape.tl.attractors", lambda adata, **options: calls.append(options["label_key"]))
    monkeypatch.setattr("landscape.tl.terminal_states", lambda adata, **options: calls.append(options["label_key"]))
    listed = {stage.name: stage for stage in stages()}
    for reasons in ([], ["a test"]):
        cells = AnnData(np.zeros((2, 1)))
        cells.uns["landscape"] = {"schema": 1, "structure": {"reasons": np.array(reasons, dtype=object)}}
        for name in ("attractors", "terminal_states"):
            listed[name].call(Work(cells, replace(PLAN, label_key="cell_type")))
    assert calls == ["cell_type", "cell_type", None, None]


def test_structure_is_tested_before_the_latent_model_and_named_again_where_the_network_is_empty(monkeypatch, caplog):
    names = [stage.name for stage in stages()]
    assert names.index("genes") < names.index("structure") < names.index("latent")
    cells = AnnData(np.zeros((2, 1)))
    cells.uns["landscape"] = {"schema": 1, "network": {"n_edges": 0}}
    monkeypatch.setattr("landscape.tl.network", lambda *_, **__: None)
    monkeypatch.setattr("landscape._run.stages.affordable", lambda *_, **__: None)
    with caplog.at_level(logging.WARNING, "landscape"):
        {stage.name: stage for stage in stages()}["network"].call(Work(cells, PLAN))
    assert "no landscape supported: the network has no edge" in caplog.text
