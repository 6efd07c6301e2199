"""Clocks of cells: columns of numbers, and whether they give a direction."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.directions.source import Data

# Largest number of distinct values in a column that a user names as time points: more are a clock of single cells.
MAX_TIME_POINTS = 200
# The same for a column that nobody named and that is found by its name. It is smaller, since a column such as `age` that
# differs between most cells may mean anything.
MAX_DETECTED_TIME_POINTS = 50
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
        If it holds anything but numbers, or if values are missing.
    """
    column = data.column(key, hint="pass the column that holds the time of each cell")
    try:
        values = column.astype(float).to_numpy()
    except (TypeError, ValueError) as error:
        msg = (
            f"Expected numbers in `adata.obs[{key!r}]`, found {column.iloc[0]!r} ({column.dtype}); convert it to days."
        )
        raise ValueError(msg) from error
    missing = int((~np.isfinite(values)).sum())
    if missing and not allow_missing:
        msg = f"{missing} of {len(values)} cells have no finite value in `adata.obs[{key!r}]`; drop them first."
        raise ValueError(msg)
    return values


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
    return values


def is_time_series(column: pd.Series) -> bool:
    """Whether a column that nobody named can hold time points: 2 to :data:`MAX_DETECTED_TIME_POINTS` finite numbers."""
    if pd.api.types.is_bool_dtype(column):
        return False
    values = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=float)
    return bool(np.isfinite(values).all()) and 2 <= len(np.unique(values)) <= MAX_DETECTED_TIME_POINTS


def is_complete(column: pd.Series) -> bool:
    """Whether a column holds a finite number for each cell."""
    return pd.api.types.is_numeric_dtype(column) and bool(np.isfinite(column.to_numpy(dtype=float)).all())


def _one_value(key: str, what: str, values: NDArray[np.float64]) -> str:
    return (
        f"Expected at least two {what} in `adata.obs[{key!r}]`, found all cells at {values[0]:g}, which gives no direction; "
        f"{_OTHERWISE}."
    )
