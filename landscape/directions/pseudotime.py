"""A pseudotime as a source of direction: an order of cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source

if TYPE_CHECKING:
    from landscape.markov.directed import Directed

_COLUMN = re.compile(r"pseudo_?time|^latent_time$", re.IGNORECASE)


def from_pseudotime(key: str = "dpt_pseudotime", *, weight: float = 1.0) -> Direction:
    """Pseudotime in ``adata.obs[key]``, growing from the start. Grade C.

    Parameters
    ----------
    key
        Column of the pseudotime; it may be missing for some cells. Infinite ones, as of cells that no path joins to the root, count as missing.
    weight
        Weight in a combination.
    """
    return Direction(PSEUDOTIME.name, require_name(key), PSEUDOTIME.grade, weight=weight)


def _describe(direction: Direction) -> str:
    return f"the pseudotime in obs[{direction.key!r}]"


def _detect(data: Data) -> list[Direction]:
    from landscape.directions.clock import is_complete

    named = [name for name in data.columns if _COLUMN.search(name)]
    return [from_pseudotime(name) for name in named if is_complete(data.column(name, hint="pass one that is there"))]


def _require(data: Data, direction: Direction) -> None:
    from landscape.directions.clock import pseudotimes

    pseudotimes(data, direction.key)


def _read(cells: Cells, direction: Direction) -> Directed:
    from landscape.directions.clock import pseudotimes
    from landscape.markov.directed import directed_by_order

    return directed_by_order(cells.graph, cells.states, pseudotimes(cells, direction.key))


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    from landscape.directions.clock import pseudotimes
    from landscape.structure import coded

    order = pseudotimes(sample, direction.key)[sample.rows]
    return [Signal(_describe(direction), coded(order), sample.counts()[sample.rows])]


PSEUDOTIME = Source(
    name="pseudotime",
    grade="C",
    describe=_describe,
    require=_require,
    read=_read,
    detect=_detect,
    sought="a pseudotime",
    options=(Option("pseudotime_key", "Direction: obs column with a pseudotime.", from_pseudotime),),
    signals=_signals,
)
