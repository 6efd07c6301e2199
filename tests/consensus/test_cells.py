"""Cells over models: votes, agreement, decided basins and mean fates, against counting by hand and against chance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from landscape.consensus import agreement, basins_decided, count_votes, decidedness, mean_fates


def test_agreement_is_the_share_of_pairs_of_models_that_agree():
    rng = np.random.default_rng(0)
    labels = [rng.integers(-1, 3, 40) for _ in range(5)]
    votes = count_votes(labels, np.tile(np.arange(3)[:, None], 5))
    pairs = [(a == b) & (a >= 0) for a, b in combinations(labels, 2)]
    np.testing.assert_allclose(agreement(votes, 5), np.mean(pairs, axis=0))
    assert np.isnan(agreement(votes, 1)).all()


@pytest.mark.parametrize("n_models", [2, 3, 10])
def test_agreement_estimates_that_of_all_models_without_bias(n_models):
    share = np.array([0.6, 0.3, 0.1])
    votes = np.random.default_rng(1).multinomial(n_models, share, size=4000)
    found = agreement(votes, n_models)
    assert abs(found.mean() - (share**2).sum()) < 3 * found.std() / np.sqrt(len(found))


def test_a_basin_is_decided_by_more_than_half_of_the_models():
    votes = np.array([[2, 1, 0], [2, 2, 0], [0, 0, 3], [1, 1, 1], [0, 0, 0]])
    assert basins_decided(votes, 4).tolist() == [-1, -1, 2, -1, -1]
    assert basins_decided(votes, 3).tolist() == [0, 0, 2, -1, -1]
    assert basins_decided(np.empty((2, 0), dtype=int), 3).tolist() == [-1, -1]


def test_mean_fates_are_the_mean_with_the_rest_unresolved():
    first = np.array([[0.7, 0.3], [np.nan, np.nan]])
    second = np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])
    # The first attractor is the second of the other model; the last of the other model matches none.
    found = mean_fates([first, second], np.array([[0, 1], [1, -1]]))
    np.testing.assert_allclose(found, [[0.45, 0.15, 0.4], [0.5, 0.0, 0.5]])


def test_decidedness_is_one_for_a_certain_fate_and_nearly_none_without_a_preference():
    one = np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0], [np.nan] * 3])
    np.testing.assert_allclose(decidedness([one]), [1, 0.001, 0.25, 0.001])
    two = np.array([[1.0], [1.0], [1.0], [np.nan]])
    np.testing.assert_allclose(decidedness([one, two]), [1, 0.5, 0.625, 0.001])
