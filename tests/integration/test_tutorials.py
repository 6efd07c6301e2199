"""Every tutorial runs from top to bottom, in a process of its own, as a reader would run it, on fewer cells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[2] / "tutorials").glob("0*.md"))

# Cells that each page is run on; set the variable to run them on more, or to "100000" for all.
FEW = "300"


def script(path: Path) -> str:
    """Code cells of a notebook in text form, as a script."""
    jupytext = pytest.importorskip("jupytext", reason="install the group `doc`")
    cells = jupytext.read(path).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


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
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs(path: Path, tmp_path: Path) -> None:
    code = script(path)
    if "datasets.hematopoiesis" not in code and not os.environ.get("LANDSCAPE_DATA_DIR"):
        pytest.skip("needs real data: set LANDSCAPE_DATA_DIR to their folder")
    (tmp_path / "tutorial.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "tutorial.py"],
        cwd=tmp_path,
        env={"LANDSCAPE_TUTORIAL_CELLS": FEW, **os.environ, "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=840,
    )
    assert done.returncode == 0, done.stderr[-3000:]
