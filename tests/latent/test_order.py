from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.latent import order
from landscape.latent.order import even_batches, split, visits


@given(st.integers(2, 300), st.integers(2, 64))
def test_no_batch_of_one_cell(n, batch_size):
    batches = even_batches(np.arange(n), batch_size)
    np.testing.assert_array_equal(np.concatenate(batches), np.arange(n))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    # only 3 cells in batches of 2 must leave one alone
    assert min(sizes) > 1 or batch_size == 2


@pytest.mark.parametrize("block_size", [None, 1, 7, 100])
def test_every_cell_once_per_epoch_in_another_order(block_size, monkeypatch):
    monkeypatch.setattr(order, "POOL", 60)
    cells = np.setdiff1d(np.arange(230), [3, 77])
    first, again, second = (
        np.concatenate(visits(cells, block_size=block_size, seed=1, epoch=epoch)) for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(np.sort(first), cells)
    np.testing.assert_array_equal(first, again)
    assert (first != second).mean() > 0.9


def test_pools_are_whole_blocks_of_neighbours(monkeypatch):
    monkeypatch.setattr(order, "POOL", 40)
    pools = visits(np.arange(200), block_size=10, seed=0, epoch=0)
    assert [len(pool) for pool in pools] == [40] * 5
    for pool in pools:
        assert len(np.unique(pool // 10)) == 4
        assert len(set(np.diff(pool))) > 2  # mixed


@pytest.mark.parametrize("block_size", [None, 16])
def test_split_is_a_partition(block_size):
    train, held_out = split(500, 0.1, block_size=block_size, seed=0)
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(500))
    assert abs(len(held_out) - 50) <= 16
    assert len(split(500, 0.0, block_size=block_size, seed=0)[1]) == 0
