"""The second half of the tutorials, from top to bottom, on fewer cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.tutorials import TUTORIALS, run


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS[4:], ids=lambda path: path.stem)
def test_tutorial_runs(path: Path, tmp_path: Path) -> None:
    run(path, tmp_path)
