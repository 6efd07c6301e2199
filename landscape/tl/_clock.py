"""Clocks of cells: columns of numbers, and whether they tell a direction."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape._anndata import read

# More distinct values than this are a clock of single cells, not times at which samples were taken.
MOST_TIMES = 200
_OTHERWISE = (
    "say where development starts with `from_root(...)` (on the command line --root or --root-genes), or use unspliced "
    "counts with `from_unspliced(...)` (--unspliced)"
)


def numbers(adata: AnnData, key: str, *, allow_missing: bool = False) -> NDArray[np.float64]:
    """Column of ``adata.obs`` as numbers, shape ``(n,)``.

    Raises
    ------
    KeyError
        If the column is missing.
    ValueError
        If it holds anything but numbers, or values are missing that may not be.
    """
    column = read(adata, "obs", key, hint="pass the column that holds the time of each cell")
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


def time_points(adata: AnnData, key: str) -> NDArray[np.float64]:
    """Time of each cell, shape ``(n,)``, out of two to two hundred at which samples were taken.

    Raises
    ------
    KeyError, ValueError
        As :func:`numbers`, and for one time or too many.
    """
    values = numbers(adata, key)
    n_times = len(np.unique(values))
    if n_times < 2:
        raise ValueError(_one_value(key, "time points", values))
    if n_times > MOST_TIMES:
        msg = (
            f"Expected 2 to {MOST_TIMES} distinct time points in `adata.obs[{key!r}]`, found {n_times}; one value per cell is a "
            "pseudotime, for which use `from_pseudotime` (on the command line --pseudotime-key)."
        )
        raise ValueError(msg)
    return values


def pseudotimes(adata: AnnData, key: str) -> NDArray[np.float64]:
    """Pseudotime of each cell, shape ``(n,)``, not-a-number where it is unknown.

    Raises
    ------
    KeyError, ValueError
        As :func:`numbers`, and where all known values are one.
    """
    values = numbers(adata, key, allow_missing=True)
    known = values[np.isfinite(values)]
    if not len(known):
        msg = f"Expected numbers in `adata.obs[{key!r}]` as pseudotimes, found none; {_OTHERWISE}."
        raise ValueError(msg)
    if len(np.unique(known)) < 2:
        raise ValueError(_one_value(key, "pseudotimes", known))
    return values


def _one_value(key: str, what: str, values: NDArray[np.float64]) -> str:
    return (
        f"Expected at least two {what} in `adata.obs[{key!r}]`, found all cells at {values[0]:g}, which tells no direction; "
        f"{_OTHERWISE}."
    )
