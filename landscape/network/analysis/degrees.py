"""Degrees and strengths of the nodes of a network."""

from __future__ import annotations

import numpy as np
import pandas as pd


def degrees(edges: pd.DataFrame) -> pd.DataFrame:
    """Degrees and strengths of all nodes, in decreasing order of out-strength.

    Parameters
    ----------
    edges
        Columns ``source``, ``target`` and ``weight``, as in :func:`landscape.get.edges`. Edges of weight zero are left out.

    Returns
    -------
    Table indexed by gene: ``n_activated`` and ``n_repressed`` (targets by sign), ``n_regulators`` (in-degree),
    ``out_strength`` and ``in_strength`` (sums of magnitudes), ``out_share`` (share of the total strength).

    Raises
    ------
    KeyError
        If a column is missing.
    """
    if missing := [column for column in ("source", "target", "weight") if column not in edges]:
        msg = f"Expected columns source, target, weight, found no {missing}; present: {list(edges.columns)}."
        raise KeyError(msg)
    table = edges.loc[edges["weight"] != 0, ["source", "target", "weight"]].astype({"source": object, "target": object})
    size = table["weight"].abs()
    genes = pd.Index(pd.unique(np.concatenate([table["source"], table["target"]])), name="gene")
    columns = {
        "n_activated": table.loc[table["weight"] > 0].groupby("source").size(),
        "n_repressed": table.loc[table["weight"] < 0].groupby("source").size(),
        "n_regulators": table.groupby("target").size(),
        "out_strength": size.groupby(table["source"]).sum(),
        "in_strength": size.groupby(table["target"]).sum(),
    }
    result = pd.DataFrame({name: values.reindex(genes).fillna(0) for name, values in columns.items()}, index=genes)
    counts = ["n_activated", "n_repressed", "n_regulators"]
    result[counts] = result[counts].astype(int)
    result["out_share"] = result["out_strength"] / max(float(size.sum()), np.finfo(float).tiny)
    return result.sort_values("out_strength", ascending=False, kind="stable")
