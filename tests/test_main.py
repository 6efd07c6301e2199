"""``python -m landscape`` is the command line."""

from __future__ import annotations

import subprocess
import sys

import landscape


def test_the_package_runs_as_the_command_line():
    found = subprocess.run([sys.executable, "-m", "landscape", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == landscape.__version__
