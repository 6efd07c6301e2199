"""Drawing coordinates made from fates."""

from __future__ import annotations

import numpy as np

from landscape.topography import occupancy
from landscape.topography.drawing import fate_drawing, height_at, heights_record


def test_similar_attractors_are_side_by_side_and_progress_is_a_rank():
    attractors = np.array([[0.0, 0.0], [9.0, 9.0], [1.0, 0.0]])
    fates = np.vstack([np.eye(3), [[np.nan] * 3]])
    drawn = fate_drawing(fates, attractors, np.array([0.0, 5.0, 2.0, 1.0]))
    # The first and the third are neighbours, the second lies apart.
    assert abs(drawn[0, 0] - drawn[2, 0]) == 1
    assert abs(drawn[1, 0]) == 1
    np.testing.assert_allclose(drawn[:, 1], [1.0, 0.0, 0.5, 0.0])
    assert drawn[3].tolist() == [0, 0]


def test_two_fates_are_the_ends_and_one_is_the_middle():
    two = fate_drawing(np.array([[0.25, 0.75]]), np.empty((0, 0)), np.array([1.0]))
    assert two[0].tolist() == [0.5, 1.0]
    assert fate_drawing(np.array([[1.0]]), np.empty((0, 0)), np.array([1.0]))[0].tolist() == [0.0, 1.0]


def test_heights_at_places_are_those_of_the_grid():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(2000, 2))
    found = occupancy(states, states, states, n_grid=20)
    rows, columns = np.nonzero(np.isfinite(found.height))
    places = np.column_stack([found.x[columns], found.y[rows]])
    heights = height_at(found, places)
    # Beside a cell of the grid without a height there is none.
    known = np.isfinite(heights)
    assert known.mean() > 0.8
    np.testing.assert_allclose(heights[known], found.height[rows, columns][known], atol=1e-9)
    assert np.isnan(height_at(found, np.array([[99.0, 99.0]])))
    record = heights_record(found, "X_plane", places[:1])
    assert record["basis"] == "X_plane"
    assert record["label"].startswith("occupancy")
