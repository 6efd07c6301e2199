"""Quantities of cells at states of the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from landscape import _keys
from landscape._anndata import read, require_adata
from landscape._random import generator
from landscape.topography.occupancy import place

# Maximum number of cells searched for neighbours; in many dimensions the cost grows with its square.
MAX_REFERENCE_CELLS = 4000
# Number of neighbours over which the mean is taken.
N_NEIGHBORS = 40


def values_at_states(
    adata: AnnData, *, states: pd.DataFrame, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean of a quantity over the cells nearest to given states, such as those along a path.

    The mean is taken over 40 neighbours in the space of the regulators, with weights that decrease with distance
    (:func:`landscape.topography.place`). With the coordinates of the cells as the quantity, it places states in a drawing.

    Parameters
    ----------
    adata
        Annotated data with states (:func:`landscape.tl.dynamics`).
    states
        States in rows; the columns are regulators of the model, all or some of them.
    values
        Values of the quantity in all cells, shape ``(n_cells, k)``.

    Returns
    -------
    Means of shape ``(n_states, k)``; and whether there are cells near each state, shape ``(n_states,)``.

    Raises
    ------
    KeyError
        If there are no states of the cells, or a column is not a regulator of the model.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> states = adata.uns["landscape"]["attractors"]["states"]  # doctest: +SKIP
    >>> places, near = ls.get.values_at_states(adata, states=states, values=adata.obsm["X_umap"])  # doctest: +SKIP
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
    """Positions of the cells that are searched for neighbours, the same in every call."""
    if adata.n_obs <= MAX_REFERENCE_CELLS:
        return np.arange(adata.n_obs)
    return np.sort(generator(0).choice(adata.n_obs, size=MAX_REFERENCE_CELLS, replace=False))
