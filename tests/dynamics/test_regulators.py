"""Which regulators a model has."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics.problem import CELLS_PER_REGULATOR
from landscape.dynamics.regulators import carries_all_edges, varying_regulators


def test_regulators_that_vary_most_on_the_logarithmic_scale_are_kept_in_their_order():
    t = np.linspace(0, 1, 50)
    expression = np.column_stack([np.expm1(size * t) for size in (1.0, 0.0, 3.0, 2.0, 0.5)])
    expression[:, 1] = 7.0  # constant, however high
    assert varying_regulators(expression).tolist() == [0, 2, 3, 4]
    assert varying_regulators(expression, limit=2).tolist() == [2, 3]
    assert varying_regulators(expression, limit=3).tolist() == [0, 2, 3]
    assert varying_regulators(expression, limit=4).tolist() == varying_regulators(expression, limit=9).tolist()


@pytest.mark.parametrize(("missing", "enough"), [(0, True), (1, False)])
def test_all_edges_take_so_many_cells_a_regulator(missing, enough):
    assert carries_all_edges(7 * CELLS_PER_REGULATOR - missing, 7) == enough
