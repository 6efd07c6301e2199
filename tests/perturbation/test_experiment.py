"""Experiments on the toggle switch: the same start and noise for all models, and controls of nearest mean level."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import Experiment, control_levels, level_table, perturbation_name, references, tables
from landscape.topography import fixed_points

WEIGHTS = np.array([[0, -8.0, 0], [-8.0, 0, 0], [0, 0, 0]])
NAMES = ["A", "B", "C"]


@pytest.fixture(scope="module")
def switch():
    """Toggle of A and B beside a gene C that nothing regulates."""
    model = Model(RegulatoryDrift.from_arrays(WEIGHTS, bias=3.0, hill=4.0), 0.01, tuple(NAMES))
    found = fixed_points(model.drift, np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), deflate=False)
    states = np.array([p.x for p in found.stable])
    start = np.full((200, 3), 0.4)
    known = references(("first", "second"), states, start)
    return model, known, Experiment(start, known, 10.0, 7)


def test_clamping_what_nothing_depends_on_changes_no_fate(switch):
    model, known, run = switch
    level = float(known.states[0, 2])
    found = run.compare(model, {2: level}, ensemble=[model, model], controls=[{0: 0.0}])
    table = tables.fate_table(known, found)
    assert table["change"].abs().max() < 0.02
    # The replicates are the model itself, with the same start and noise.
    np.testing.assert_allclose(table["low"], table["high"], atol=1e-12)
    np.testing.assert_array_equal(found.before.shares, run.outcome(model, few=False, n_times=20).shares)
    # A control without A has a single fate: it changes more, so that p = (1 + 1) / (1 + 1).
    assert table.loc[["first", "second"], "p_value"].tolist() == [1.0, 1.0]
    assert np.isfinite(tables.expression_table(found, NAMES)).all(axis=None)


def test_a_knock_out_loses_the_fate_of_the_gene(switch):
    model, known, run = switch
    found = run.compare(model, {0: 0.0})
    table = tables.attractor_change_table(known, found.before, found.after, {0})
    lost = "first" if known.states[0, 0] > 0.5 else "second"
    assert table.loc[lost, "status"] == "lost"
    assert (table.drop(lost)["status"] == "kept").all()
    assert list(tables.state_table(known, found.after, NAMES).columns) == NAMES
    assert tables.fate_table(known, found)[["low", "high", "p_value"]].isna().all(axis=None)


def test_controls_are_the_genes_of_nearest_mean(caplog):
    states = np.tile([0.5, 0.1, 0.45, 0.9, 0.52], (10, 1))
    assert control_levels(states, {0: 0.0}, 2) == [{4: 0.0}, {2: 0.0}]
    with caplog.at_level(logging.WARNING):
        assert len(control_levels(states, {0: 0.0, 3: 1.0}, 5)) == 1
    assert "1 of 5 controls" in caplog.text
    assert control_levels(states, {}, 0) == []


def test_levels_are_held_against_the_range_of_cells(caplog):
    states = np.array([[0.2, 0.0], [0.8, 1.0]])
    options = {"genes": ["A", "B", "T"], "regulators": ["A", "B"], "states": states}
    with caplog.at_level(logging.WARNING):
        table = level_table({"A": 0.5, "B": 3.0, "T": 1.0}, **options)
    assert table["inside"].tolist() == [True, False, False]
    assert table["acts"].tolist() == [True, True, False]
    assert table.loc["A", ["low", "high"]].tolist() == [0.2, 0.8]
    assert "T is a read-out" in caplog.text
    assert "B=3 is outside" in caplog.text
    with pytest.raises(KeyError, match="found 'X'"):
        level_table({"X": 0.0}, **options)
    with pytest.raises(ValueError, match="level of at least 0"):
        level_table({"A": -1.0}, **options)
    with pytest.raises(ValueError, match="levels by gene"):
        level_table({}, **options)


def test_a_perturbation_is_named_after_its_levels():
    assert perturbation_name({"Gata1": 0.0, "H2-K1/D1": 1.5}) == "Gata1=0, H2-K1|D1=1.5"


def test_heights_are_found_by_the_genes_that_are_free(switch):
    model, _, run = switch
    found = run.compare(model, {0: 0.0})
    rng = np.random.default_rng(0)
    states = rng.uniform(0, 1, (300, 3))
    record = tables.outcome_heights(found.after, states, states[:, 1:], held=[0], n_grid=30, basis="X_plane")
    assert record["basis"] == "X_plane"
    assert np.isfinite(record["height"]).any()
    # One attractor is left, at the levels of the genes that are not clamped.
    rest = tables.state_table(run.known, found.after, NAMES)
    np.testing.assert_allclose(record["attractors"], rest[["B", "C"]].to_numpy(), atol=0.15)
