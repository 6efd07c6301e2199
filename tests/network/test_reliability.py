from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape import network
from landscape.network.data.reliability import reliability


def draw(seed=0, n_cells=4000):
    """Poisson counts around rates of known variance: the reliability of gene j is var(rate) / (var(rate) + mean(rate))."""
    rng = np.random.default_rng(seed)
    mean = np.array([0.3, 1.0, 5.0, 50.0, 5.0])
    spread = np.array([0.5, 0.5, 0.5, 0.5, 0.0])
    rate = mean * rng.gamma(1 / np.maximum(spread, 1e-9) ** 2, np.maximum(spread, 1e-9) ** 2, size=(n_cells, 5))
    return rng.poisson(rate).astype(float), mean * spread**2 / (mean * spread**2 + 1)


def test_it_is_the_share_of_variance_above_that_of_sampling():
    counts, expected = draw()
    for kind in (np.asarray, sparse.csr_matrix):
        data = network.expression(counts, [0], response=kind(counts), block_size=700)
        # The standard error of a variance of 4,000 cells is 2 to 6 % (gamma tails), and r moves by (1 - r) of that.
        np.testing.assert_allclose(reliability(data), expected, atol=0.06)


def test_depth_is_no_signal():
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.full(200, 5.0))
    counts = rng.poisson(rng.gamma(4.0, 500.0, size=(2000, 1)) * share).astype(float)
    found = reliability(network.expression(counts, [0], response=counts))
    assert found.mean() < 0.05  # only depth varies, and scaling removes it
    raw = reliability(network.expression(counts, [0], response=counts, target_sum=None))
    assert raw.mean() > 0.5


def test_values_that_are_no_counts_are_taken_as_they_are():
    values = np.random.default_rng(0).normal(size=(100, 5))
    np.testing.assert_array_equal(reliability(network.expression(values, [0], response=values + 1)), 1.0)
    np.testing.assert_array_equal(reliability(network.expression(values, [0])), 1.0)


@pytest.mark.parametrize("fill", [0.0, 3.0])
def test_genes_that_do_not_vary_have_none(fill):
    counts, _ = draw(n_cells=200)
    counts[:, 2] = fill
    found = reliability(network.expression(counts, [0], response=counts))
    assert found[2] == 0
