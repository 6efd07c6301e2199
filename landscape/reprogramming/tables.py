"""Tables of reprogramming: proposals, their levels, the sizes that were tried, and the ways that states take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from landscape._keys import perturbation_name
from landscape.dynamics import Model
from landscape.perturbation.levels import within_range
from landscape.reprogramming.flow import states_along
from landscape.reprogramming.least_sets import Reprogramming
from landscape.reprogramming.sets import GeneSet

# Points in time along each part of a way, and number of sets whose ways are kept.
N_TIMES, N_WAYS = 80, 5
# A way is shown for so much longer than its states take to rest.
MARGIN = 0.15


def set_names(found: Reprogramming, genes: Sequence[str]) -> list[str]:
    """Name of each set, such as ``"Cebpa=1, Gata1=0"``."""
    return [perturbation_name({genes[gene]: level for gene, level in one}) for one in found.sets]


def set_table(found: Reprogramming, levels: pd.DataFrame, genes: Sequence[str]) -> pd.DataFrame:
    """Proposals with their names, and whether all levels of each are inside the data."""
    inside = levels.groupby("set", sort=False)["inside"].all() if len(levels) else pd.Series(dtype=bool)
    names = set_names(found, genes)
    table = found.table.drop(columns="free_time")
    table.insert(1, "inside", [bool(inside[name]) for name in names])
    for column in ("n_genes", "n_models"):
        table[column] = table[column].fillna(0).astype(int)
    return table.set_axis(pd.Index(names, name="set", dtype=object))


def level_table(
    found: Reprogramming,
    genes: Sequence[str],
    states: NDArray[np.float64],
    source: NDArray[np.float64],
    target: NDArray[np.float64],
) -> pd.DataFrame:
    """Levels of each set beside those of the source, the target and all cells.

    Parameters
    ----------
    found
        The sets.
    genes
        Names of the variables.
    states
        State of each cell, shape ``(n, d)``.
    source, target
        One state of each, shape ``(d,)``.

    Returns
    -------
    ``set``, ``gene``, ``level``, its level in ``source`` and ``target``, the range ``low`` to ``high`` over cells, and ``inside``.
    """
    low, high = states.min(0), states.max(0)
    rows = [
        {
            "set": name,
            "gene": genes[gene],
            "level": level,
            "source": float(source[gene]),
            "target": float(target[gene]),
            "low": float(low[gene]),
            "high": float(high[gene]),
            "inside": within_range(level, float(low[gene]), float(high[gene])),
        }
        for name, one in zip(set_names(found, genes), found.sets, strict=True)
        for gene, level in one
    ]
    columns = ["set", "gene", "level", "source", "target", "low", "high", "inside"]
    return pd.DataFrame(rows, columns=columns)


def way_table(
    model: Model[Any], found: Reprogramming, genes: Sequence[str], source: NDArray[np.float64]
) -> pd.DataFrame:
    """States of the first sets over time, without noise: ``set``, ``time``, ``held`` and the level of each gene.

    Parameters
    ----------
    model
        The model.
    found
        The sets.
    genes
        Names of the variables.
    source
        State to start from, shape ``(d,)``.
    """
    parts = []
    names = set_names(found, genes)
    for name, one, (_, row) in list(zip(names, found.sets, found.table.iterrows(), strict=True))[:N_WAYS]:
        until = float(row["hold_time"])
        # Denser after each change, when states move fastest.
        share = np.linspace(0.0, 1.0, N_TIMES) ** 2
        times = np.concatenate([until * share, until + (MARGIN * until + float(row["free_time"])) * share[1:]])
        parts.append(_way(model, one, source, times, until, name, genes))
    columns = ["set", "time", "held", *genes]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _way(
    model: Model[Any],
    one: GeneSet,
    source: NDArray[np.float64],
    times: NDArray[np.float64],
    until: float,
    name: str,
    genes: Sequence[str],
) -> pd.DataFrame:
    chosen, levels = np.array([gene for gene, _ in one]), np.array([level for _, level in one], dtype=float)
    states = states_along(model, torch.as_tensor(source), chosen, levels, times, until)
    # First the source as it is, then with the genes at their levels, both at time 0.
    table = pd.DataFrame(np.vstack([source, states]), columns=list(genes))
    columns = {"set": name, "time": np.append(0.0, times), "held": np.append(False, times <= until)}
    for position, (column, values) in enumerate(columns.items()):
        table.insert(position, column, values)
    return table


def answer(found: Reprogramming, *, max_genes: int) -> str:
    """What was found, in a sentence."""
    parts = []
    for size, row in found.sizes.iterrows():
        what = f"{int(size)} gene{'s' if int(size) > 1 else ''}"  # type: ignore[arg-type, call-overload]
        if row["n_work"]:
            parts.append(f"{int(row['n_work'])} set{'s' if row['n_work'] > 1 else ''} of {what}")
        elif row["n_hits"]:
            parts.append(f"{int(row['n_hits'])} of {what} in the noise-free flow only")
        elif row["exhaustive"]:
            parts.append(f"no set of {what} exists in this model")
        else:
            parts.append(f"no set of {what} among {int(row['n_genes'])} candidates")
    if not found.sets and len(found.sizes) < max_genes:
        parts.append("nothing else was tried")
    return "; ".join(parts)
