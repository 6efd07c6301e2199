from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import linregress

from landscape import network


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_activity_is_the_t_value_of_a_regression_per_cell(kind):
    rng = np.random.default_rng(0)
    values = rng.poisson(2.0, size=(60, 30)).astype(float)
    values[:, 29] = 1.0  # constant genes say nothing
    weights = rng.normal(size=(2, 30))
    weights[1, 6:] = 0.0
    found, enough = network.regulon_activity(kind(values), weights, [0, 4])
    assert enough.tolist() == [True, True]
    scaled = (values - values.mean(0)) / np.where(values.std(0) > 0, values.std(0), 1)
    weights[[0, 1], [0, 4]] = 0
    for cell in (0, 17):
        for k in range(2):
            fit = linregress(weights[k, :29], scaled[cell, :29])
            assert found[cell, k] == pytest.approx(fit.slope / fit.stderr, rel=1e-9)


def test_few_targets_give_no_activity():
    weights = np.zeros((2, 30))
    weights[0, 1:6] = 1.0
    weights[1, 1:4] = 1.0
    found, enough = network.regulon_activity(np.random.default_rng(0).normal(size=(50, 30)), weights, [0, 10])
    assert enough.tolist() == [True, False]
    assert found[:, 0].any()
    assert not found[:, 1].any()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"weights of shape \(1, 30\)"):
        network.regulon_activity(np.zeros((5, 30)), np.zeros((2, 30)), [0])
