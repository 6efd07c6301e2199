"""Prediction of a held-out population by a model that is exact, and by guesses without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift, held_out_distances


@pytest.fixture(scope="module")
def relaxing():
    """Two genes that decay to their levels, and populations that do just that."""
    drift = RegulatoryDrift.from_arrays(np.zeros((2, 2)), ceiling=[2.0, 0.5], decay=[1.0, 2.0])
    model = Model(drift, 1e-3)
    start = torch.as_tensor(np.random.default_rng(0).uniform(0.2, 0.4, (500, 2)))
    times = [0.0, 1.0, 3.0]
    path = model.simulate(start, duration=3.0, step=0.02, save_at=times, rng=1).states
    return model, {t: path[k] for k, t in enumerate(times)}


def test_an_exact_model_predicts_what_interpolation_does_not(relaxing):
    model, populations = relaxing
    found = held_out_distances(model, populations, 1.0, rng=2)
    assert found["held_out_time"] == 1.0
    assert found["held_out_distance"] < 0.05 * found["held_out_straight"]
    # Linear interpolation puts the population a third of the way; an exponential is at nearly two thirds.
    assert 0 < found["held_out_straight"] < found["held_out_unchanged"]


def test_cells_that_multiply_count_more(relaxing):
    model, populations = relaxing
    grown = held_out_distances(model, populations, 1.0, growth=lambda x: 8 * x[:, 0], rng=2)
    assert grown["held_out_distance"] > 2 * held_out_distances(model, populations, 1.0, rng=2)["held_out_distance"]


@pytest.mark.parametrize("time", [0.0, 3.0, 0.5])
def test_a_time_without_a_population_before_and_after_it_is_refused(relaxing, time):
    with pytest.raises(ValueError, match="between the first and the last of .*, found"):
        held_out_distances(*relaxing, time)
