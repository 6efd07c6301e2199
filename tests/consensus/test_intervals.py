"""Numbers over models: the interval holds what another consensus would say, as often as it promises."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.consensus import spread_over_models


@pytest.mark.parametrize("n_models", [2, 3, 5])
def test_the_interval_holds_the_mean_over_as_many_other_models(n_models):
    rng = np.random.default_rng(n_models)
    one, other = 2 + 0.3 * rng.standard_normal((2, n_models, 8000))
    found, again = spread_over_models(one), spread_over_models(other)
    held = (found.low <= again.mean) & (again.mean <= found.high)
    assert abs(held.mean() - 0.9) < 3 * np.sqrt(0.09 / 8000)


def test_equal_values_have_no_width_at_all_and_one_value_no_interval():
    values = np.array([[0.1, 0.3, np.nan], [0.1, np.nan, np.nan], [0.1, np.nan, np.nan]])
    found = spread_over_models(values)
    assert found.mean[0] == found.low[0] == found.high[0] == 0.1
    assert found.n_models.tolist() == [3, 1, 0]
    assert found.mean[1] == 0.3
    assert np.isnan([found.low[1], found.high[1], found.mean[2]]).all()


def test_positive_numbers_scatter_by_factors():
    found = spread_over_models(np.array([[1.0], [4.0], [np.nan]]), logarithmic=True)
    assert found.mean[0] == pytest.approx(2)
    assert found.low[0] * found.high[0] == pytest.approx(4)
    with pytest.raises(ValueError, match="positive numbers"):
        spread_over_models(np.array([[1.0], [0.0]]), logarithmic=True)
