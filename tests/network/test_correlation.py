from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from landscape import network
from tests.network import toy


def test_pearson_and_spearman_are_scipys():
    data = network.expression(toy.counts(n_genes=12), [2, 5, 7])
    x, y, _ = data.dense()
    pearson, ranks = network.correlation(network.moments(data), data.regulators), network.spearman(data)
    for k, gene in enumerate([2, 5, 7]):
        for j in range(12):
            if j != gene:
                assert pearson[k, j] == pytest.approx(np.corrcoef(x[:, k], y[:, j])[0, 1], abs=1e-12)
                assert ranks[k, j] == pytest.approx(spearmanr(x[:, k], y[:, j]).statistic, abs=1e-12)
        assert pearson[k, gene] == ranks[k, gene] == 0


def test_low_rank_correlation_is_that_of_projections():
    data = network.expression(toy.counts(n_genes=12), np.arange(8))
    found = network.correlation(network.moments(data), data.regulators, rank=3)
    x, y, _ = data.dense()
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)
    u = np.linalg.svd(x, full_matrices=False)[0][:, :3]
    expected = np.corrcoef((u @ (u.T @ x)).T, (u @ (u.T @ y)).T)[:8, 8:]
    expected[np.arange(8), np.arange(8)] = 0
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_rank_is_checked():
    data = network.expression(toy.counts(), [0, 1])
    with pytest.raises(ValueError, match="`rank` between 1 and the 2 regulators, found 3"):
        network.correlation(network.moments(data), data.regulators, rank=3)
