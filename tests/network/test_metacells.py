from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.metacells import averaged, pooled
from tests.network import toy


def test_metacells_are_near_cells_and_as_many_as_asked_for():
    rng = np.random.default_rng(0)
    centre = np.repeat(np.arange(10.0)[:, None] * 10, 30, axis=0)
    labels = network.metacells(centre + rng.normal(size=(300, 2)), size=30)
    assert len(np.unique(labels)) == 10
    assert all(len(np.unique(labels[30 * k : 30 * k + 30])) == 1 for k in range(10))
    np.testing.assert_array_equal(
        labels, network.metacells(centre + np.random.default_rng(0).normal(size=(300, 2)), size=30)
    )


def test_many_cells_are_taken_a_sample_at_a_time():
    values = np.random.default_rng(0).normal(size=(20_500, 2))
    assert len(np.unique(network.metacells(values, size=500))) == 41


def test_sums_and_means_are_those_of_the_members():
    counts = toy.counts(n_cells=60)
    labels = np.random.default_rng(0).integers(0, 7, 60)
    dense = counts.toarray()
    for k in range(7):
        np.testing.assert_allclose(pooled(counts, labels).toarray()[k], dense[labels == k].sum(axis=0))
        np.testing.assert_allclose(averaged(dense, labels)[k], dense[labels == k].mean(axis=0))


@pytest.mark.parametrize(
    ("values", "size", "message"),
    [
        (np.zeros(5), 2, "finite matrix of cells by dimensions"),
        (np.full((60, 2), np.nan), 2, "finite matrix of cells by dimensions"),
        (np.zeros((60, 2)), 1, "`size` of at least 2 and at most half of the 60 cells, found 1"),
        (np.zeros((60, 2)), 50, "`size` of at least 2 and at most half of the 60 cells, found 50"),
    ],
)
def test_bad_input_is_refused(values, size, message):
    with pytest.raises(ValueError, match=message):
        network.metacells(values, size=size)
