"""Labels of cells against basins and fates, as tidy tables."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, require_adata
from landscape._labels import read_labels
from landscape.topography.fates.labels import means_by_label, own_states, shares_by_label


def labels(
    adata: AnnData,
    *,
    label_key: str | None = None,
    by: Literal["basin", "fate"] = "basin",
    basin_key: str = _keys.BASIN,
    fate_key: str = _keys.FATES,
) -> pd.DataFrame:
    """Where the cells of each label lie in the model, or where they go.

    Parameters
    ----------
    adata
        Annotated data with basins (:func:`landscape.tl.basins`) or fates (:func:`landscape.tl.fates`).
    label_key
        Column of :attr:`~anndata.AnnData.obs` with labels; by default that which named the attractors, else
        ``"cell_type"``. Cells without a label are left out.
    by
        ``"basin"``: the share of a label's cells in the basin of each attractor. ``"fate"``: the mean probability of each
        fate over a label's cells.
    basin_key
        Column of :attr:`~anndata.AnnData.obs` with basins.
    fate_key
        Table of fate probabilities in :attr:`~anndata.AnnData.obsm`.

    Returns
    -------
    One row per label and basin: ``label``, ``n_cells`` of the label, ``basin``, ``n`` of them in it, ``share``, and ``own``,
    whether the attractor is named after the label. By fate: ``label``, ``n_cells``, ``fate``, ``chain``, the mean probability on
    the directed chain over all of them that have fates, ``own``, and, if :func:`landscape.tl.fates` simulated the model,
    ``model``, the mean over the ``n_model`` simulated ones.

    Raises
    ------
    KeyError
        If the labels, the basins or the fates are missing.
    ValueError
        If no cell has a label, or ``by`` is unknown.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> table = ls.get.labels(adata)  # doctest: +SKIP
    >>> table.pivot(index="label", columns="basin", values="share")  # doctest: +SKIP
    """
    adata = require_adata(adata)
    if by not in ("basin", "fate"):
        msg = f"Expected `by` to be 'basin' or 'fate', found {by!r}."
        raise ValueError(msg)
    slot, stored, call = ("obs", basin_key, "basins") if by == "basin" else ("obsm", fate_key, "fates")
    result = read(adata, slot, stored, hint=f"run `landscape.tl.{call}` first")
    column = read_labels(adata, label_key)
    n_cells = column.astype(str)[column.notna()].value_counts()
    if by == "basin":
        basin = result.astype("category")
        wide = shares_by_label(column, basin.astype(str), list(map(str, basin.cat.categories)))
        table = _long(wide, n_cells, "basin", "share")
        table.insert(3, "n", np.rint(table["share"] * table["n_cells"]).astype(int))
        return table
    fates = result
    key = f"{fate_key}{_keys.FATES_COMPARED[0]}"
    if key not in adata.obsm:
        return _long(means_by_label(column, fates), n_cells, "fate", "chain")
    model = adata.obsm[key]
    # The model may have attractors at which no cell is absorbed.
    names = [*fates.columns, *model.columns.difference(fates.columns)]
    # A fate that the chain does not have is one of probability 0; a cell without fates stays without.
    chain = fates.assign(**dict.fromkeys(names[fates.shape[1] :], fates.iloc[:, 0] * 0))
    table = _long(means_by_label(column, chain), n_cells, "fate", "chain")
    simulated = column[model.notna().all(axis=1).to_numpy()].astype(str).value_counts()
    own = means_by_label(column, model).reindex(columns=names, fill_value=0.0)
    return table.assign(
        model=own.loc[table["label"].unique()].to_numpy().ravel(),
        n_model=simulated.reindex(table["label"], fill_value=0).to_numpy(),
    )


def _long(wide: pd.DataFrame, n_cells: pd.Series, state: str, value: str) -> pd.DataFrame:
    """One row per label and state, with the number of cells and whether the state is the label's own."""
    rows, columns = list(map(str, wide.index)), list(map(str, wide.columns))
    own = own_states(rows, columns)
    label = np.repeat(np.array(rows, dtype=object), len(columns))
    states = np.tile(np.array(columns, dtype=object), len(rows))
    return pd.DataFrame(
        {
            "label": label,
            "n_cells": n_cells.reindex(label).to_numpy(),
            state: states,
            value: wide.to_numpy(dtype=float).ravel(),
            "own": [name in own[kind] for kind, name in zip(label, states, strict=True)],
        }
    )
