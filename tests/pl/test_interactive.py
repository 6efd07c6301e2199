"""The surface that turns, and the film: what they hold, that they repeat, and that they need no network."""

from __future__ import annotations

import re
import sys
import types

import numpy as np
import pandas as pd
import pytest

from landscape import get, pl
from landscape.pl._animation import _ffmpeg, rolling_cells
from landscape.pl.scene.view import read_view, relief_of
from tests.synthetic import NAMES, finished_run

go = pytest.importorskip("plotly.graph_objects", reason="install the extra `interactive`")


def traces(figure, name):
    return [t for t in figure.data if t.name == name]


# The surface


def test_cells_lie_on_the_surface_in_their_categories(crossed):
    figure = pl.landscape3d(crossed, show=False)
    surface = figure.data[0]
    plane = crossed.obsm["X_plane"]
    for name in NAMES:
        (trace,) = traces(figure, name)
        own = plane[(crossed.obs["basin"] == name).to_numpy()]
        np.testing.assert_allclose(np.c_[trace.x, trace.y], own, rtol=1e-6)
        assert np.min(trace.z) >= np.min(surface.z)
    highest = float(np.max(surface.z))
    assert crossed.uns["landscape"]["occupancy"]["height"].max() > highest  # cut like the relief


def test_attractors_and_paths_say_what_they_are(crossed):
    figure = pl.landscape3d(crossed, show=False)
    (attractors,) = traces(figure, "attractors")
    shown, said = attractors.customdata[0]
    assert said[0] == NAMES[0]
    assert "leading eigenvalue (1 / time): -0.61" in said
    assert "leading eigenvalue (1 / time): -0.61" in shown
    states = crossed.uns["landscape"]["attractors"]["states"]
    highest = (states.loc[NAMES[0]] - states.drop(index=NAMES[0]).mean()).idxmax()
    assert f"higher than elsewhere: {highest}" in said[-1]
    (names,) = traces(figure, "names")
    assert list(names.text) == list(NAMES)
    (both,) = {t.legendgroup for t in traces(figure, f"{NAMES[0]} \N{EN DASH} {NAMES[1]}")}
    entries = [t for t in figure.data if t.legendgroup == both]
    assert [t.showlegend for t in entries] == [True, False]  # both ways up, one entry
    assert list(entries[0].meta[:3]) == [f"from {NAMES[0]} towards {NAMES[1]}", "over saddle 1", "barrier: 2 [1, 3]"]
    assert "barrier: 3 [2, 4]" in entries[1].hovertemplate
    assert len(traces(figure, "saddles")[0].x) == 3


def test_several_colours_make_a_menu(crossed):
    figure = pl.landscape3d(crossed, color=["basin", "Gata1", "day"], show=False)
    buttons = figure.layout.updatemenus[0].buttons
    assert [b.label for b in buttons] == ["basin", "Gata1", "day"]
    assert [t.visible for t in traces(figure, "Gata1")] == [False]
    shown = buttons[1].args[0]["visible"]
    assert len(shown) == len(figure.data)
    on = {t.name for t, visible in zip(figure.data, shown, strict=True) if visible}
    assert "Gata1" in on
    assert not on & set(NAMES)
    colours = np.array(traces(figure, "day")[0].marker.color)
    day = crossed.obs["day"].to_numpy()
    assert len(set(colours[day == day.max()])) == 1


def test_names_stay_text(crossed):
    crossed.obs["evil"] = pd.Categorical(["<b>x</b>"] * crossed.n_obs)
    figure = pl.landscape3d(crossed, color="evil", title="<i>", show=False)
    assert traces(figure, "&lt;b&gt;x&lt;/b&gt;")
    assert figure.layout.title.text == "&lt;i&gt;"


def test_the_file_is_bounded_complete_and_states_what_was_sampled(crossed, tmp_path):
    path = tmp_path / "surface.html"
    figure = pl.landscape3d(crossed, n_cells=200, save=path)
    assert sum(len(t.x) for t in figure.data if t.legendgroup == "cells") == 200
    assert "200 of 600 cells shown" in figure.layout.annotations[0].text
    html = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 7e6
    assert '<script src="http' not in html
    assert "plotly_click" in html  # a click on an attractor or a path keeps what is said of it in sight
    assert html.rindex("plotly_click") > html.rindex("plotly-graph-div")  # ours, not one in the library


def test_wrong_colours_are_named(crossed):
    with pytest.raises(ValueError, match="at least one name in `color`"):
        pl.landscape3d(crossed, color=[], show=False)
    with pytest.raises(KeyError, match="neither a column"):
        pl.landscape3d(crossed, color=["basin", "nothing"], show=False)


# The film


@pytest.fixture(scope="module")
def modelled():
    """A run with a real model: cells relax to four states of eleven genes without any interaction."""
    adata = finished_run()
    genes = list(adata.obsm["X_state"].columns)
    d = len(genes)
    target = adata.uns["landscape"]["attractors"]["states"].iloc[0].to_numpy()
    adata.uns["landscape"]["dynamics"] |= {
        "weights": np.zeros((d, d)),
        "bias": np.zeros(d),
        "signal": np.zeros(d),
        "ceiling": 2 * target,  # s(0) = 1/2: every cell goes to the first attractor
        "decay": np.ones(d),
        "hill": np.ones(d),
        "threshold": np.ones(d),
        "scale": np.ones(d),
        "diffusion": 1e-6,
    }
    adata.obs["landscape_start"] = adata.obs["day"] == 1
    adata.uns["landscape"]["occupancy"]["params"] = {"duration": 5.0}
    return adata


