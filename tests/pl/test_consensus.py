"""The figure of the consensus: bars are the persistence, colours the agreement."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

import landscape as ls
from landscape.pl.scene.cells import attractor_colours
from tests.pl.drawn import artist, texts
from tests.synthetic import add_consensus


def test_bars_and_colours_are_those_of_the_result(finished):
    add_consensus(finished)
    table = ls.get.consensus(finished)
    bars, plane = ls.pl.consensus(finished, basis="X_plane", show=False)
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], table["persistence"])
    assert [bar.get_gid() for bar in bars.patches] == ["kept" if kept else "uncertain" for kept in table["kept"]]
    assert [tick.get_text() for tick in bars.get_yticklabels()] == list(table["attractor"])
    for bar, kept in zip(bars.patches, table["kept"], strict=True):
        assert (bar.get_facecolor()[3] == 1) == kept
    # In the colours of the basins, as in every figure.
    known = attractor_colours(finished, list(table["attractor"]))
    assert [to_hex(bar.get_edgecolor()) for bar in bars.patches] == [
        to_hex(to_rgba(known[n])) for n in table["attractor"]
    ]
    points = artist(plane, "agreement")
    np.testing.assert_allclose(np.sort(points.get_array()), np.sort(finished.obs["agreement"]))
    named = {text.get_text() for text in plane.texts}
    assert named == set(table["attractor"][table["kept"]])


@pytest.mark.parametrize(("by", "same"), [("fate", "have one most probable fate"), ("basin", "lie in one basin")])
def test_the_note_counts_the_cells_on_which_models_agree(finished, by, same):
    add_consensus(finished)
    finished.uns["landscape"]["consensus"]["params"]["by"] = by
    figure = ls.pl.consensus(finished, basis="X_plane", show=False, return_fig=True)
    note = " ".join(text.get_text() for text in texts(figure))
    decided, full = (finished.obs["basin_consensus"] != "undecided").mean(), (finished.obs["agreement"] == 1).mean()
    assert f"{decided:.0%} of cells lie in the basin of one kept attractor in most of 3 models" in note
    assert f"{full:.0%} {same} in all of them" in note
    assert "open bars: uncertain" in note


def test_without_a_consensus_the_call_is_named(finished):
    with pytest.raises(KeyError, match=r"landscape\.tl\.consensus"):
        ls.pl.consensus(finished, show=False)
