"""Quantities of cells at states of the model that no cell has."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from landscape import _keys
from landscape._anndata import read, require_adata
from landscape._random import generator
from landscape.topography.occupancy import place

# Cells that are searched for neighbours: in many dimensions the search grows with their square.
MAX_REFERENCE_CELLS = 4000
# Neighbours of a state over which the mean is taken.
N_NEIGHBORS = 40


def values_at_states(
    adata: AnnData, *, states: pd.DataFrame, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean of a quantity over the cells nearest to given states, such as those along a path.

    The mean goes over 40 neighbours in the space of the regulators, weighted by their closeness
    (:func:`landscape.topography.place`). Drawings place states in a plane in this way, with the coordinates of the cells as
    the quantity.

    Parameters
    ----------
    adata
        Annotated data with states (:func:`landscape.tl.dynamics`).
    states
        States, one a row; the columns are regulators of the model, all of them or some.
    values
        Quantities of all cells, shape ``(n_cells, k)``.

    Returns
    -------
    Means of shape ``(n_states, k)``; and whether cells are near each state, shape ``(n_states,)``.

    Raises
    ------
    KeyError
        If there are no states of the cells, or a column is no regulator.
    """
    known = read(require_adata(adata), "obsm", _keys.STATE, hint="run `landscape.tl.dynamics` first")
    genes = list(states.columns)
    cells = _reference_cells(adata)
    return place(
        states.to_numpy(dtype=float),
        known.iloc[cells][genes].to_numpy(dtype=float),
        np.asarray(values, dtype=float)[cells],
        n_neighbors=N_NEIGHBORS,
    )


def _reference_cells(adata: AnnData) -> NDArray[np.int64]:
    """Positions of the cells among which neighbours are searched, the same ones in every call."""
    if adata.n_obs <= MAX_REFERENCE_CELLS:
        return np.arange(adata.n_obs)
    return np.sort(generator(0).choice(adata.n_obs, size=MAX_REFERENCE_CELLS, replace=False))