def view_of(adata):
    return read_view(
        adata, color=None, basis=None, occupancy_key="occupancy", layer=None, palette=None, cmap="viridis",
        n_cells=None, labels=True, paths=False, rng=0,
    )  # fmt: skip


def test_balls_roll_to_where_the_model_goes(modelled):
    view = view_of(modelled)
    relief, _, _ = relief_of(view)
    options = {"n_cells": 12, "n_frames": 30, "duration": 8.0}
    found = rolling_cells(modelled, view, relief, **options, rng=0)
    assert found.where.shape == (30, 12, 2)
    end = next(p.point for p in view.places if p.name == NAMES[0])
    begin = np.linalg.norm(found.where[0] - end, axis=1)
    last = np.linalg.norm(found.where[-1] - end, axis=1)
    assert (last < 0.5).all()
    assert last.max() < begin.min()
    again = rolling_cells(modelled, view, relief, **options, rng=0)
    np.testing.assert_array_equal(found.paper, again.paper)
    assert np.ptp(found.rgba, axis=0).max() == 0  # all of them end at one attractor
    # One sets off after the other.
    assert found.seen[0].sum() < found.seen[-1].sum()


def test_the_film_repeats_byte_for_byte(modelled, tmp_path):
    options = {"n_cells": 5, "n_frames": 4, "dpi": 40}
    for name in ("a.gif", "b.gif"):
        assert pl.animate(modelled, save=tmp_path / name, **options) is None
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    from PIL import Image

    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 4
    with pytest.raises(ValueError, match=r"ends in \.gif or \.mp4, found 'film\.avi'"):
        pl.animate(modelled, save="film.avi", **options)


# What stands in for ffmpeg: notes its arguments and the size of what it reads, and writes a file.
STAND_IN = """#!{python}
import sys
from pathlib import Path

n = len(sys.stdin.buffer.read())
Path({log!r}).write_text(" ".join([str(n), *sys.argv[1:]]))
Path(sys.argv[-1]).write_text("a film")
"""


def test_mp4_goes_through_ffmpeg_frame_by_frame(modelled, tmp_path, monkeypatch):
    program, log = tmp_path / "ffmpeg", tmp_path / "log"
    program.write_text(STAND_IN.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setattr("landscape.pl._animation._ffmpeg", lambda: str(program))
    assert pl.animate(modelled, save=tmp_path / "film.mp4", n_cells=5, n_frames=4, fps=10, dpi=40) is None
    assert (tmp_path / "film.mp4").read_text() == "a film"
    said = log.read_text()
    size, width, height = re.match(r"(\d+) .*-s (\d+)x(\d+) ", said).groups()
    assert int(size) == 4 * 4 * int(width) * int(height)  # four frames, red, green, blue and opacity
    assert int(width) % 2 == int(height) % 2 == 0  # which the coding needs
    for words in ("-framerate 10", "h264", "yuv420p", "-bitexact"):
        assert words in said


def test_mp4_by_the_real_ffmpeg(modelled, tmp_path):
    if _ffmpeg() is None:
        pytest.skip("needs ffmpeg, for instance by `pip install imageio-ffmpeg`")
    for name in ("a.mp4", "b.mp4"):
        pl.animate(modelled, save=tmp_path / name, n_cells=5, n_frames=4, dpi=40)
    film = (tmp_path / "a.mp4").read_bytes()
    assert film[4:8] == b"ftyp"
    assert film == (tmp_path / "b.mp4").read_bytes()


def test_ffmpeg_may_come_with_python_and_is_named_where_it_is_missing(modelled, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    package = types.ModuleType("imageio_ffmpeg")
    package.get_ffmpeg_exe = lambda: "/somewhere/ffmpeg"
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", package)
    assert _ffmpeg() == "/somewhere/ffmpeg"
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ValueError, match="need ffmpeg.*pip install imageio-ffmpeg.*or save a .gif"):
        pl.animate(modelled, save="film.mp4")


def test_a_film_needs_a_model(finished):
    del finished.uns["landscape"]["dynamics"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.dynamics"):
        pl.animate(finished, n_frames=2)


def test_a_film_has_the_trajectories_of_get(modelled):
    view = view_of(modelled)
    found = rolling_cells(modelled, view, relief_of(view)[0], n_cells=6, n_frames=1, duration=1.0, rng=2)
    states = get.trajectories(modelled, n_cells=6, n_times=1, duration=1.0, rng=2).states[0].numpy()
    genes = list(get.model(modelled).regulators)
    where, _ = get.values_at_states(modelled, states=pd.DataFrame(states, columns=genes), values=view.where)
    np.testing.assert_allclose(found.where[0], where)


def test_without_start_cells_a_film_starts_uphill(modelled, monkeypatch):
    monkeypatch.setitem(modelled.obs, "landscape_start", False)
    view = view_of(modelled)
    found = rolling_cells(modelled, view, relief_of(view)[0], n_cells=20, n_frames=2, duration=0.01, rng=0)
    assert modelled.obsm["X_plane"][:, 1].max() - found.where[0, :, 1].min() < 1.0  # development runs down the plane
