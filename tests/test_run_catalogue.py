"""Data sets as the command line lists them: within the terminal's width, each with the call that reads it."""

from __future__ import annotations

import pytest

from landscape import datasets
from landscape._run.catalogue import call_of, details, known, listing, loader_of

TABLE = datasets.list()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_every_name_is_there(width):
    lines = listing(TABLE, width).splitlines()
    assert max(map(len, lines)) <= width
    names = [line.split()[0] for line in lines if line.strip()]
    assert {"hematopoiesis", *TABLE.index} <= set(names)


def test_a_wide_terminal_has_a_line_for_each():
    rows = [line for line in listing(TABLE, 200).splitlines() if line.startswith("  ")]
    assert len(rows) == len(TABLE) + 1
    assert any("2,660 x 3,004" in row and "MARS-seq" in row for row in rows)


@pytest.mark.parametrize("name", ["hematopoiesis", *TABLE.index])
def test_details_name_a_call_that_exists(name):
    assert known(name)
    text = details(TABLE, name, 80)
    assert call_of(name) in " ".join(text.split())
    function = call_of(name).removeprefix("ls.datasets.").partition("(")[0]
    assert function in datasets.__all__
    if name in TABLE.index:
        assert TABLE.loc[name, "licence"].split()[0] in text


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("paul15", "paul15()"),
        ("pancreas_739", "pancreas(wide=True)"),
        ("dyngen_cycle", "dyngen('cycle')"),
        ("beeline_dyn-LI", "beeline('dyn-LI')"),
        ("regulators_mouse", "regulators('mouse')"),
        ("regulators_human_pyscenic", "regulators('human', source='pyscenic')"),
        ("trrust_mouse", "prior('trrust', 'mouse')"),
    ],
)
def test_calls_are_those_of_python(name, call, data_dir):
    assert call_of(name) == f"ls.datasets.{call}"
    found = eval(call_of(name), {"ls": type("ls", (), {"datasets": datasets})})
    if "regulators" in name or name == "trrust_mouse":
        with pytest.raises(ValueError, match="holds no cells to write"):
            loader_of(name)
    else:
        assert loader_of(name)().shape == found.shape
