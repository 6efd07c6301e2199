"""The gallery shows every function of `ls.pl`, with a small figure and a call that has the arguments it names."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from landscape import pl

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gallery.md").read_text(encoding="utf-8")
CALLS = [
    node
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    for node in ast.walk(ast.parse(block))
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("ls.pl.")
]


def test_every_figure_is_there_and_small() -> None:
    named = re.findall(r"\(_static/gallery/(\w+\.png)\)", PAGE)
    assert sorted(named) == sorted(path.name for path in (DOCS / "_static" / "gallery").glob("*.png"))
    for name in named:
        assert (DOCS / "_static" / "gallery" / name).stat().st_size <= 150_000, name


def test_every_function_is_shown() -> None:
    assert {ast.unparse(call.func).removeprefix("ls.pl.") for call in CALLS} == set(pl.__all__)


@pytest.mark.parametrize("call", CALLS, ids=ast.unparse)
def test_calls_name_arguments_that_exist(call: ast.Call) -> None:
    function = getattr(pl, ast.unparse(call.func).removeprefix("ls.pl."))
    assert {keyword.arg for keyword in call.keywords} <= inspect.signature(function).parameters.keys()
