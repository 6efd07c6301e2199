from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.latent import sampler
from landscape.latent.sampler import even_batches, shuffle_buffers, train_validation_split


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
    monkeypatch.setattr(sampler, "BUFFER_SIZE", 60)
    cells = np.setdiff1d(np.arange(230), [3, 77])
    first, again, second = (
        np.concatenate(shuffle_buffers(cells, block_size=block_size, seed=1, epoch=epoch)) for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(np.sort(first), cells)
    np.testing.assert_array_equal(first, again)
    assert (first != second).mean() > 0.9


def test_buffers_are_whole_blocks_of_neighbours(monkeypatch):
    monkeypatch.setattr(sampler, "BUFFER_SIZE", 40)
    buffers = shuffle_buffers(np.arange(200), block_size=10, seed=0, epoch=0)
    assert [len(buffer) for buffer in buffers] == [40] * 5
    for buffer in buffers:
        assert len(np.unique(buffer // 10)) == 4
        assert len(set(np.diff(buffer))) > 2  # mixed


@pytest.mark.parametrize("block_size", [None, 16])
def test_split_is_a_partition(block_size):
    train, held_out = train_validation_split(500, 0.1, block_size=block_size, seed=0)
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(500))
    assert abs(len(held_out) - 50) <= 16
    assert len(train_validation_split(500, 0.0, block_size=block_size, seed=0)[1]) == 0
