"""Tables of paths: the states along them, their action, and the order in which genes move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from landscape._numbers import TINY
from landscape.topography.large_deviations.named_paths import SAME, NamedPath

# A gene whose level stays within less than this does not move: levels are 0 for off and 1 for high.
LEAST = 0.05
# Columns of the table of states before those of the regulators.
WORDS = ["from", "to", "saddle", "part", "step"]
_MOVERS = ["from", "to", "saddle", "rank", "gene", "moves", "change", "travel", "half_step", "half_action"]


def path_tables(found: Sequence[NamedPath], genes: list[str], *, least: float = LEAST) -> dict[str, pd.DataFrame]:
    """Tables of paths, as :func:`landscape.tl.paths` writes and describes them.

    Parameters
    ----------
    found
        Paths.
    genes
        Names of the regulators.
    least
        Genes whose level stays within less than this count as not moving.

    Returns
    -------
    ``table`` of states, ``cost`` up to each of them, ``genes`` in the order in which they move, and ``summary``.
    """
    tables = [_points(path, genes) for path in found] or [pd.DataFrame(columns=[*WORDS, *genes])]
    table = pd.concat(tables, ignore_index=True)
    table = table.set_index(table.index.astype(str))
    cost = np.concatenate([path.cost for path in found]) if found else np.zeros(0)
    summary = pd.DataFrame(
        {
            "from": [path.start for path in found],
            "to": [path.end for path in found],
            "saddle": [path.saddle for path in found],
            "action": [float(path.cost[-1]) for path in found],
            "length": [float(np.linalg.norm(np.diff(path.states, axis=0), axis=1).sum()) for path in found],
            "top": [float(path.step[path.top]) for path in found],
            "converged": np.array([path.converged for path in found], dtype=bool),
        },
        index=[str(k) for k in range(len(found))],
    )
    moved = [_movers(path, genes, least) for path in found] or [pd.DataFrame(columns=_MOVERS)]
    order = pd.concat(moved, ignore_index=True)
    return {
        "table": table,
        "cost": pd.DataFrame({"cost": cost}, index=table.index),
        "genes": order.set_index(order.index.astype(str)),
        "summary": summary,
    }


def paths_from_tables(record: Mapping[str, Any], states: pd.DataFrame) -> list[NamedPath] | None:
    """Paths that :func:`path_tables` made tables of, or ``None`` where they do not join these attractors.

    Parameters
    ----------
    record
        ``table``, ``cost`` and ``summary``.
    states
        Attractors x regulators.
    """
    table, genes = record["table"], list(states.columns)
    cost, found = record["cost"]["cost"].to_numpy(dtype=float), []
    key = table[["from", "to", "saddle"]].astype(str)
    converged = record["summary"]["converged"].to_numpy(dtype=bool)
    for number, (_, rows) in enumerate(
        key.groupby(["from", "to", "saddle"], sort=False, observed=True).indices.items()
    ):
        rows = np.sort(rows)
        start, end, saddle = key.iloc[rows[0]]
        points = table.iloc[rows][genes].to_numpy(dtype=float)
        if start not in states.index or end not in states.index:
            return None
        ends = states.loc[[start, end]].to_numpy(dtype=float)
        if np.abs(points[[0, -1]] - ends).max() > SAME * np.linalg.norm(ends[1] - ends[0]):
            return None
        top = int((table["part"].iloc[rows] == "up").sum()) - 1
        found.append(NamedPath(start, end, saddle, points, cost[rows], top, bool(converged[number])))
    return found


def _points(path: NamedPath, genes: list[str]) -> pd.DataFrame:
    part = pd.DataFrame(np.asarray(path.states, dtype=float), columns=genes)
    words = {
        "from": path.start,
        "to": path.end,
        "saddle": path.saddle,
        "part": np.where(np.arange(len(part)) <= path.top, "up", "down").astype(object),
        "step": path.step,
    }
    for place, (word, value) in enumerate(words.items()):
        part.insert(place, word, value)
    return part


def _movers(path: NamedPath, genes: list[str], least: float) -> pd.DataFrame:
    """Genes of a path in the order in which they move; those that do not move last, those of the widest range first."""
    step, levels = path.step, path.states
    travelled = np.vstack([np.zeros(len(genes)), np.cumsum(np.abs(np.diff(levels, axis=0)), axis=0)])
    travel, span = travelled[-1], np.ptp(levels, axis=0)
    half = np.array(
        [
            np.interp(0.5, column / whole, step) if whole > 0 else np.nan
            for column, whole in zip(travelled.T, travel, strict=True)
        ]
    )
    action = path.cost[-1]
    spent = np.interp(half, step, path.cost) / action if action > 0 else np.full(len(genes), np.nan)
    moves = span >= max(least, TINY)
    order = np.lexsort((-span, np.where(moves, half, 0.0), ~moves))
    return pd.DataFrame(
        {
            "from": path.start,
            "to": path.end,
            "saddle": path.saddle,
            "rank": np.arange(1, len(genes) + 1),
            "gene": np.array(genes, dtype=object)[order],
            "moves": moves[order],
            "change": (levels[-1] - levels[0])[order],
            "travel": travel[order],
            "half_step": half[order],
            "half_action": spent[order],
        },
        columns=_MOVERS,
    )
