"""Populations at several times: their checks, the steps between them, and growth along paths."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift, fit_bridges, fit_diffusion, match_populations
from landscape.dynamics.populations import MIN_STEPS, descendants, require_populations, steps_between


def model() -> Model[RegulatoryDrift]:
    return Model(RegulatoryDrift.from_arrays(np.zeros((2, 2)), decay=[1.0, 2.0]), 1e-2)


def test_times_are_in_ascending_order():
    cells = torch.zeros(2, 2)
    assert require_populations({3.0: cells, 0.0: cells, 1.5: cells}) == [0.0, 1.5, 3.0]


@pytest.mark.parametrize("fit", [match_populations, fit_bridges, fit_diffusion])
def test_too_few_times_or_cells_are_refused(fit):
    cells = torch.rand(5, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="two or more times, found 1"):
        fit(model(), {0.0: cells})
    with pytest.raises(ValueError, match=r"at least two cells at every time, found \{1.0: 1\}"):
        fit(model(), {0.0: cells, 1.0: cells[:1]})


def test_steps_are_ten_at_least_and_none_is_longer_than_that_of_the_model():
    assert steps_between(model(), 0.01) == MIN_STEPS
    # Steps of a fifth of the shortest lifetime, .5.
    assert steps_between(model(), 7.0) == 70


def test_descendants_are_exponential_in_the_integral_of_the_growth_rate():
    gaps = np.array([0.5, 2.0])
    # A rate that is linear in time along each path, for which the trapezoidal rule is exact.
    path = [torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [1.0]]), torch.tensor([[2.5], [1.0]])]
    found = descendants(lambda x: x[:, 0].double(), path, gaps)
    integral = np.array([[0.125, 0.5], [3.125, 2.5]])
    for weights, expected in zip(found, integral, strict=True):
        np.testing.assert_allclose(weights[0] / weights[1], np.exp(expected[0] - expected[1]))
        assert float(weights.max()) == 1.0
    assert descendants(None, path, gaps) == [None, None]
