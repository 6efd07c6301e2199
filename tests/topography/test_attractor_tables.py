"""Names of attractors, and the share of an ensemble that has them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import fixed_points
from landscape.topography.fixed_points.attractors import attractor_names, ensemble_support, marker_names, n_nearest


def test_markers_set_attractors_apart():
    states = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    names = marker_names(states, ["a", "b", "c"], states)
    assert names[0].startswith("a")
    assert names[1].startswith("b")
    assert marker_names(states[:1], ["a", "b", "c"], states)[0].startswith("a")


def test_genes_of_the_cell_cycle_are_no_markers_where_there_are_others():
    states = np.array([[1.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.5, 0.0]])
    assert all("Foxm1" not in name for name in marker_names(states, ["a", "b", "c", "Foxm1"], states))
    assert "Foxm1" in marker_names(states[:, 2:], ["c", "Foxm1"], states[:, 2:])[0]


def test_labels_of_the_nearest_cells_name_attractors_and_repeat_with_numbers():
    states = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0], [9.0, 0.0]])
    rng = np.random.default_rng(0)
    cells = np.vstack([point + rng.normal(0, 0.01, (50, 2)) for point in states])
    labels = pd.Series(["B/NK"] * 100 + [""] * 100)
    for block, cycle in ((100, ["x", "y", "z", "y", "w"]), (150, ["x", "z", "w", "v", "B/NK"])):
        outwards = np.argsort(np.linalg.norm(cells[block : block + 50] - states[block // 50], axis=1))
        labels.iloc[block + outwards] = cycle * 10
    assert attractor_names(states, ["a", "b"], cells, labels) == ["B|NK", "B|NK 2", "y-like", "a+b"]
    assert n_nearest(cells, states).tolist() == [50] * 4


def test_support_is_the_share_of_models_with_a_matched_attractor():
    def toggle(weight: float) -> Model:
        return Model(RegulatoryDrift.from_arrays(np.array([[0, weight], [weight, 0]]), bias=3.0, hill=4.0), 0.01)

    model = toggle(-8.0)
    found = fixed_points(model.drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False)
    states = np.array([p.x for p in found.stable])
    # Without repression there is one attractor, with both genes on.
    np.testing.assert_array_equal(ensemble_support([model, toggle(-7.5), toggle(0.0), toggle(-8.5)], states), 0.75)
    assert np.isnan(ensemble_support([], states)).all()
