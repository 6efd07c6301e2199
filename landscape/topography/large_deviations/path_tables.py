"""Tables of paths: the states along them, what they cost, and the order in which genes move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.dynamics import RegulatoryDrift
from landscape.topography import Transition, TransitionNetwork, transition_path

# A gene whose level stays within less than this does not move: levels are 0 for off and 1 for high.
LEAST = 0.05
NO_SADDLE = "no saddle"
WORDS = ["from", "to", "saddle", "part", "step"]
_MOVERS = ["from", "to", "saddle", "rank", "gene", "moves", "change", "travel", "half_step", "half_action"]


@dataclass(frozen=True, eq=False)
class NamedPath:
    """A path with names: ``states`` ``(m, d)``, action spent up to each ``(m,)``, row of the ``top``, the last if none."""

    start: str
    end: str
    saddle: str
    states: NDArray[np.float64]
    cost: NDArray[np.float64]
    top: int
    converged: bool

    @property
    def step(self) -> NDArray[np.float64]:
        """Share of the path's length up to each state."""
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.states, axis=0), axis=1))])
        return length / length[-1] if length[-1] > 0 else np.linspace(0.0, 1.0, len(length))


def saddle_name(found: TransitionNetwork, crossing: Transition) -> str:
    """Name of the saddle of a pass: its number in the network."""
    return NO_SADDLE if crossing.saddle is None else f"saddle {found.passes.index(crossing) + 1}"


def over_passes(found: TransitionNetwork, drift: RegulatoryDrift, names: list[str]) -> list[NamedPath]:
    """Whole paths over every pass of a network, in both directions."""
    result = []
    for crossing in found.passes:
        for (i, j), up in zip((crossing.attractors, crossing.attractors[::-1]), crossing.up, strict=True):
            way = transition_path(drift, crossing, i)
            result.append(
                NamedPath(
                    names[i], names[j], saddle_name(found, crossing), way.states, way.cost, way.top, bool(up.converged)
                )
            )
    return result


def path_record(found: Sequence[NamedPath], genes: list[str], *, least: float) -> dict[str, pd.DataFrame]:
    """Tables of paths as :func:`paths` writes them."""
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
    """Genes of a path in the order in which they move; those that do not move last, the widest first."""
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
    moves = span >= max(least, 1e-300)
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
