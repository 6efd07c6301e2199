"""The net growth rate of a state, from cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import growth_of


def test_growth_is_the_mean_of_the_nearest_cells():
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    growth = growth_of(x, [1.0, 3.0, -1.0, -3.0], n_neighbors=2)
    np.testing.assert_allclose(growth(torch.tensor([[0.4], [10.4]], dtype=torch.float64)), [2.0, -2.0])
    with pytest.raises(ValueError, match="one growth rate for each of 4 cells"):
        growth_of(x, [1.0])
    with pytest.raises(ValueError, match="1 that are not"):
        growth_of(x, [1.0, np.nan, 0.0, 0.0])
