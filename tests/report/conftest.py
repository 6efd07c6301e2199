from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).resolve().parents[1] / "synthetic.py"


@pytest.fixture(scope="session")
def synthetic():
    """Module that makes a finished run; loaded by path because the test folders are no package."""
    spec = importlib.util.spec_from_file_location("landscape_test_synthetic", _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def finished(synthetic):
    """A small finished run."""
    return synthetic.finished_run()
