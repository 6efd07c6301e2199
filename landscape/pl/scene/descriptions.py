"""Descriptions of attractors and paths, for the pointer on a surface: lines of plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from landscape import _keys
from landscape._anndata import results_of
from landscape.pl.scene.transitions import PlanePath, rows_of_path

# Largest number of genes in a line.
MAX_GENES = 5
# Columns of the table of attractors, and their labels.
_FACTS = (("n_cells", "cells"), ("leading_eigenvalue", "leading eigenvalue (1 / time)"), ("support", "support"))


def describe_attractor(adata: AnnData, name: str) -> list[str]:
    """Cells, eigenvalue and support of an attractor, and the regulators that are higher there than elsewhere."""
    record = results_of(adata)[_keys.ATTRACTORS]
    table, states = record["table"], record["states"]
    lines = []
    for column, label in _FACTS:
        if column in table and np.isfinite(value := float(table.loc[name, column])):
            lines.append(f"{label}: {value:,.0f}" if column == "n_cells" else f"{label}: {value:,.3g}")
    others = states.drop(index=name)
    if len(others):
        above = (states.loc[name] - others.mean()).sort_values(ascending=False, kind="stable")
        if high := [str(gene) for gene in above.index[:MAX_GENES] if above[gene] > 0]:
            lines.append(f"higher than elsewhere: {', '.join(high)}")
    return lines


def describe_path(adata: AnnData, path: PlanePath) -> list[str]:
    """Barrier on a path, with its interval, and the genes that move first."""
    results = results_of(adata)
    lines = [f"over {path.saddle}"]
    barrier = _rows(results.get(_keys.BARRIERS), "table", path)
    if barrier is not None and np.isfinite(height := float(barrier["height"].iloc[0])):
        text = f"barrier: {height:.2g}"
        if {"low", "high"} <= set(barrier) and np.isfinite(
            barrier[["low", "high"]].iloc[0].to_numpy(dtype=float)
        ).all():
            text += f" [{barrier['low'].iloc[0]:.2g}, {barrier['high'].iloc[0]:.2g}]"
        lines.append(text)
    genes = _rows(results.get(_keys.PATHS), "genes", path)
    if genes is not None and (first := genes.loc[genes["moves"].astype(bool), "gene"].astype(str).tolist()[:MAX_GENES]):
        lines.append(f"first to move: {', '.join(first)}")
    if not path.near.all():
        lines.append(f"cells are near {path.near.mean():.0%} of it")
    return lines


def _rows(record: Mapping[str, Any] | None, part: str, path: PlanePath) -> pd.DataFrame | None:
    """Rows of a table that belong to a path; ``None`` where there are none."""
    table = None if record is None else record.get(part)
    if table is None or not {"from", "to", "saddle"} <= set(table):
        return None
    own = rows_of_path(table, path.start, path.end, path.saddle)
    return own if len(own) else None
