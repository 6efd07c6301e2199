"""Every tutorial is a notebook that compiles; the first four run from top to bottom, on fewer cells.

The others are in a file of their own: tests of one file run one after the other, those of two files side by side.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.tutorials import TUTORIALS, run, script


def test_there_are_tutorials() -> None:
    assert [path.stem[:2] for path in TUTORIALS] == ["01", "02", "03", "04", "05", "06", "07", "08"]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_is_a_notebook_that_compiles_and_says_how_few_cells_it_is_tested_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("---\njupytext:")
    assert "\n# " in text
    compile(script(path), path.name, "exec")
    if "ls.datasets" in text:
        assert "LANDSCAPE_TUTORIAL_CELLS" in text


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS[:4], ids=lambda path: path.stem)
def test_tutorial_runs(path: Path, tmp_path: Path) -> None:
    run(path, tmp_path)
