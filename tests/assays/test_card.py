"""The card: resumed, refused, taken over models, and honest about what it lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from landscape.assays import Subject, recall
from landscape.assays.assess import Assay, Measured, assess
from landscape.assays.card import card, card_table, claims, majority, over_models
from landscape.assays.registry import ASSAYS, ELSEWHERE
from tests.assays.conftest import toggles

QUICK = ("energy", "hierarchy", "multiplexing", "canalisation")


def test_a_card_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    subject, file = toggles(2, crosstalk=0.3), tmp_path / "card.json"
    whole = card_table(card(subject, names=QUICK, rng=0))
    done = []

    def stop(assays):
        for assay in assays:
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(assay.name)
            yield assay

    with pytest.raises(KeyboardInterrupt):
        card(subject, names=QUICK, checkpoint=file, watch=stop, rng=0)
    asked = []
    monkeypatch.setattr(
        "landscape.assays.card.assess", lambda assay, *a, **k: asked.append(assay.name) or assess(assay, *a, **k)
    )
    resumed = card_table(card(subject, names=QUICK, checkpoint=file, rng=0))
    assert asked == [assay.name for assay in claims(QUICK)][2:]
    pd.testing.assert_frame_equal(resumed, whole)


def test_a_checkpoint_keeps_numbers_and_tables(tmp_path):
    subject, file = toggles(2), tmp_path / "card.json"
    first = card(subject, names=["hierarchy", "reachability"], checkpoint=file, rng=0)
    again = card(subject, names=["hierarchy", "reachability"], checkpoint=file, rng=0)
    for one, other in zip(first, again, strict=True):
        assert one.reason == other.reason
        np.testing.assert_equal([one.value, one.low, one.null_high], [other.value, other.low, other.null_high])
    levels = [each[-1 if each[-1].details else 0].details["levels"] for each in (first, again)]
    pd.testing.assert_frame_equal(levels[0], levels[1], check_exact=False)


@pytest.mark.parametrize("content", ["{", '{"other": 1}'])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "card.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="checkpoint of a card"):
        card(toggles(2), names=QUICK, checkpoint=file)


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    file = tmp_path / "card.json"
    card(toggles(2), names=["energy"], checkpoint=file, rng=0)
    for other, rng in ((toggles(2, crosstalk=0.1), 0), (toggles(2), 1), (toggles(2, grade="B"), 0)):
        with pytest.raises(ValueError, match="another model"):
            card(other, names=["energy"], checkpoint=file, rng=rng)


def test_verdicts_over_models():
    assert majority(["supported", "supported", "undecided"]) == "supported"
    assert majority(["supported", "undecided", "undecided"]) == "undecided"
    assert majority(["contradicted", "undecided"]) == "contradicted"
    assert majority(["supported", "contradicted"]) == "undecided"
    assert majority(["not testable here"] * 3) == "not testable here"
    tables = [card_table(card(toggles(2, crosstalk=c), names=QUICK, rng=0)) for c in (0.1, 0.2, 0.3)]
    found = over_models(tables)
    assert found["value"].to_numpy() == pytest.approx(np.median([t["value"] for t in tables], axis=0))
    assert (found["n_models"] == 3).all()
    pd.testing.assert_frame_equal(over_models(tables[::-1])[["value", "verdict"]], found[["value", "verdict"]])
    with pytest.raises(ValueError, match="same claims"):
        over_models([tables[0], tables[1].iloc[:2]])


def test_every_claim_has_its_words_and_its_place():
    names = [one.name for one in (*ASSAYS, *ELSEWHERE)]
    assert len(set(names)) == len(names)
    for one in (*ASSAYS, *ELSEWHERE):
        assert one.claim.endswith(".")
        assert one.section
    listed = {int(n) for one in (*ASSAYS, *ELSEWHERE) for n in one.row.split(", ") if n}
    assert {
        2,
        5,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
        20,
        21,
        22,
        23,
        24,
        26,
        27,
        28,
        29,
        30,
        31,
        32,
        33,
        35,
        36,
        37,
        38,
    } <= listed
    with pytest.raises(ValueError, match="Expected names of assays"):
        claims(["telepathy"])


def test_one_attractor_gives_reasons_and_no_numbers():
    two = toggles(1)
    subject = replace(two, memories=two.memories[:1], names=("only",))
    table = card_table(card(subject, rng=0))
    assert table.loc["recall", "reason"] == "it needs 2 stable states, and there is 1"
    assert table.loc["recall", "verdict"] == "not testable here"
    assert np.isnan(table.loc["recall", "value"])
    assert table.loc["canalisation", "verdict"] != ""


def test_a_fit_without_replicates_is_undecided_and_says_so():
    found = recall(toggles(2, ensemble=()), rng=0)
    assert found.verdict == "undecided"
    assert "n_replicates" in found.reason
    assert np.isfinite([found.value, found.null_low, found.null_high]).all()


def test_a_grade_too_low_and_a_refused_data_set():
    assert recall(toggles(2, grade="D"), rng=0).reason == "it needs grade C, and these data have D"
    table = card_table(card(toggles(2, refused="no landscape supported: noise"), rng=0))
    asked = table.loc[[assay.name for assay in ASSAYS]]
    assert (asked["verdict"] == "not testable here").all()
    assert (asked["reason"] == "no landscape supported: noise").all()


def test_what_the_fit_sets_is_not_tested():
    found = card(toggles(2, fixed=frozenset({"decay"})), names=["time scales"], rng=0)[0]
    assert (found.verdict, found.reason) == ("not testable here", "the fit sets decay, the data do not")


def test_few_cells_give_a_reason():
    two = toggles(2, grade="B")
    few = replace(two, cells=two.cells[:4], times=None)
    table = card_table(card(few, names=["constraint", "description length"], rng=0))
    assert (table["verdict"] == "not testable here").all()
    assert table["reason"].str.contains("cells").all()


def test_bad_subjects_are_refused():
    two = toggles(1)
    with pytest.raises(ValueError, match="`cells` of shape"):
        Subject(two.model, two.cells[:, :1], two.memories)
    with pytest.raises(ValueError, match="finite `cells`"):
        Subject(two.model, np.full((3, 2), np.nan), two.memories)
    with pytest.raises(ValueError, match="grade"):
        Subject(two.model, two.cells, two.memories, grade="E")
    with pytest.raises(ValueError, match="name for each"):
        Subject(two.model, two.cells, two.memories, names=("a",))
    with pytest.raises(ValueError, match="n_null"):
        recall(two, n_null=5)


def test_draws_without_a_value_are_replaced():
    """Half of the rewires have no value: others take their place, so that the band has its draws."""
    calls = []

    def measure(view, rng):
        del rng
        calls.append(view)
        return Measured(1.0 if len(calls) == 1 else np.nan if len(calls) % 2 else 0.5)

    assay = Assay("x", "", "", "", "", "above", "C", measure)
    found = assess(assay, toggles(2), rng=0)
    assert found.n_null == 19
    assert (found.verdict, found.null_low, found.null_high) == ("supported", 0.5, 0.5)


def test_a_null_that_no_rewire_has_is_given_up_and_said():
    calls = []

    def measure(view, rng):
        del rng
        calls.append(view)
        return Measured(1.0) if len(calls) == 1 else Measured(np.nan, reason="it comes to no rest")

    found = assess(Assay("x", "", "", "", "", "above", "C", measure), toggles(2), rng=0)
    assert found.verdict == "not testable here"
    assert np.isnan(found.value)  # no number without its null
    assert found.reason == "0 of 57 rewired networks have a value, and a band needs 19: it comes to no rest"
    assert len(calls) == 58
