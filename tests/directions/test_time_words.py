"""Times in words on one scale, and words that are no times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from landscape.directions.time_words import times_in_words


@pytest.mark.parametrize(
    ("words", "values", "unit"),
    [
        (["E8.5", "E7.5", "E8.25"], [8.5, 7.5, 8.25], "days"),
        (["D3", "D0", "D10"], [3, 0, 10], "days"),
        (["day 2", "Day_4", "day-6"], [2, 4, 6], "days"),
        (["Day -2", "Day 3"], [-2, 3], "days"),
        (["24hpf", "48 hpf"], [24, 48], "hours"),
        (["24hpf", "2dpf"], [1, 2], "days"),
        (["0min", "30min"], [0, 30], "minutes"),
        (["90min", "2h"], [0.0625, 1 / 12], "days"),
        (["GW8", "GW12"], [8, 12], "weeks"),
        (["P0", "P7"], [0, 7], "days"),
        (["T24h", "T0h"], [24, 0], "hours"),
        (["t1", "t2"], [1, 2], ""),
        (["2024-05-01", "2024-05-04"], [0, 3], "days"),
        (["1,5 d", "2 d"], [1.5, 2], "days"),
    ],
)
def test_words_on_one_scale(words, values, unit):
    for column in (pd.Series(words), pd.Series(pd.Categorical(words))):
        found = times_in_words(column)
        np.testing.assert_allclose(found.values, values)
        assert found.unit == unit


@pytest.mark.parametrize(
    "words",
    [
        ["E18.5", "P1"],  # before and after birth
        ["24hpf", "E2"],  # from fertilisation and from conception
        ["day 2", "3"],  # one without a unit
        ["D-7", "D7"],  # a hyphen or a minus
        ["early", "late"],
        ["sample1", "sample2"],
        ["D0", "iPSC"],
        ["HH10", "HH12"],  # stages of the chick are no times
        ["E8.5a", "E8.5b"],
        ["2024-05-01", "May"],
        [1.0, 2.0],
        [],
    ],
)
def test_words_that_are_no_times(words):
    assert times_in_words(pd.Series(words)) is None


def test_missing_words_stay_missing_and_dates_of_any_type_count():
    found = times_in_words(pd.Series(["E8.5", None, np.nan, "E7"]))
    np.testing.assert_array_equal(found.values, [8.5, np.nan, np.nan, 7])
    assert str(found) == "E7 is 7, E8.5 is 8.5 (days)"
    dates = times_in_words(pd.Series(pd.to_datetime(["2024-05-01", None, "2024-05-03"])))
    np.testing.assert_array_equal(dates.values, [0, np.nan, 2])
    np.testing.assert_array_equal(times_in_words(pd.Series(pd.to_timedelta([12, 36], unit="h"))).values, [0.5, 1.5])
    many = times_in_words(pd.Series([f"D{i}" for i in range(12)]))
    assert str(many).endswith("D7 is 7 and 4 more (days)")
