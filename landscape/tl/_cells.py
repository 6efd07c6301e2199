"""Selection of cells by name, by a mask, or by a column and its value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape._anndata import read


def cells_of(adata: AnnData, cells: Sequence[str] | NDArray[np.bool_] | str) -> NDArray[np.int64]:
    """Positions of cells given by name, by a mask, or as ``"column=value"``.

    Raises
    ------
    KeyError
        If the column or a name is unknown.
    ValueError
        If the mask has another length, or no cell is selected.
    """
    if isinstance(cells, str):
        column, _, value = cells.partition("=")
        labels = read(adata, "obs", column, hint="pass `cells` as 'column=value'").astype(str)
        found = np.flatnonzero((labels == value).to_numpy())
        what = f"cells with {value!r} in `adata.obs[{column!r}]`, whose values are {sorted(labels.unique())[:10]}"
    else:
        given = np.asarray(cells)
        if given.dtype == bool:
            if given.shape != (adata.n_obs,):
                msg = f"Expected a mask of {adata.n_obs} cells, found shape {given.shape}."
                raise ValueError(msg)
            found = np.flatnonzero(given)
        else:
            found = adata.obs_names.get_indexer([str(cell) for cell in given])
            if (found < 0).any():
                missing = [str(cell) for cell, i in zip(given, found, strict=True) if i < 0]
                msg = f"Expected names of cells, found {len(missing)} unknown ones, first {missing[:3]}."
                raise KeyError(msg)
        what = "at least one cell"
    if not len(found):
        msg = f"Expected {what}, found none."
        raise ValueError(msg)
    return found
