"""The relief: cells on its surface, names that do not overlap, colours, and its caption."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from landscape.pl.scene.cells import categorical_palette
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.places import development_direction
from landscape.pl.scene.relief import Camera
from tests.pl.drawn import artists, offsets


def test_the_plateau_hides_no_valley_and_is_stated(pl, finished):
    record = finished.uns["landscape"]["occupancy"]
    grid = HeightMap.from_record(record)
    cut = grid.cut_above(finished.obsm["X_plane"])
    assert cut.is_cut
    assert not grid.is_cut
    assert cut.highest < grid.highest
    assert (grid.at(finished.obsm["X_plane"]) < cut.highest).mean() >= 0.99
    caption = pl.landscape(finished, show=False, return_fig=True).get_supxlabel()
    assert f"plateau: above {cut.highest:.3g}" in caption
    assert "hatched: height unknown" in caption


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": np.zeros((3, 3))}, r"shape \(len\(y\), len\(x\)\) = \(71, 70\), found \(3, 3\)"),
        ({"support": np.zeros((71, 70), dtype=bool)}, "No height of the surface is known"),
    ],
)
def test_a_wrong_record_is_named(pl, finished, change, message):
    finished.uns["landscape"]["occupancy"].update(change)
    with pytest.raises(ValueError, match=message):
        pl.landscape(finished, show=False)


def test_balls_lie_on_the_surface_in_the_colours_of_their_basins(pl, finished):
    ax = pl.landscape(finished, show=False)
    record = finished.uns["landscape"]["occupancy"]
    plane = finished.obsm["X_plane"]
    grid = HeightMap.from_record(record).cut_above(plane).cropped()
    drawn = offsets(ax, "cells")
    turn, _ = development_direction(finished, plane)
    found = []
    for rise in (0.7, 0.6, 0.5, 0.42, 0.36, 0.3):
        camera = Camera.on(grid, azimuth=turn, elevation=48.0, rise=rise, keep=plane)
        expected = camera.project(plane, grid.at(plane))
        if len(drawn) == len(expected):
            found.append(np.abs(np.sort(drawn, axis=0) - np.sort(expected, axis=0)).max())
    assert min(found) < 1e-12
    colours = {tuple(np.round(c, 6)) for a in artists(ax, "cells") for c in a.get_facecolors()}
    assert len(colours) == 4


def test_development_runs_towards_the_viewer(pl, finished):
    ax = pl.landscape(finished, color="day", cmap="gray", show=False)
    drawn = np.concatenate([np.c_[a.get_offsets()[:, 1], a.get_facecolors()] for a in artists(ax, "cells")])
    low = drawn[:, 0] < np.median(drawn[:, 0])
    assert drawn[low, 1].mean() > drawn[~low, 1].mean() + 0.2  # late is bright


def test_one_number_moves_the_surface(pl, finished):
    def corners():
        ax = pl.landscape(finished, show=False, rise=0.5, ceiling=5.0, labels=False, n_cells=10)
        return np.concatenate([np.asarray(a.get_coordinates()).reshape(-1, 2) for a in artists(ax, "surface")])

    before = corners()
    height = finished.uns["landscape"]["occupancy"]["height"].copy()
    height[np.unravel_index(np.argmin(height), height.shape)] += 1.0
    finished.uns["landscape"]["occupancy"]["height"] = height
    assert np.abs(corners() - before).max() > 1e-3


def test_attractors_are_named_once_and_labels_do_not_overlap(pl, finished):
    figure = pl.landscape(finished, show=False, return_fig=True)
    figure.canvas.draw()
    texts = [t for t in figure.axes[0].texts if t.get_text().endswith("cells")]
    assert sorted(t.get_text().split("\n")[0] for t in texts) == sorted(finished.obs["basin"].cat.categories)
    boxes = [t.get_bbox_patch().get_window_extent() for t in texts]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])
    assert len(offsets(figure.axes[0], "attractors")) == 4


def test_many_attractors_still_do_not_overlap(pl, finished):
    names = [f"Attractor number {i}" for i in range(14)]
    record = finished.uns["landscape"]["attractors"]
    state = record["states"].iloc[0]
    record["states"] = pd.DataFrame([state] * 14, index=names)
    record["table"] = pd.DataFrame({"n_cells": 43, "observed": True}, index=names)
    finished.obs["basin"] = pd.Categorical(np.take(names, np.arange(600) % 14), categories=names)
    figure = pl.landscape(finished, show=False, return_fig=True)
    figure.canvas.draw()
    boxes = [t.get_bbox_patch().get_window_extent() for t in figure.axes[0].texts if t.get_text().endswith("cells")]
    assert len(boxes) == 14
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize("width", [1.2, 3.5])
def test_in_a_narrow_column_everything_is_smaller_and_still_apart(pl, finished, width):
    figure, ax = plt.subplots(figsize=(width, width), layout="constrained" if width > 2 else None)
    wide = pl.landscape(finished, show=False)
    pl.landscape(finished, ax=ax, show=False)
    if width < 2:  # names are wider than the drawing: they are put one below the other
        return
    figure.canvas.draw()
    texts = [t for t in ax.texts if t.get_text().endswith("cells")]
    boxes = [t.get_bbox_patch().get_window_extent() for t in texts]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])
        assert one.x0 > 0
        assert one.x1 < figure.bbox.x1
    assert {t.get_fontsize() for t in texts} == {9 * 0.65}
    assert artists(ax, "cells")[0].get_sizes().max() < 0.3 * artists(wide, "cells")[0].get_sizes().max()


def test_an_attractor_without_cells_is_listed_as_missing(pl, finished):
    record = finished.uns["landscape"]["attractors"]
    record["table"].loc["Ghost"] = record["table"].iloc[0]
    record["states"].loc["Ghost"] = 0.5
    assert "no cells, so not drawn: Ghost" in pl.landscape(finished, show=False, return_fig=True).get_supxlabel()


def test_an_attractor_that_no_cell_is_near_is_listed(pl, finished):
    finished.uns["landscape"]["attractors"]["table"].loc["Monocyte", "observed"] = False
    assert "no cells near the state: Monocyte" in pl.landscape(finished, show=False, return_fig=True).get_supxlabel()


def test_the_vertical_axis_is_labelled(pl, finished):
    texts = [t.get_text() for t in pl.landscape(finished, show=False).texts]
    assert "occupancy, \N{MINUS SIGN}ln p (model ensemble)" in texts
    finished.uns["landscape"]["occupancy"]["label"] = "quasi-potential (D = 0.1)"
    assert "quasi-potential (D = 0.1)" in [t.get_text() for t in pl.landscape(finished, show=False).texts]


def test_too_many_cells_are_sampled_and_listed(pl, finished):
    figure = pl.landscape(finished, n_cells=100, show=False, return_fig=True)
    assert "100 of 600 cells shown" in figure.get_supxlabel()
    assert len(offsets(figure.axes[0], "cells")) == 100
    again = pl.landscape(finished, n_cells=100, show=False)
    np.testing.assert_array_equal(offsets(figure.axes[0], "cells"), offsets(again, "cells"))


def test_colours_by_gene_column_and_nothing(pl, finished):
    assert len(pl.landscape(finished, color="Gata1", show=False, return_fig=True).axes) == 2
    figure = pl.landscape(finished, color="cell_type", show=False, return_fig=True)
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1
    assert not pl.landscape(finished, color=None, show=False, return_fig=True).legends
    _, ax = plt.subplots()
    assert pl.landscape(finished, color="cell_type", ax=ax, show=False).get_legend() is not None
    with pytest.raises(KeyError, match="neither a column of `adata.obs`.*nor a gene"):
        pl.landscape(finished, color="nothing", show=False)


def test_stored_colours_are_used_and_wrong_ones_are_not_but_stay(pl, finished):
    names = list(finished.obs["basin"].cat.categories)
    finished.uns["basin_colors"] = ["#ff0000", "#00ff00", "#0000ff", "#ffff00"]
    ax = pl.landscape(finished, show=False)
    rings = artists(ax, "attractors")[0].get_edgecolors()
    assert {tuple(c) for c in rings} == {to_rgba(c) for c in finished.uns["basin_colors"]}
    finished.uns["basin_colors"] = ["#ff0000"]
    pl.landscape(finished, show=False)
    assert finished.uns["basin_colors"] == ["#ff0000"]
    chosen = dict.fromkeys(names, "#123456")
    rings = artists(pl.landscape(finished, palette=chosen, show=False), "attractors")[0].get_edgecolors()
    assert {tuple(c) for c in rings} == {to_rgba("#123456")}
    with pytest.raises(ValueError, match="no colour for"):
        pl.landscape(finished, palette={"Erythrocyte": "red"}, show=False)
    with pytest.raises(ValueError, match="Expected 4 colours in `palette`"):
        pl.landscape(finished, palette=["red"], show=False)


def test_categories_that_are_called_like_basins_have_their_colours(finished):
    kinds = np.where(np.arange(600) % 3 == 0, "Monocyte", np.where(np.arange(600) % 3 == 1, "HSC", "GMP"))
    finished.obs["kind"] = pd.Categorical(kinds)
    basins, found = (categorical_palette(finished, key) for key in ("basin", "kind"))
    assert found["Monocyte"] == basins["Monocyte"]
    assert len(set(found.values())) == 3
    finished.obs["kind"] = pd.Categorical(np.where(np.arange(600) < 100, "Monocyte", np.arange(600) % 17).astype(str))
    assert len(set(categorical_palette(finished, "kind").values())) == 18
    finished.uns["kind_colors"] = ["#123456"] * 18
    assert set(categorical_palette(finished, "kind").values()) == {"#123456"}


def test_missing_heights_name_the_call(pl, finished):
    del finished.uns["landscape"]["occupancy"]
    with pytest.raises(KeyError, match=r"run `landscape\.tl\.occupancy\(adata\)` first"):
        pl.landscape(finished, show=False)


def test_scanpy_habits(pl, finished):
    _, ax = plt.subplots()
    settings = dict(plt.rcParams)
    assert pl.landscape(finished, ax=ax, show=False, labels=False, n_cells=10) is ax
    assert isinstance(pl.landscape(finished, return_fig=True, labels=False, n_cells=10), Figure)
    assert dict(plt.rcParams) == settings
    before = set(finished.uns) | set(finished.obs)
    pl.landscape(finished[:300], show=False, n_cells=10)
    assert set(finished.uns) | set(finished.obs) == before


@pytest.mark.parametrize("flat", [0, 1], ids=["on a line across", "on a line along"])
def test_cells_on_a_line_can_be_drawn(pl, finished, flat):
    finished.obsm["X_plane"][:, flat] = 0.0
    record = finished.uns["landscape"]["occupancy"]
    grid = record[("x", "y")[flat]]
    near = np.abs(grid) < 0.05
    record["support"] = record["support"] & (near[None, :] if flat == 0 else near[:, None])
    drawn = offsets(pl.landscape(finished, show=False), "cells")
    assert np.isfinite(drawn).all()
    assert len(drawn) > 100  # the others lie beyond the line that the heights cover
