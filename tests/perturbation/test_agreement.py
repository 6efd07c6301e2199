"""Unperturbed shares of the model beside those of the chain."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from landscape.perturbation import MAX_DISAGREEMENT, start_agreement, total_variation
from landscape.perturbation.agreement import labels_shared, warn_of_disagreement

MODEL = pd.Series({"Ery": 0.2, "Neu": 0.5, "Neu 2": 0.1, "undifferentiated": 0.2, "other": 0.0})
CHAIN = pd.Series({"Ery": 0.25, "Neu": 0.45, "Mono": 0.3})


def test_attractors_of_one_label_are_one_fate():
    table = start_agreement(MODEL, CHAIN)
    assert table["model"].to_dict() == pytest.approx({"Mono": 0.0, "undifferentiated": 0.2, "Neu": 0.6, "Ery": 0.2})
    assert table["chain"].to_dict() == pytest.approx({"Mono": 0.3, "undifferentiated": 0.0, "Neu": 0.45, "Ery": 0.25})
    assert list(table.index[:2]) == [
        "Mono",
        "undifferentiated",
    ]  # the largest difference first; "other" is empty in both
    # (.3 + .2 + .15 + .05) / 2
    assert total_variation(table) == pytest.approx(0.35)


def test_a_number_that_is_part_of_all_names_stays():
    shares = pd.Series({"Cluster 1": 0.5, "Cluster 2": 0.5})
    assert total_variation(start_agreement(shares, shares[::-1])) == 0
    assert len(start_agreement(shares, shares)) == 2
    assert labels_shared(["Cluster 1"], ["Cluster 1", "Cluster 2"])
    assert labels_shared(["Neu", "Neu 2"], ["Neu"])
    assert not labels_shared(["Gata1 Klf1"], ["1", "2"])


def test_the_warning_says_by_how_much_for_which_fates_and_what_to_do(caplog):
    table = start_agreement(MODEL, CHAIN)
    with caplog.at_level(logging.INFO):
        assert warn_of_disagreement(table, MAX_DISAGREEMENT) == pytest.approx(0.35)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    for words in ("0.35 of the cells", "above 0.15", "Mono 0.00 for 0.30", "landscape.tl.dynamics"):
        assert words in record.message


def test_below_the_threshold_there_is_no_warning(caplog):
    with caplog.at_level(logging.INFO):
        warn_of_disagreement(start_agreement(MODEL, CHAIN), 0.4)
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    assert "0.35" in caplog.text


def test_unknown_agreement_is_said(caplog):
    assert np.isnan(warn_of_disagreement(None, 0.15))
    assert "unknown" in caplog.text
    assert "landscape.tl.fates" in caplog.text
