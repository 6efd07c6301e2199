"""Pegs and guy ropes: what is drawn, how wide, in which colour, and from where to where."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from landscape.pl._guy_ropes_surface import strongest_in_turn
from landscape.pl.scene.height_map import HeightMap
from landscape.pl.scene.relief import Camera, Relief
from landscape.pl.scene.underside import EYE, SHEET, low_relief, on_ground, shown
from landscape.pl.style.figure import DOWN, UP
from tests.pl.drawn import artist, artists, texts
from tests.synthetic import GENES, NAMES, add_guy_ropes


@pytest.fixture
def held(crossed):
    add_guy_ropes(crossed)
    return crossed


def draw(pl, adata, **options):
    return pl.guy_ropes(adata, resolution=40, show=False, **options)


def test_widths_are_tensions_and_colours_their_signs(pl, held):
    ax = draw(pl, held, barriers=f"{NAMES[1]} to {NAMES[0]}", n_genes=5)
    t = held.uns["landscape"]["guy_ropes"]["strength"][f"{NAMES[1]} to {NAMES[0]}"]
    strongest = t.abs().sort_values(ascending=False, kind="stable").index[:5]
    # A rope may pass behind the surface in several pieces; each has its width.
    widths = {(round(float(r.get_linewidths()[0]), 6), to_hex(r.get_colors()[0])) for r in artists(ax, "ropes")}
    assert len(widths) == 5
    measured = sorted(w for w, _ in widths)
    expected = np.sort(t.abs()[strongest].to_numpy())
    # Width grows in proportion to the tension, from that of no tension.
    np.testing.assert_allclose(
        np.diff(measured) / np.diff(expected), np.diff(measured)[0] / np.diff(expected)[0], rtol=1e-4
    )
    assert sum(colour == UP for _, colour in widths) == (t[strongest] > 0).sum()
    assert sum(colour == DOWN for _, colour in widths) == (t[strongest] < 0).sum()


def test_named_genes_stand_on_the_ground_below_what_they_hold(pl, held):
    ax = draw(pl, held, n_genes=4)
    names = [t for t in texts(ax.figure) if t.get_text() in GENES]
    assert len(names) == 4
    top = max(t.get_position()[1] for t in names)
    assert all(float(r.get_segments()[0][:, 1].min()) > top for r in artists(ax, "ropes"))
    assert len(artist(ax, "pegs").get_paths()) > 0
    valleys = [t.get_text() for t in texts(ax.figure) if t.get_text() in NAMES]
    assert sorted(valleys) == sorted(NAMES)


def test_uncertain_signs_are_dashed(pl, held):
    ax = draw(pl, held, n_genes=11)
    dashed = [r for r in artists(ax, "ropes") if r.get_linestyle()[0][1] is not None]
    assert dashed
    assert len(dashed) < len(artists(ax, "ropes"))


def test_the_caption_says_what_a_rope_is_and_which_valley_is_about_to_vanish(pl, held):
    figure = draw(pl, held, return_fig=True)
    said = " ".join(figure._supxlabel.get_text().split())
    assert "d(barrier) / d ln(all outgoing edges of a gene) at D = 0.1" in said
    assert f"{NAMES[0]} vanishes at 0.93 times the ropes of {GENES[0]}" in said
    assert "dashed: sign uncertain" in said
    assert "too few replicates" not in said
    held.uns["landscape"]["guy_ropes"]["strength_low"].iloc[:, :1] = np.nan
    figure = draw(pl, held, return_fig=True)
    assert "1 of 4 barriers in too few replicates for a sign" in " ".join(figure._supxlabel.get_text().split())


def test_the_heat_map_has_the_tensions(pl, held):
    ax = pl.guy_ropes(held, kind="heatmap", n_genes=6, show=False)
    record = held.uns["landscape"]["guy_ropes"]
    rows = [t.get_text() for t in ax.get_yticklabels()]
    columns = [t.get_text() for t in ax.get_xticklabels()]
    drawn = np.asarray(artist(ax, "tensions").get_array()).reshape(len(rows), len(columns))
    np.testing.assert_allclose(drawn, record["strength"].loc[rows, columns])
    assert set(rows) == set(record["strength"].abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:6])
    marks = artist(ax, "uncertain").get_offsets()
    assert {rows[int(y)] for _, y in marks} == {GENES[4]}


def test_genes_are_taken_from_each_barrier_in_turn(held):
    import pandas as pd

    t = pd.DataFrame({"one": [5.0, -4.0, 0.1, 0.0], "two": [0.2, 0.1, -0.3, 0.0]}, index=list("abcd"))
    assert strongest_in_turn(t, 2) == ["a", "c"]
    assert strongest_in_turn(t, 10) == ["a", "c", "b"]


def test_the_low_camera_sees_the_ground_from_above_and_the_surface_from_below():
    x = np.linspace(0, 1, 30)
    height = 1 - np.exp(-((x[None] - 0.5) ** 2 + (x[:, None] - 0.25) ** 2) / 0.01)
    heights = HeightMap(x, x, height, np.ones((30, 30), dtype=bool))
    relief = low_relief(Relief(heights, Camera.on(heights, azimuth=-np.pi / 2, elevation=48.0, rise=0.7), 40))
    near, far = np.array([[0.0, -1.0]]), np.array([[0.0, 1.0]])
    assert EYE < SHEET
    assert on_ground(relief.camera, near)[0, 1] < on_ground(relief.camera, far)[0, 1]
    sheet = [relief.camera.see(v, np.array([0.7]))[0][0, 1] for v in (near, far)]
    assert sheet[0] > sheet[1]
    # The valley in front hangs down before what is behind it; nothing hides what is beside it.
    behind = np.array([[0.0, 0.6], [0.9, 0.6]])
    assert shown(relief, behind, np.array([0.6, 0.6])).tolist() == [False, True]


def test_unknown_names_are_refused(pl, held):
    with pytest.raises(ValueError, match="Expected `kind`"):
        pl.guy_ropes(held, kind="map")
    with pytest.raises(ValueError, match=r"landscape\.tl\.guy_ropes"):
        pl.guy_ropes(held, wrt="production")
    with pytest.raises(ValueError, match="Expected `barriers`"):
        pl.guy_ropes(held, barriers=["here to there"])
    paths = held.uns["landscape"]["paths"]
    paths["table"] = paths["table"][paths["table"]["from"] != NAMES[0]]
    with pytest.raises(ValueError, match="Expected the paths of all barriers"):
        pl.guy_ropes(held)
    del held.uns["landscape"]["guy_ropes"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.guy_ropes"):
        pl.guy_ropes(held)
