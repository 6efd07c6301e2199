"""Labels of cells: the column that holds them, and the states that are named after them."""

from __future__ import annotations

import logging

import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read, results_of
from landscape.topography.fates.labels import (
    basin_sentences,
    elsewhere,
    fate_sentences,
    labels_present,
    means_by_label,
    own_share,
    own_states,
    shares_by_label,
)

logger = logging.getLogger(__name__)


def label_key_of(adata: AnnData) -> str | None:
    """Column of labels that named the attractors, else that of the run, else ``"cell_type"``.

    ``None`` where there is none of them with a label.
    """
    results = results_of(adata)
    records = (results.get(_keys.ATTRACTORS, {}), results.get("run", {}))
    named = [str(record.get("params", {}).get("label_key", "none")) for record in records]
    return next((key for key in (*named, _keys.LABEL) if key in adata.obs and adata.obs[key].notna().any()), None)


def read_labels(adata: AnnData, label_key: str | None) -> pd.Series:
    """Labels of a column, by default that of :func:`label_key_of`.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If no cell has a label.
    """
    key = label_key_of(adata) if label_key is None else label_key
    if key is None:
        msg = (
            f"Expected labels of cells in `adata.obs[{_keys.LABEL!r}]`, found none; pass `label_key=` with a column, or name it in "
            f"`landscape.run(label_key=)`. "
            f"Present: {sorted(map(str, adata.obs.columns))}."
        )
        raise KeyError(msg)
    labels = read(adata, "obs", key, hint="pass `label_key=` with a column of labels")
    if labels.isna().all():
        msg = f"Expected labels in `adata.obs[{key!r}]`, found none in {len(labels)} cells; pass another `label_key=`."
        raise ValueError(msg)
    return labels


def warn_of_basins(adata: AnnData, basin: pd.Series) -> None:
    """Warn of labels that name a state and most of whose cells are in the basin of another label."""
    labels, mature = _mature(adata)
    if not mature:
        return
    states = list(results_of(adata)[_keys.ATTRACTORS]["states"].index)
    table = shares_by_label(labels, basin, states)
    found = elsewhere(table, own_states(list(table.index), states), mature)
    n_cells = labels.astype(str).value_counts()
    for sentence in basin_sentences(found, n_cells):
        logger.warning("%s", sentence)


def warn_of_fates(adata: AnnData, fates: pd.DataFrame) -> None:
    """Warn of labels that name a state and most of whose mean fate on the chain is that of another label."""
    labels, mature = _mature(adata)
    if not mature:
        return
    table = means_by_label(labels, fates)
    own = own_states(list(table.index), list(fates.columns))
    for sentence in fate_sentences(elsewhere(table, own, mature), own_share(table, own)):
        logger.warning("%s", sentence)


def _mature(adata: AnnData) -> tuple[pd.Series, list[str]]:
    """Labels by which the attractors were named, and those that name an observed attractor or a terminal state."""
    results = results_of(adata)
    attractors, terminal = results.get(_keys.ATTRACTORS, {}), results.get(_keys.TERMINAL_STATES, {})
    key = str(attractors.get("params", {}).get("label_key", "none"))
    if key not in adata.obs:
        return pd.Series(dtype=object), []
    labels, table = adata.obs[key], attractors["table"]
    states = [*table.index[table["observed"].astype(bool)], *(terminal["table"].index if terminal else [])]
    return labels, [label for label, own in own_states(labels_present(labels), list(map(str, states))).items() if own]
