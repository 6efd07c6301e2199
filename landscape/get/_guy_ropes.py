"""Tensions of guy ropes as tidy tables."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata
from landscape.topography.large_deviations.guy_ropes import KINDS

_TABLES = ("ropes", "edges", "barriers", "genes", "critical")


def guy_ropes(
    adata: AnnData,
    *,
    table: Literal["ropes", "edges", "barriers", "genes", "critical"] = "ropes",
    gene: str | None = None,
    key: str = _keys.GUY_ROPES,
) -> pd.DataFrame:
    """Which genes hold which barrier up, and which pull it down.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.guy_ropes`.
    table
        ``"ropes"``: a row for each barrier and gene. ``"edges"``, ``"barriers"``, ``"genes"``, ``"critical"``: the tables of that
        name of :func:`landscape.tl.guy_ropes`.
    gene
        Return the rows of this gene only: in ``"edges"`` those in which it is the source.
    key
        Name of the result.

    Returns
    -------
    One row per barrier and gene: ``barrier``, ``gene``, ``strength`` with its interval ``strength_low`` to ``strength_high``, and
    likewise ``production`` and ``turnover`` where they were asked for; ``place``. Strongest first within each barrier. Or the
    table that was asked for. Tensions are in units of the barrier, which belongs to the ``diffusion``.

    Raises
    ------
    KeyError
        If there are no guy ropes.
    ValueError
        If the table or the gene is unknown.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.guy_ropes(adata)  # doctest: +SKIP
    >>> ls.get.guy_ropes(adata, gene="Gata1")  # doctest: +SKIP
    """
    if table not in _TABLES:
        msg = f"Expected `table` out of {list(_TABLES)}, found {table!r}."
        raise ValueError(msg)
    record = read_result(require_adata(adata), key, hint="run `landscape.tl.guy_ropes(adata)` first")
    genes = record["genes"].index
    if gene is not None and gene not in genes:
        msg = f"Expected `gene` to be a regulator of the model, found {gene!r}; there are {list(map(str, genes))}."
        raise ValueError(msg)
    if table == "ropes":
        found = _tidy(record)
    elif table in ("barriers", "genes"):
        found = record[table].rename_axis(table.removesuffix("s")).reset_index()
    else:
        found = record[table].copy()
    column = "source" if table == "edges" else "gene"
    if gene is not None and column in found:
        found = found[found[column].astype(str) == gene]
    found = found.reset_index(drop=True)
    return (
        found.assign(diffusion=float(record["params"]["diffusion"]))
        if table in ("ropes", "edges", "barriers")
        else found
    )


def _tidy(record: dict[str, pd.DataFrame]) -> pd.DataFrame:
    kinds = [kind for kind in KINDS if kind in record]
    columns = [f"{kind}{suffix}" for kind in kinds for suffix in ("", "_low", "_high")]
    first = record[kinds[0]]
    parts = []
    for name in first.columns:
        part = pd.DataFrame({"barrier": name, "gene": first.index.to_numpy()})
        for column in (*columns, "place"):
            part[column] = record[column][name].to_numpy(dtype=float)
        parts.append(part.iloc[np.argsort(-part[kinds[0]].abs().to_numpy(), kind="stable")])
    return pd.concat(parts, ignore_index=True)
