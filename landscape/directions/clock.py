"""Clocks of cells: columns of numbers, and whether they give a direction."""

from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.directions.source import Data
from landscape.directions.time_words import times_in_words

logger = logging.getLogger(__name__)

# Largest number of distinct values in a column that a user names as time points: more are a clock of single cells.
MAX_TIME_POINTS = 200
# The same for a column that nobody named and that is found by its name. It is smaller, since a column such as `age` that
# differs between most cells may mean anything.
MAX_DETECTED_TIME_POINTS = 50
#: Columns of individuals, and of what they were measured in.
INDIVIDUALS = re.compile(r"donor|patient|individual|subject|participant|person", re.IGNORECASE)
SAMPLES = re.compile(
    r"sample|library|batch|replicate|channel|lane|plate|specimen|orig[._]?ident|" + INDIVIDUALS.pattern, re.IGNORECASE
)
_AGE = re.compile(r"age", re.IGNORECASE)
_OTHERWISE = (
    "name the start of development with `from_root(...)` (on the command line --root or --root-genes), or use unspliced "
    "counts with `from_unspliced(...)` (--unspliced)"
)


def numbers(data: Data, key: str, *, allow_missing: bool = False) -> NDArray[np.float64]:
    """Column of ``adata.obs`` as numbers, shape ``(n,)``.

    Parameters
    ----------
    data
        Data set.
    key
        Column.
    allow_missing
        Accept values that are missing.

    Raises
    ------
    KeyError
        If the column is missing.
    ValueError
        If it holds anything but numbers and times in words, or if values are missing.
    """
    column = data.column(key, hint="pass the column that holds the time of each cell")
    values = as_numbers(column)
    if values is None:
        shown = list(map(str, column.dropna().unique()[:4]))
        msg = (
            f"Expected numbers in `adata.obs[{key!r}]`, or times in words on one scale (E8.5, D3, day 2, 24hpf, dates), found {shown} "
            f"({column.dtype}); convert it to days."
        )
        raise ValueError(msg)
    missing = int((~np.isfinite(values)).sum())
    if missing and not allow_missing:
        msg = f"{missing} of {len(values)} cells have no finite value in `adata.obs[{key!r}]`; drop them first."
        raise ValueError(msg)
    return values


def as_numbers(column: pd.Series) -> NDArray[np.float64] | None:
    """Values of a column, where they are numbers or times in words (:func:`times_in_words`); ``None`` where they are neither."""
    if not (pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column)):
        try:
            return column.astype(object).where(column.notna(), np.nan).astype(float).to_numpy()
        except (TypeError, ValueError):
            pass
    words = times_in_words(column)
    return None if words is None else words.values


def time_points(data: Data, key: str) -> NDArray[np.float64]:
    """Time point of each cell, shape ``(n,)``, one of 2 to :data:`MAX_TIME_POINTS`.

    Raises
    ------
    KeyError, ValueError
        As :func:`numbers`, and for one time or too many.
    """
    values = numbers(data, key)
    n_times = len(np.unique(values))
    if n_times < 2:
        raise ValueError(_one_value(key, "time points", values))
    if n_times > MAX_TIME_POINTS:
        msg = (
            f"Expected 2 to {MAX_TIME_POINTS} distinct time points in `adata.obs[{key!r}]`, found {n_times}; one value per cell is a "
            "pseudotime, for which use `from_pseudotime` (on the command line --pseudotime-key)."
        )
        raise ValueError(msg)
    return values


def pseudotimes(data: Data, key: str) -> NDArray[np.float64]:
    """Pseudotime of each cell, shape ``(n,)``, NaN where it is unknown.

    Raises
    ------
    KeyError, ValueError
        As :func:`numbers`, and where all known values are equal.
    """
    values = numbers(data, key, allow_missing=True)
    known = values[np.isfinite(values)]
    if not len(known):
        msg = f"Expected numbers in `adata.obs[{key!r}]` as pseudotimes, found none; {_OTHERWISE}."
        raise ValueError(msg)
    if len(np.unique(known)) < 2:
        raise ValueError(_one_value(key, "pseudotimes", known))
    return np.where(np.isfinite(values), values, np.nan)


def is_time_series(column: pd.Series) -> bool:
    """Whether a column that nobody named can hold time points: 2 to :data:`MAX_DETECTED_TIME_POINTS` numbers or times in words.

    Dates do not count: they may be those of the experiment.
    """
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    values = as_numbers(column)
    if values is None or not np.isfinite(values).all():
        return False
    return 2 <= len(np.unique(values)) <= MAX_DETECTED_TIME_POINTS


def is_complete(column: pd.Series) -> bool:
    """Whether a column holds a finite number for each cell, not the same for all."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    values = column.to_numpy(dtype=float)
    return bool(np.isfinite(values).all()) and len(np.unique(values)) > 1


def individuals_of(data: Data, key: str) -> str | None:
    """Column of individuals, of samples too for an age, that a clock tells apart (:func:`goes_with`): no clock to take unasked."""
    return goes_with(data, key, SAMPLES if _AGE.search(key) else INDIVIDUALS)


def goes_with(data: Data, key: str, kinds: re.Pattern[str]) -> str | None:
    """Column of a kind, such as donors, with which a clock goes one to one; ``None`` if there is none.

    Each of its values has one time, and most times have one of its values: such a clock tells the donors apart, and a process within each
    of them not at all.
    """
    times = data.column(key, hint="pass one that is there").astype(str)
    for name in data.columns:
        if name == key or not kinds.search(name):
            continue
        pairs = pd.DataFrame(
            {"time": times, "group": data.column(name, hint="pass one that is there").astype(str)}
        ).drop_duplicates()
        n_groups, n_times = pairs["group"].nunique(), pairs["time"].nunique()
        alone = int((pairs.groupby("time")["group"].size() == 1).sum())
        if 1 < n_groups == len(pairs) and alone > n_times / 2:
            return str(name)
    return None


def _one_value(key: str, what: str, values: NDArray[np.float64]) -> str:
    return (
        f"Expected at least two {what} in `adata.obs[{key!r}]`, found all cells at {values[0]:g}, which gives no direction; "
        f"{_OTHERWISE}."
    )
