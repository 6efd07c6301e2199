"""Clocks that give a direction, and those that do not, with what is wrong and what else would give it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from landscape._directions import StoredData
from landscape.directions.clock import numbers, pseudotimes, time_points


def clocked(values) -> StoredData:
    adata = AnnData(
        np.ones((len(values), 1)), obs=pd.DataFrame({"clock": values}, index=[f"c{i}" for i in range(len(values))])
    )
    return StoredData(adata)


def test_times_of_samples_are_numbers_whatever_they_are_stored_as():
    for values in ([1, 2, 2], ["1", "2", "2"], pd.Categorical(["1", "2", "2"])):
        np.testing.assert_array_equal(time_points(clocked(values), "clock"), [1.0, 2.0, 2.0])


def test_a_pseudotime_may_be_unknown_for_some_cells():
    np.testing.assert_array_equal(pseudotimes(clocked([0.5, np.nan, 1.0]), "clock"), [0.5, np.nan, 1.0])


@pytest.mark.parametrize(
    ("read", "values", "message"),
    [
        (numbers, ["early", "late"], "Expected numbers.*'early'.*convert it to days"),
        (time_points, [1.0, np.nan], "1 of 2 cells have no finite value"),
        (time_points, [3.0, 3.0], r"two time points.*all cells at 3, which gives no direction.*from_root.*--root"),
        (time_points, np.arange(300.0), r"2 to 200 distinct time points.*found 300.*from_pseudotime"),
        (pseudotimes, [0.5, 0.5], r"two pseudotimes.*all cells at 0\.5"),
        (pseudotimes, [np.nan, 0.5, np.nan], "two pseudotimes"),
        (pseudotimes, [np.nan, np.nan], "as pseudotimes, found none.*--unspliced"),
    ],
)
def test_what_gives_no_direction_is_refused_with_what_would(read, values, message):
    with pytest.raises(ValueError, match=message):
        read(clocked(values), "clock")


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match=r"obs\['day'\]"):
        time_points(clocked([1.0, 2.0]), "day")
