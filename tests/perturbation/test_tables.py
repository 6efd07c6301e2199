"""Tables of a perturbation of the toggle switch, levels against the range of the cells, and heights."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift
from landscape.perturbation import level_table, paired_fates, perturbation_name, references, tables
from landscape.topography import fixed_points

WEIGHTS = np.array([[0, -8.0, 0], [-8.0, 0, 0], [0, 0, 0]])
NAMES = ["A", "B", "C"]


@pytest.fixture(scope="module")
def switch():
    """Toggle of A and B beside a gene C that regulates nothing."""
    model = Model(RegulatoryDrift.from_arrays(WEIGHTS, bias=3.0, hill=4.0), 0.01, tuple(NAMES))
    found = fixed_points(model.drift, np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), deflate=False)
    states = np.array(sorted((p.x for p in found.stable), key=lambda x: -x[0]))
    start = np.full((200, 3), 0.4)
    return model, references(("first", "second"), states, start), start


def weaker(model, strength):
    """The same toggle with a weaker repression by B, which shifts cells to A."""
    weights = model.drift.weights.clone()
    weights[0, 1] *= strength
    return Model(
        RegulatoryDrift.from_arrays(weights.numpy(), bias=3.0, hill=4.0), model.diffusion_constant, model.regulators
    )


def run(switch, levels, models=None, **options):
    model, known, start = switch
    return paired_fates(models or [model], [levels], start, known, duration=10.0, rng=7, **options)


def test_a_gene_without_edges_changes_exactly_nothing(switch):
    model, known, _ = switch
    found = run(switch, {2: 0.0}, [model, weaker(model, 0.95), weaker(model, 1.05)])
    assert not found.acts[0]
    fates, contrasts = tables.fate_table(known.fates, found), tables.contrast_table(known.fates, found)
    assert (fates[["change", "low", "high", "log_odds", "log_odds_low", "log_odds_high"]] == 0).all(axis=None)
    assert (fates["lfsr"] == 1).all()
    assert (contrasts[["log_odds", "low", "high"]] == 0).all(axis=None)
    expression = tables.expression_table(found, NAMES)
    assert (expression.loc[["A", "B"], ["change", "low", "high"]] == 0).all(axis=None)
    assert expression.loc["C", "after"] == 0.0
    assert expression.loc["C", "change"] == pytest.approx(-expression.loc["C", "before"])


def test_a_knock_out_loses_the_fate_of_the_gene(switch):
    model, known, _ = switch
    found = run(switch, {0: 0.0}, [model, weaker(model, 0.95), weaker(model, 1.05)], n_times=1)
    fates = tables.fate_table(known.fates, found).loc
    assert fates["first", "after"] == 0.0
    assert fates["first", "high"] < 0 < fates["second", "low"]
    # What two replicates that agree can say, by the rule of succession.
    assert fates["first", "lfsr"] == pytest.approx(1 / 4)
    assert (fates[["first", "second"], "n_models"] == 3).all()
    (pair,) = tables.contrast_table(known.fates, found).itertuples(index=False)
    assert (pair.fate, pair.against) == ("first", "second")
    # Nothing else is reached: against the other fate is against all others, up to the prior of those that are empty.
    assert pair.log_odds == pytest.approx(fates["first", "log_odds"], abs=1.2)
    assert pair.high < 0
    after = tables.attractors_reached(model.held_at({0: 0.0}), found.rest[1], known)
    before = tables.attractors_reached(model, found.rest[0], known)
    table = tables.attractor_change_table(known, before, after, {0})
    assert table["status"].to_dict() == {"first": "lost", "second": "kept"}
    assert list(tables.state_table(known, after, NAMES).columns) == NAMES


def test_the_interval_of_a_change_is_that_of_its_log_odds(switch):
    from scipy.special import expit, logit

    model, known, _ = switch
    models = [model, weaker(model, 0.9), weaker(model, 1.1)]
    fates = tables.fate_table(known.fates, run(switch, {1: 0.25}, models)).loc["first"]
    p = (200 * fates["before"] + 0.5) / 202  # four fates with half a path each
    assert fates["after"] - fates["before"] == fates["change"] > 0
    for end in ("low", "high"):
        assert fates[end] == pytest.approx(expit(logit(p) + fates[f"log_odds_{end}"]) - p, abs=1e-12)


def test_without_replicates_there_is_no_interval(switch):
    _, known, _ = switch
    found = run(switch, {0: 0.0})
    assert tables.fate_table(known.fates, found)[["low", "high", "lfsr", "rank"]].isna().all(axis=None)
    assert tables.contrast_table(known.fates, found)[["low", "high", "lfsr"]].isna().all(axis=None)
    assert tables.expression_table(found, NAMES)[["low", "high"]].isna().all(axis=None)


def test_the_rank_counts_controls_with_larger_effects(switch):
    model, known, start = switch
    weak, strong = run(switch, {2: 0.0}), run(switch, {0: 0.0})
    controls = paired_fates([model], [{0: 0.0}, {1: 0.0}, {2: 0.0}], start, known, duration=10.0, rng=7)
    assert (tables.fate_table(known.fates, weak, controls).loc[["first", "second"], "rank"] == 3).all()
    ranked = tables.fate_table(known.fates, strong, controls)
    # The same knock-out is among the controls and is not larger than itself.
    assert ranked.loc["first", "rank"] in (1, 2)
    table = tables.control_table(known.fates, ["A=0", "B=0", "C=0"], controls)
    assert table.loc["A=0"].to_numpy() == pytest.approx(ranked["change"].to_numpy())
    assert (table.loc["C=0"] == 0).all()


def test_fates_of_one_label_are_one(switch):
    model, known, _ = switch
    found = run(switch, {0: 0.0}, [model, weaker(model, 0.95), weaker(model, 1.05)])
    names = ("Ery", "Ery 2", "undifferentiated", "other")
    labels, merged = tables.merged_by_label(names, found)
    assert labels == ["Ery", "undifferentiated", "other"]
    # All cells end in one of the two, before and after, in all models.
    table = tables.fate_table(labels, merged)
    assert table.loc["Ery", ["before", "after"]].tolist() == [1.0, 1.0]
    assert (table["log_odds"] == 0).all()
    np.testing.assert_allclose(merged.shares[..., 0], found.shares[..., :2].sum(-1))


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
    model, known, _ = switch
    found = run(switch, {0: 0.0}, n_times=5)
    after = tables.attractors_reached(model.held_at({0: 0.0}), found.rest[1], known)
    states = np.random.default_rng(0).uniform(0, 1, (300, 3))
    record = tables.ensemble_heights(
        found.path[:, 1], after.attractors, states, states[:, 1:], held=[0], n_grid=30, basis="X_plane"
    )
    assert record["basis"] == "X_plane"
    assert np.isfinite(record["height"]).any()
    # One attractor is left, at the levels of the genes that are not clamped.
    rest = tables.state_table(known, after, NAMES)
    np.testing.assert_allclose(record["attractors"], rest[["B", "C"]].to_numpy(), atol=0.15)


def test_paths_without_rest_are_left_out_of_the_attractors(switch):
    model, known, _ = switch
    found = tables.attractors_reached(model, np.full((5, 3), np.nan), known)
    # Those of the unperturbed model are found all the same.
    np.testing.assert_allclose(found.attractors[found.attractor], known.states, atol=1e-8)
    assert torch.as_tensor(found.eigenvalues).lt(0).all()
