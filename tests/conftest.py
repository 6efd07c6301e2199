"""Set up every test process: one thread unless asked for more, no display, and where the real data lie."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
if "LANDSCAPE_DATA_DIR" not in os.environ and _SHARED_DATA.is_dir():
    os.environ["LANDSCAPE_DATA_DIR"] = str(_SHARED_DATA)

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture
def finished() -> AnnData:
    """A small finished run, made of numbers that are easy to check."""
    from tests.synthetic import finished_run

    return finished_run()


@pytest.fixture
def data_dir() -> Path:
    """Folder of the real data; the test is skipped where there is none."""
    folder = os.environ.get("LANDSCAPE_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: set LANDSCAPE_DATA_DIR to their folder")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def _one_latent_model() -> Iterator[None]:
    """Let runs train one latent model unless a test asks for more: most tests are not about their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("landscape._run.plan.LATENT_MODELS", ((2**31, 1),))
        yield


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Give every test the package's log as it is after import: the command line sets its level and its handlers."""
    package = [logging.getLogger(name) for name in ("landscape", "landscape._run")]
    before = [(logger.level, list(logger.handlers)) for logger in package]
    yield
    for logger, (level, handlers) in zip(package, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
