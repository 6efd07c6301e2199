"""Blocks are compact and cover all cells; weights are exponential per block."""

import numpy as np
import pytest

from landscape.markov.bootstrap import bayesian_weights, blocks


def test_blocks_are_compact_and_without_gaps():
    gen = np.random.default_rng(0)
    z = gen.normal(size=(600, 3))
    block = blocks(z)
    assert set(block) == set(range(block.max() + 1))
    within = np.mean([z[block == k].var(0).sum() * (block == k).sum() for k in range(block.max() + 1)])
    within = within * (block.max() + 1) / len(z)
    # Blocks of 30 in three dimensions are 20 times smaller in volume: a good deal less spread than all cells.
    assert within < 0.4 * z.var(0).sum()


def test_few_cells_make_few_blocks():
    assert blocks(np.random.default_rng(0).normal(size=(25, 2)), n_blocks=40).max() <= 1


def test_weights_have_mean_one_and_the_spread_of_exponentials():
    block = np.repeat(np.arange(200), 5)
    w = bayesian_weights(block, n_replicates=50, rng=1)
    np.testing.assert_allclose(w.mean(1), 1.0)
    assert (w.reshape(50, 200, 5).std(2) < 1e-12).all()
    # The variance of an exponential is 1; over 10,000 draws its standard error is sqrt(8 / 10000) = .028.
    assert w.var() == pytest.approx(1.0, abs=3 * 0.028 + 2 / 200)
    assert (w > 0).all()
