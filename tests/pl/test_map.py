"""The map: cells where they are, heights as given, streamlines along the drift."""

from __future__ import annotations

import numpy as np

from tests.pl.drawn import artists, offsets
from tests.synthetic import add_topography


def test_the_map_shows_cells_where_they_are_and_heights_as_given(pl, finished):
    figure = pl.landscape2d(finished, show=False, return_fig=True)
    np.testing.assert_array_equal(offsets(figure.axes[0], "cells"), finished.obsm["X_plane"])
    assert figure.axes[1].get_ylabel() == "occupancy, \N{MINUS SIGN}ln p (model ensemble)"
    assert figure.axes[0].get_xlabel() == "plane 1"


def test_a_flow_is_drawn_where_the_record_has_one(pl, finished):
    record = finished.uns["landscape"]["occupancy"]
    record["u"] = np.ones_like(record["height"])
    record["v"] = np.zeros_like(record["height"])
    from matplotlib.collections import LineCollection

    lines = [a for a in pl.landscape2d(finished, show=False).get_children() if isinstance(a, LineCollection)]
    assert any(np.ptp(np.concatenate(line.get_segments())[:, 1]) > 1 for line in lines)


def test_streamlines_follow_the_drift(pl, finished):
    from landscape.pl.scene.drift_field import drift_in_plane

    add_topography(finished)
    where, step = drift_in_plane(finished, finished.obsm["X_plane"])
    early = where[:, 1] > -1.8  # every branch runs down the plane; at its end the drift vanishes
    assert (step[early, 1] < 0).mean() > 0.9
    figure = pl.landscape2d(finished, show=False, return_fig=True)
    assert artists(figure.axes[0], "flow")
    assert "arrows: direction of the drift" in figure.get_supxlabel()
    assert not artists(pl.landscape2d(finished, stream=False, show=False), "flow")
    del finished.obsm["X_state_velocity"]
    assert not artists(pl.landscape2d(finished, show=False), "flow")
