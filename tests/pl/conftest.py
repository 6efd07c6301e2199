"""What every test of a figure needs: figures closed afterwards, and a run with saddles, paths and barriers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anndata import AnnData
from matplotlib import pyplot as plt

import landscape.pl
from tests.synthetic import add_topography


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    """Close the figures of a test, which pile up otherwise."""
    yield
    plt.close("all")


@pytest.fixture
def crossed(finished: AnnData) -> AnnData:
    """A finished run with the transitions between its attractors."""
    add_topography(finished)
    return finished


@pytest.fixture
def pl(monkeypatch):
    """Plots with a coarse surface, which is drawn quickly."""
    fine = landscape.pl.landscape
    monkeypatch.setattr(landscape.pl, "landscape", lambda *args, **kwargs: fine(*args, **{"resolution": 30, **kwargs}))
    return landscape.pl
