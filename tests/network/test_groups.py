from __future__ import annotations

import numpy as np

from landscape import network
from landscape.network.data.groups import groups_of, hashed, stump_thresholds
from tests.network import toy


def test_groups_add_up_to_the_whole():
    data = network.expression(toy.counts(), [0, 1, 2], response=toy.counts(seed=5), block_size=64)
    found, expected = groups_of(data).moments(), network.moments(data)
    np.testing.assert_allclose(found.xy, expected.xy, atol=1e-12)
    np.testing.assert_allclose(found.reverse.xy, expected.reverse.xy, atol=1e-12)


def test_the_group_of_a_cell_does_not_depend_on_where_it_stands():
    counts = toy.counts()
    order = np.random.default_rng(0).permutation(300)
    here = groups_of(network.expression(counts, [0, 1]))
    there = groups_of(network.expression(counts[order], [0, 1], block_size=50))
    for a, b in zip(here.forward, there.forward, strict=True):
        np.testing.assert_allclose(a.ay, b.ay, rtol=1e-12)


def test_halves_share_no_cell():
    data = network.expression(toy.counts(), [0, 1])
    groups = groups_of(data)
    first, second = groups.halves()
    assert first.n_cells + second.n_cells == 300
    assert 80 < first.n_cells < 220


def test_hashes_are_even_and_follow_the_seed():
    values = np.random.default_rng(0).normal(size=20_000)
    share = np.bincount((hashed(values, 1) % np.uint64(10)).astype(int), minlength=10) / 20_000
    # Binomial standard error sqrt(.1 * .9 / 20000) = .0021; five of them.
    assert np.abs(share - 0.1).max() < 0.011
    assert (hashed(values, 1) != hashed(values, 2)).all()


def test_thresholds_divide_cells_into_quarters_or_first_by_detection():
    values = np.random.default_rng(0).normal(size=(400, 3))
    values[:300, 2] = 0.0
    values[300:, 2] = np.arange(1, 101)
    cuts = stump_thresholds(network.expression(values, [0, 1, 2], transform="none"))
    assert cuts.shape == (3, 3)
    np.testing.assert_allclose((values[:, 0] > cuts[:, [0]]).mean(axis=1), [0.75, 0.5, 0.25], atol=0.01)
    assert cuts[0, 2] == 0.0
    np.testing.assert_allclose(cuts[1:, 2], np.quantile(np.arange(1, 101), [1 / 3, 2 / 3]))
