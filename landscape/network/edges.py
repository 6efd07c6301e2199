"""Networks of other tools, from a table of edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from landscape.network.data.symbols import match
from landscape.network.infer import Network


def from_edges(edges: pd.DataFrame, names: Sequence[str]) -> Network:
    """Network from a table of edges of another tool (arboreto, pySCENIC, CellOracle, RegDiffusion...).

    Parameters
    ----------
    edges
        Columns ``source``, ``target``, ``weight``, or ``TF``, ``target``, ``importance`` as in arboreto. All edges belong to
        the support. Self-edges are kept.
    names
        Names of all genes, in the order of the targets.

    Raises
    ------
    TypeError
        If ``edges`` is not a DataFrame.
    KeyError
        If a column is missing.
    ValueError
        If a weight is not finite, an edge is repeated, or no edge is among the genes.
    """
    if not isinstance(edges, pd.DataFrame):
        msg = f"Expected a DataFrame with columns source, target, weight, found {type(edges).__name__}."
        raise TypeError(msg)
    table = edges.rename(columns={"TF": "source", "importance": "weight"})
    if missing := [column for column in ("source", "target", "weight") if column not in table]:
        msg = f"Expected columns source, target, weight, found no {missing}; present: {list(edges.columns)}."
        raise KeyError(msg)
    weight = table["weight"].to_numpy(dtype=np.float64)
    if not np.isfinite(weight).all():
        msg = f"Expected finite weights, found {int((~np.isfinite(weight)).sum())} others."
        raise ValueError(msg)
    source, target = table["source"].astype(str), table["target"].astype(str)
    found = match(set(source) | set(target), names)
    inside = (source.isin(found) & target.isin(found)).to_numpy()
    if not inside.any():
        msg = (
            f"Expected edges among the {len(names)} genes ({list(names[:3])}), found none (first edge: "
            f"{source.iloc[:1].tolist()} to {target.iloc[:1].tolist()})."
        )
        raise ValueError(msg)
    rows = source[inside].map(found).to_numpy(dtype=np.int64)
    columns = target[inside].map(found).to_numpy(dtype=np.int64)
    pairs = pd.MultiIndex.from_arrays([rows, columns])
    if pairs.has_duplicates:
        msg = f"Expected every edge once, found {int(pairs.duplicated().sum())} repeated ones; merge them first."
        raise ValueError(msg)
    regulators, position = np.unique(rows, return_inverse=True)
    weights = np.zeros((len(regulators), len(names)))
    weights[position, columns] = weight[inside]
    none = np.empty(0, dtype=np.int64)
    params = {"method": "table", "n_given": len(table), "n_matched": int(inside.sum())}
    return Network(weights, weights != 0, None, None, None, regulators, none, none, "table", params)
