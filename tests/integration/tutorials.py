"""Tutorials as scripts, and a run of one as a reader would start it, in a process of its own."""

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


def run(path: Path, folder: Path) -> None:
    """Run a tutorial from top to bottom in a folder, on few cells."""
    code = script(path)
    if "ls.datasets" in code and "datasets.hematopoiesis" not in code and not os.environ.get("LANDSCAPE_DATA_DIR"):
        pytest.skip("needs real data: set LANDSCAPE_DATA_DIR to their folder")
    (folder / "tutorial.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "tutorial.py"],
        cwd=folder,
        env={"LANDSCAPE_TUTORIAL_CELLS": FEW, **os.environ, "MPLBACKEND": "Agg", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
