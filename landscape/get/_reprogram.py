"""Reprogramming as tidy tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import read_result, require_adata

_TABLES = ("sets", "levels", "sizes", "ways", "answers")


def reprogram(
    adata: AnnData,
    *,
    table: Literal["sets", "levels", "sizes", "ways", "answers"] = "sets",
    working: bool = False,
    key: str = _keys.REPROGRAMMING,
) -> pd.DataFrame:
    """Sets of genes that carry one fate into another, of all searches.

    Parameters
    ----------
    adata
        Annotated data after :func:`landscape.tl.reprogram`.
    table
        ``"sets"``: one row per search and set, the best first. ``"levels"``, ``"sizes"``, ``"ways"``: the tables of that name of
        :func:`landscape.tl.reprogram`. ``"answers"``: one row per search, with the ``answer``, the size of the ``least`` sets (0 where
        none works), the barrier back (``barrier``, ``barrier_low``, ``barrier_high``) and the ``distance`` of the target from cells.
    working
        Return only sets that work.
    key
        Key of the results.

    Returns
    -------
    The table, with the columns ``source`` and ``target`` first; levels of a gene in source and target are ``source_level`` and
    ``target_level``.

    Raises
    ------
    KeyError
        If there are no results.
    ValueError
        If the table is unknown.

    Examples
    --------
    >>> import landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> ls.tl.reprogram(adata, "monocyte", "erythrocyte")  # doctest: +SKIP
    >>> ls.get.reprogram(adata, working=True)  # doctest: +SKIP
    """
    if table not in _TABLES:
        msg = f"Expected `table` out of {list(_TABLES)}, found {table!r}."
        raise ValueError(msg)
    records = read_result(require_adata(adata), key, hint="run `landscape.tl.reprogram(adata, source, target)` first")
    parts = [_one(record, table, working=working) for name, record in records.items() if name != "params"]
    return pd.concat(parts, ignore_index=True)


def _one(record: Mapping[str, Any], table: str, *, working: bool) -> pd.DataFrame:
    sets = record["sets"]
    if table == "answers":
        found = sets.loc[sets["works"].to_numpy(dtype=bool), "n_genes"]
        barrier = {
            "barrier" + (f"_{name}" if name != "height" else ""): record["barrier"][name]
            for name in ("height", "low", "high")
        }
        least = int(found.min()) if len(found) else 0
        values = {"answer": record["answer"], "least": least, **barrier, "distance": record["distance"]}
        part = pd.DataFrame([values])
    elif table == "sets":
        part = sets.rename_axis("set").reset_index()
    elif table == "sizes":
        part = record["sizes"].rename_axis("size").reset_index()
    else:
        part = record[table].rename(columns={"source": "source_level", "target": "target_level"})
    if working and "set" in part:
        part = part[part["set"].isin(sets.index[sets["works"].to_numpy(dtype=bool)])]
    part = part.copy()
    part.insert(0, "source", str(record["params"]["source"]))
    part.insert(1, "target", str(record["params"]["target"]))
    return part
