"""Data support against a k-d tree and by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from landscape.topography import distance_to_cells


@pytest.fixture
def cells():
    return np.random.default_rng(0).normal(size=(500, 3))


def test_distances_are_those_of_a_tree(cells):
    x = np.random.default_rng(1).normal(size=(20, 3))
    found = distance_to_cells(x, cells, k=7)
    np.testing.assert_allclose(found.distance, cKDTree(cells).query(x, k=7)[0][:, -1], rtol=1e-12)
    own = cKDTree(cells).query(cells, k=8)[0][:, -1]
    assert found.threshold == pytest.approx(np.quantile(own, 0.99), rel=1e-12)
    np.testing.assert_array_equal(found.observed, found.distance <= found.threshold)
    np.testing.assert_allclose(found.percentile, [(own < r).mean() for r in found.distance])


def test_a_state_among_cells_is_observed_and_one_outside_is_not(cells):
    found = distance_to_cells([[0.0, 0, 0], [8.0, 0, 0]], cells)
    assert found.observed.tolist() == [True, False]
    assert found.percentile[1] == 1


def test_the_quantile_is_the_share_of_cells_that_count_as_observed(cells):
    # A cell taken as a state has itself as first neighbour, so that k + 1 gives its distance to the k-th other.
    threshold = distance_to_cells(cells, cells, k=15, quantile=0.9).threshold
    own = distance_to_cells(cells, cells, k=16).distance
    assert (own <= threshold).mean() == pytest.approx(0.9, abs=1 / len(cells))


def test_units_cancel(cells):
    scale = np.array([1.0, 10.0, 1e4])
    x = np.random.default_rng(1).normal(size=(9, 3))
    plain, scaled = distance_to_cells(x, cells), distance_to_cells(x * scale, cells * scale, metric=scale)
    np.testing.assert_allclose(plain.distance, scaled.distance)
    shifted = distance_to_cells(x + 1e6, cells + 1e6)
    np.testing.assert_allclose(plain.distance, shifted.distance, atol=1e-8)  # Rounding of 1e6.


def test_a_large_data_set_is_sampled_for_its_spacing_only():
    cells = np.random.default_rng(0).uniform(size=(2500, 2))
    found = distance_to_cells(cells[:5], cells, k=1)
    assert (found.distance == 0).all()
    own = cKDTree(cells).query(cells, k=2)[0][:, -1]
    # 2,000 of 2,500 cells: the quantile lies between nearby quantiles of all of them.
    assert np.quantile(own, 0.985) <= found.threshold <= np.quantile(own, 0.995)
    assert distance_to_cells(cells[:5], cells, k=1).threshold == found.threshold


@pytest.mark.parametrize(
    ("states", "options", "message"),
    [
        ([[0.0, 0.0]], {}, "same coordinates, found 2 and 3"),
        ([[0.0, 0.0, 0.0]], {"k": 500}, "between 1 and the number of cells less one, 499"),
        ([[0.0, 0.0, 0.0]], {"quantile": 0.0}, "`quantile` between 0 and 1"),
        ([[0.0, 0.0, 0.0]], {"metric": 0.0}, "`metric` to be positive"),
    ],
)
def test_bad_input_is_named(cells, states, options, message):
    with pytest.raises(ValueError, match=message):
        distance_to_cells(states, cells, **options)
