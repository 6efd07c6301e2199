"""Times in words: stages of embryos, days, hours after fertilisation, dates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Words of a unit, and its length in hours.
_UNITS = {
    "minutes": (("min", "mins", "minute", "minutes"), 1 / 60),
    "hours": (("h", "hr", "hrs", "hour", "hours", "hpf", "hpi", "hpt"), 1.0),
    "days": (("d", "day", "days", "dpf", "dpi", "dpt", "dpc", "dps", "pcd", "e", "ed", "p", "pnd", "div"), 24.0),
    "weeks": (("w", "wk", "wks", "week", "weeks", "pcw", "gw", "wpc"), 168.0),
    "months": (("mo", "month", "months"), 30.4375 * 24),
    "years": (("y", "yr", "yrs", "year", "years"), 365.25 * 24),
}
_HOURS = {name: hours for name, (_, hours) in _UNITS.items()}
_UNIT_OF = {word: name for name, (words, _) in _UNITS.items() for word in words}
# What the time is counted from; times from different events cannot be put on one scale.
_EVENTS = {"hpf": "fertilisation", "dpf": "fertilisation", "e": "conception", "ed": "conception", "dpc": "conception", "pcw": "conception",
           "wpc": "conception", "pcd": "conception", "gw": "gestation", "p": "birth", "pnd": "birth"}  # fmt: skip
_WORD = re.compile(
    r"^(?:(?P<before>[a-z]+)(?:-(?=\d))?[\s_.:]*)?(?P<number>-?\d+(?:[.,]\d+)?)(?:[\s_-]*(?P<after>[a-z]+))?$",
    re.IGNORECASE,
)
# Words that may stand before a number and say nothing of its unit.
_PLAIN = {"t", "time", "timepoint", "tp", "at", "age"}


@dataclass(frozen=True, slots=True)
class Times:
    """Times that were written in words.

    Attributes
    ----------
    values
        Time of each cell, shape ``(n,)``; NaN where the word is missing.
    unit
        Unit of the numbers; empty if the words name none.
    words
        Number of each word, in the order of the numbers.
    """

    values: NDArray[np.float64]
    unit: str
    words: dict[str, float]

    def __str__(self) -> str:
        """Words and their numbers, up to eight of them."""
        shown = ", ".join(f"{word} is {value:g}" for word, value in list(self.words.items())[:8])
        more = f" and {len(self.words) - 8} more" if len(self.words) > 8 else ""
        return f"{shown}{more}{f' ({self.unit})' if self.unit else ''}"


def times_in_words(column: pd.Series) -> Times | None:
    """Times of a column of words such as ``E8.5``, ``D3``, ``day 2``, ``24hpf``, or of dates; ``None`` if it holds others.

    All words must have units that can be put on one scale, and count from one event: ``E18.5`` and ``P1`` do not. Numbers are in the unit
    of the words, in days if they differ. Dates are days since the first.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return _dates(column, column.dt.strftime("%Y-%m-%d %H:%M").str.removesuffix(" 00:00"))
    if pd.api.types.is_timedelta64_dtype(column):
        days = column.dt.total_seconds() / 86400
        return _timed(column.astype(str), days, "days")
    words = column.astype(object)
    distinct = list(words.dropna().unique())
    if not distinct or not all(isinstance(word, str) for word in distinct):
        return None
    parsed = [_parse(word.strip()) for word in distinct]
    known = [part for part in parsed if part is not None]
    if len(known) == len(distinct):
        return None if _has_doubtful_sign(distinct, known) else _on_one_scale(words, distinct, known)
    if all(re.match(r"^\d{4}-\d{2}-\d{2}([T ].*)?$", word.strip()) for word in distinct):
        return _dates(pd.to_datetime(words, errors="coerce"), words)
    return None


def _parse(word: str) -> tuple[float, str, str] | None:
    """Number, unit and event of a word; ``None`` if it is no time."""
    found = _WORD.match(word)
    if found is None:
        return None
    before, after = ((found[part] or "").lower() for part in ("before", "after"))
    named = [part for part in (before, after) if part in _UNIT_OF]
    if (
        (before and before not in _UNIT_OF and before not in _PLAIN)
        or (after and after not in _UNIT_OF)
        or len(named) > 1
    ):
        return None
    number = float(found["number"].replace(",", "."))
    return number, _UNIT_OF[named[0]] if named else "", _EVENTS.get(named[0], "") if named else ""


def _has_doubtful_sign(distinct: list[str], parsed: list[tuple[float, str, str]]) -> bool:
    """Whether ``D-7`` stands beside ``D7``: a hyphen after a word joins, and beside the same number it may mean a minus."""
    numbers = [number for number, *_ in parsed]
    joined = [re.match(r"^[a-z]+-\d", word.strip(), re.IGNORECASE) is not None for word in distinct]
    return any(hyphen and numbers.count(number) > 1 for hyphen, number in zip(joined, numbers, strict=True))


def _on_one_scale(words: pd.Series, distinct: list[str], parsed: list[tuple[float, str, str]]) -> Times | None:
    units, events = {unit for _, unit, _ in parsed}, {event for _, _, event in parsed}
    if len(events) > 1 or (len(units) > 1 and "" in units):
        return None
    unit = units.pop() if len(units) == 1 else "days"
    scale = {
        word: number * (_HOURS[own] / _HOURS[unit] if own else 1.0)
        for word, (number, own, _) in zip(distinct, parsed, strict=True)
    }
    return _timed(words, words.map(scale), unit)


def _dates(dates: pd.Series, words: pd.Series) -> Times | None:
    if dates.isna().sum() > words.isna().sum():
        return None
    return _timed(words, (dates - dates.min()) / pd.Timedelta(days=1), "days")


def _timed(words: pd.Series, numbers: pd.Series, unit: str) -> Times:
    values = numbers.astype(float).to_numpy()
    known = np.isfinite(values)
    pairs = dict(zip(words[known].astype(str), values[known].tolist(), strict=True))
    return Times(values, unit, dict(sorted(pairs.items(), key=lambda pair: pair[1])))
