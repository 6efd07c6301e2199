"""Labels of cells against the basins and fates of a model, counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.topography.fates.labels import (
    basin_sentences,
    elsewhere,
    fate_sentences,
    labels_present,
    means_by_label,
    own_share,
    own_states,
    shares_by_label,
)

LABELS = pd.Series(["Mono"] * 4 + ["Neu"] * 4 + [None] + ["GMP"] * 2)
BASIN = pd.Series(["Neu", "Neu", "Neu", "Mono", "Neu", "Neu", "Neu 2", "unresolved", "Mono", "Neu", "Neu"])
STATES = ["Neu", "Mono", "Neu 2", "unresolved"]


def test_shares_are_counts_over_the_cells_of_a_label():
    table = shares_by_label(LABELS, BASIN, STATES)
    assert list(table.index) == ["GMP", "Mono", "Neu"]
    np.testing.assert_allclose(table.loc["Mono"], [0.75, 0.25, 0, 0])
    np.testing.assert_allclose(table.loc["Neu"], [0.5, 0, 0.25, 0.25])
    np.testing.assert_allclose(table.sum(axis=1), 1)
    crossed = pd.crosstab(LABELS, BASIN, normalize="index")
    pd.testing.assert_frame_equal(table, crossed[STATES], check_names=False)


def test_means_leave_out_cells_without_a_fate_or_a_label():
    fates = pd.DataFrame({"Neu": np.linspace(0, 1, 11), "Mono": np.linspace(1, 0, 11)})
    fates.iloc[[0, 9, 10]] = np.nan
    table = means_by_label(LABELS, fates)
    assert table.loc["Mono", "Neu"] == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert table.loc["GMP"].isna().all()


def test_labels_are_in_the_order_of_their_categories():
    assert labels_present(LABELS) == ["GMP", "Mono", "Neu"]
    assert labels_present(LABELS.astype(pd.CategoricalDtype(["Neu", "T", "Mono", "GMP"]))) == ["Neu", "Mono", "GMP"]


def test_own_states_are_those_named_after_the_label():
    own = own_states(["GMP", "Mono", "Neu"], [*STATES, "Gata1+Klf1"])
    assert own == {"GMP": [], "Mono": ["Mono"], "Neu": ["Neu", "Neu 2"]}
    share = own_share(shares_by_label(LABELS, BASIN, STATES), own)
    np.testing.assert_allclose(share, [np.nan, 0.25, 0.75])


def test_only_mature_labels_are_missed():
    table = shares_by_label(LABELS, BASIN, STATES)
    own = own_states(list(table.index), STATES)
    found = elsewhere(table, own, ["Mono", "Neu"])
    assert found == {"Mono": ("Neu", 0.75)}
    assert basin_sentences(found, {"Mono": 4}) == ["3 of 4 Mono cells lie in the basin of Neu"]
    # All of them are in Neu, but progenitors have to be in someone's basin; with half of the cells there is no warning.
    assert table.loc["GMP", "Neu"] == 1
    table.loc["Mono"] = [0.5, 0.5, 0, 0]
    assert elsewhere(table, own, ["Mono", "Neu"]) == {}
    assert elsewhere(table, {"GMP": [], "Mono": [], "Neu": []}, ["Mono"]) == {}


def test_shares_of_several_states_of_another_label_add_up():
    table = pd.DataFrame([[0.4, 0.3, 0.3]], index=["Mono"], columns=["Neu", "Neu 2", "Mono"])
    own = {"Mono": ["Mono"], "Neu": ["Neu", "Neu 2"]}
    (label, (other, share)), *rest = elsewhere(table, own, ["Mono"]).items()
    assert (label, other, rest) == ("Mono", "Neu", [])
    assert share == pytest.approx(0.7)


def test_sentences_on_fates_say_where_there_is_no_own_fate():
    found = {"Mono": ("Neu", 0.612)}
    first = "Mono cells end as Neu with a mean probability of 0.61 on the chain, "
    assert fate_sentences(found, {"Mono": 0.3}) == [f"{first}as Mono with 0.30"]
    assert fate_sentences(found, {"Mono": np.nan}) == [f"{first}and there is no fate Mono"]
