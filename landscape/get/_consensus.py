"""Consensus of several models as tidy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata

_PARTS = ("attractors", "terminal_states", "members", "levels", "variance", "barriers", "rates", "perturbations")
# Entry of the record where it has another name.
_STORED = {"attractors": "table", "terminal_states": "terminal", "levels": "level"}


def consensus(adata: AnnData, *, part: str = "attractors", key: str = _keys.CONSENSUS) -> pd.DataFrame:
    """Attractors on which several models agree, and numbers with their spread over models.

    Parameters
    ----------
    adata
        Annotated data with a consensus (:func:`landscape.tl.consensus`).
    part
        Which table: ``"attractors"``, ``"terminal_states"``, ``"members"``, ``"levels"``, ``"variance"``, ``"barriers"``,
        ``"rates"`` or ``"perturbations"``.
    key
        Name of the result.

    Returns
    -------
    Table of the part:

    * ``"attractors"`` and ``"terminal_states"``: one row per attractor, the most persistent first, with ``attractor``,
      ``persistence`` (share of the models that have it), ``kept``, ``n_models``, ``n_cells`` of the basin (mean over these),
      ``n_decided`` (cells that more than half of the models have in the basin) and ``matched_by``.
    * ``"members"``: one row per attractor, its name in each model, empty where the model has none.
    * ``"levels"``: one row per attractor and regulator, with ``level``, ``low``, ``high`` and ``n_models``.
    * ``"variance"``: one row per attractor, with the shares of the variance of its levels that are due to the
      ``latent_model``, the ``downstream_seed`` and the ``resample`` of cells, missing where they cannot be told apart, and
      ``n_values``.
    * ``"barriers"``, ``"rates"``: one row per ordered pair, with ``from``, ``to``, ``height`` or ``rate``, ``low``, ``high``
      and ``n_models``.
    * ``"perturbations"``: one row per perturbation and fate, with ``perturbation``, ``fate``, ``change``, ``low``, ``high``,
      ``lfsr`` and ``n_models``.

    Raises
    ------
    KeyError
        If there is no consensus, or fewer than two models have what the table is about.
    ValueError
        If ``part`` is unknown.

    Examples
    --------
    >>> import landscape as ls
    >>> ls.tl.consensus(adata, models=runs)  # doctest: +SKIP
    >>> ls.get.consensus(adata).query("kept")  # doctest: +SKIP
    >>> ls.get.consensus(adata, part="levels").query("gene == 'Gata1'")  # doctest: +SKIP
    """
    if part not in _PARTS:
        msg = f"Expected `part` out of {list(_PARTS)}, found {part!r}."
        raise ValueError(msg)
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.consensus(adata, models=[...])` first")
    stored = _STORED.get(part, part)
    if stored not in record:
        present = [name for name in _PARTS if _STORED.get(name, name) in record]
        msg = f"The consensus has no {part!r}: compute them in at least two of the models. Present: {present}."
        raise KeyError(msg)
    if part == "levels":
        return _levels(record["level"], record["low"], record["high"], record["table"]["n_models"])
    if part == "perturbations":
        tables = {name: table.rename_axis("fate").reset_index() for name, table in record[part].items()}
        return pd.concat(tables, names=["perturbation"]).reset_index("perturbation").reset_index(drop=True)
    if part in ("barriers", "rates"):
        return record[part].reset_index(drop=True).copy()
    return record[stored].rename_axis("terminal" if part == "terminal_states" else "attractor").reset_index()


def _levels(level: pd.DataFrame, low: pd.DataFrame, high: pd.DataFrame, n_models: pd.Series) -> pd.DataFrame:
    n_attractors, n_genes = level.shape
    return pd.DataFrame(
        {
            "attractor": np.repeat(level.index.to_numpy(dtype=object), n_genes),
            "gene": np.tile(level.columns.to_numpy(dtype=object), n_attractors),
            "level": level.to_numpy().ravel(),
            "low": low.to_numpy().ravel(),
            "high": high.to_numpy().ravel(),
            "n_models": np.repeat(n_models.to_numpy(), n_genes),
        }
    )
