"""Real time points as a source of direction: optimal transport between successive populations."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from landscape.directions.direction import Direction, require_name
from landscape.directions.source import Cells, Data, Option, Sample, Signal, Source

if TYPE_CHECKING:
    from landscape.markov.directed import Directed

logger = logging.getLogger(__name__)

_COLUMN = re.compile(
    r"^(day|days|time|age|hour|hours|hpf|dpf|timepoint|week|weeks|pcw|dpc|dpi|hpi|timepoints|time[_. ].*|(embryonic|gestational)[_. ]?(day|age|week))$",
    re.IGNORECASE,
)


def from_time(key: str = "day", *, growth: str | None = None, weight: float = 1.0) -> Direction:
    """Real time points in ``adata.obs[key]``, numbers in one unit or times in words (E8.5, D3, 24hpf, dates). Grade B.

    Parameters
    ----------
    key
        Column of real times. Words are put on one scale, which is logged; dates become days since the first.
    growth
        Column of ``adata.obs`` with the net growth rate of every cell, births less deaths per unit of that time.
        Without it growth is taken to be equal everywhere, and a state that multiplies looks like a deeper attractor.
    weight
        Weight in a combination.
    """
    growth = None if growth is None else require_name(growth)
    return Direction(TIME.name, require_name(key), TIME.grade, weight=weight, growth=growth)


def _describe(direction: Direction) -> str:
    return f"real time points in obs[{direction.key!r}]"


def _detect(data: Data) -> list[Direction]:
    from landscape.directions.clock import individuals_of, is_time_series

    named = [name for name in data.columns if _COLUMN.match(name)]
    found = [name for name in named if is_time_series(data.column(name, hint="pass one that is there"))]
    found = [name for name in found if individuals_of(data, name) is None]
    return [from_time(name) for name in sorted(found, key=lambda name: name.lower() != "day")]


def _require(data: Data, direction: Direction) -> None:
    from landscape.directions.clock import numbers, time_points

    time_points(data, direction.key)
    if direction.growth is not None:
        numbers(data, direction.growth)


def _read(cells: Cells, direction: Direction) -> Directed:
    from landscape.directions.clock import numbers, time_points
    from landscape.directions.time_words import times_in_words
    from landscape.markov.directed import directed_by_times

    times = time_points(cells, direction.key)
    if words := times_in_words(cells.column(direction.key, hint="pass one that is there")):
        logger.info("times of obs[%r]: %s", direction.key, words)
    growth = None if direction.growth is None else numbers(cells, direction.growth)
    if growth is None:
        logger.warning(
            "growth and death are not modelled: what multiplies is taken for what attracts; name a column of net growth "
            "rates with `from_time(..., growth=)`"
        )
    return directed_by_times(cells.graph, cells.coordinates, cells.states, times, growth=growth, rng=cells.rng)


def _signals(sample: Sample, direction: Direction) -> list[Signal]:
    from landscape.directions.clock import time_points
    from landscape.structure import coded

    times = time_points(sample, direction.key)[sample.rows]
    return [Signal(_describe(direction), coded(times), sample.counts()[sample.rows])]


TIME = Source(
    name="time",
    grade="B",
    describe=_describe,
    require=_require,
    read=_read,
    detect=_detect,
    sought="real time (obs['day'], obs['time'], ...)",
    options=(Option("time_key", "Direction: obs column with real time points.", from_time),),
    signals=_signals,
)
