"""At the width of a column and of a page of a journal no text is cut off and none covers another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from matplotlib import pyplot as plt

from landscape import pl
from landscape.latent import CompressionCurve, LatentModel
from tests.pl.drawn import clipped, overlapping
from tests.synthetic import (
    add_comparison,
    add_consensus,
    add_drivers,
    add_genomic_code,
    add_guy_ropes,
    add_perturbation,
    add_reprogramming,
    add_topography,
)

COLUMN, PAGE = 3.35, 7.1

# What makes axes to draw on, and its height over its width.
SINGLE: dict[str, tuple[Callable[..., Any], float]] = {
    "landscape": (partial(pl.landscape, resolution=40), 0.8),
    "landscape2d": (pl.landscape2d, 0.8),
    "ropes": (partial(pl.guy_ropes, resolution=40), 0.8),
    "ropes_heatmap": (partial(pl.guy_ropes, kind="heatmap"), 0.9),
    "network": (pl.network, 0.95),
    "barriers": (pl.barriers, 0.85),
    "graph": (partial(pl.barriers, kind="graph"), 0.95),
    "circle": (partial(pl.fates, kind="circle"), 0.9),
    "path": (partial(pl.fates, kind="path"), 0.65),
}
SEVERAL: dict[str, Callable[..., Any]] = {
    "attractors": pl.attractors,
    "consensus": partial(pl.consensus, basis="X_plane"),
    "fates": pl.fates,
    "genomic_code": pl.genomic_code,
    "model": partial(pl.fates, kind="model"),
    "drivers": pl.drivers,
    "labels": pl.labels,
    "paths": pl.paths,
    "perturbation": pl.perturbation,
    "reprogram": pl.reprogram,
}


@pytest.fixture
def whole(finished):
    add_topography(finished)
    add_genomic_code(finished)
    add_guy_ropes(finished)
    add_drivers(finished)
    add_comparison(finished)
    add_perturbation(finished)
    add_reprogramming(finished)
    add_consensus(finished)
    return finished


def check(figure):
    figure.canvas.draw()
    assert clipped(figure) == []
    assert overlapping(figure) == []


@pytest.mark.parametrize("width", [COLUMN, PAGE])
@pytest.mark.parametrize("name", SINGLE)
def test_one_drawing(whole, name, width):
    draw, shape = SINGLE[name]
    figure, ax = plt.subplots(figsize=(width, shape * width), layout="constrained")
    draw(whole, ax=ax, show=False)
    check(figure)


@pytest.mark.parametrize("width", [COLUMN, PAGE])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_panels(whole, name, width):
    figure = SEVERAL[name](whole, width=width, show=False, return_fig=True)
    assert figure.get_size_inches()[0] == pytest.approx(width)
    check(figure)


@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_the_latent_model(finished, width):
    import pandas as pd

    model = LatentModel(finished, n_hidden=8, n_latent=2)
    model.train(max_epochs=3)
    checked = model.posterior_predictive_check(finished, n_cells=50, n_samples=2)
    curve = CompressionCurve(
        pd.DataFrame({"n_latent": [2, 2, 5, 5, 10, 10], "elbo": [-912, -910, -901, -900, -899.0, -900]}), 5
    )
    check(pl.latent(finished, model=model, check=checked, compression=curve, width=width, show=False, return_fig=True))


def test_the_check_sees_what_is_cut_off_and_what_overlaps():
    figure, ax = plt.subplots(figsize=(2, 2))
    ax.axis("off")
    ax.text(0.5, 0.5, "one")
    ax.text(0.52, 0.5, "two")
    ax.annotate("far", (0.5, 0.5), xytext=(500, 0), textcoords="offset points", annotation_clip=False)
    figure.canvas.draw()
    assert clipped(figure) == ["far"]
    assert overlapping(figure) == [("one", "two")]
