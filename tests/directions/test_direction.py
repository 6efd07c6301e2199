"""Direction records hold names only, combine, and refuse nonsense."""

from __future__ import annotations

import pytest

import landscape as ls


def test_grades_are_those_of_the_sources():
    assert ls.dynamics.from_time("day").grade == "B"
    assert ls.dynamics.from_root(genes=["Cd34"]).grade == "C"
    assert ls.dynamics.from_transitions("T", grade="B").grade == "B"


def test_a_combination_keeps_its_parts_and_has_the_best_grade():
    both = ls.dynamics.from_root("a") + ls.dynamics.from_time("day") + ls.dynamics.from_unspliced()
    assert [part.source for part in both.parts] == ["root", "time", "unspliced"]
    assert both.grade == "B"
    assert str(both) == "root (a) + time (day) + unspliced (unspliced)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ls.dynamics.from_root(), ValueError, "either `root`"),
        (lambda: ls.dynamics.from_root("a", genes=["b"]), ValueError, "found both or none"),
        (lambda: ls.dynamics.from_root(genes="Cd34"), TypeError, r"\['Cd34'\]"),
        (lambda: ls.dynamics.from_root(genes=[]), ValueError, "at least one gene"),
        (lambda: ls.dynamics.from_time(3), TypeError, "Expected a name"),
        (lambda: ls.dynamics.from_time("day", weight=0.0), ValueError, "positive `weight`"),
        (lambda: ls.dynamics.from_transitions("T", grade="E"), ValueError, "'A', 'B', 'C', 'D'"),
    ],
)
def test_nonsense_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
