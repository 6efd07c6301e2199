"""Checks of transition matrices and of absorbing sets, and reachability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov.absorption import absorption_probabilities
from landscape.markov.transition_matrix import can_reach, row_stochastic
from tests.markov.chains import random_chain


def test_a_checked_matrix_is_a_copy_with_rows_of_sum_one_and_no_stored_zeros():
    stored = sparse.csr_matrix((np.array([1.0 + 4e-6, 0.0, 1.0], np.float32), ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    found = row_stochastic(stored)
    assert found.dtype == np.float64
    assert found.nnz == 2
    np.testing.assert_array_equal(np.asarray(found.sum(1)).ravel(), 1.0)
    assert stored.nnz == 3
    assert not np.shares_memory(found.data, stored.data)


@pytest.mark.parametrize("seed", range(3))
def test_states_that_can_reach_a_set_are_those_of_the_transitive_closure(seed):
    n = 30
    rng = np.random.default_rng(seed)
    edges = rng.random((n, n)) < 1.2 / n
    matrix = sparse.csr_array(edges.astype(float))
    closure = np.linalg.matrix_power(np.eye(n) + edges, n) > 0
    targets = np.array([3, 17])
    found = can_reach(matrix, targets)
    np.testing.assert_array_equal(found, closure[:, targets].any(1))
    assert 2 <= found.sum() < n


def test_labels_and_masks_name_the_same_sets():
    chain = random_chain(12, seed=1)
    labels = np.full(12, None, dtype=object)
    labels[[2, 3]], labels[7], labels[8], labels[9] = "left", "right", np.nan, ""
    by_label = absorption_probabilities(chain, labels)
    by_index = absorption_probabilities(chain, {"left": [3, 2], "right": np.arange(12) == 7})
    assert by_label.names == by_index.names == ("left", "right")
    np.testing.assert_array_equal(by_label.probabilities, by_index.probabilities)


@pytest.mark.parametrize(
    ("absorbing", "message"),
    [
        ({}, "at least one absorbing set"),
        ({"a": []}, "'a' is empty"),
        ({"a": [0, 1], "b": [1]}, "'a' and 'b' share 1 states"),
        ({"a": [9]}, "between 0 and 4 in 'a', found 9 to 9"),
        ({"a": [-1]}, "between 0 and 4"),
        ({"a": np.array([True, False])}, "mask of 5 states"),
        (["x", None], "one label for each of the 5 states"),
    ],
)
def test_absorbing_sets_are_checked(absorbing, message):
    with pytest.raises(ValueError, match=message):
        absorption_probabilities(random_chain(5, seed=0), absorbing)


def test_matrices_are_checked():
    chain = random_chain(5, seed=0)
    with pytest.raises(TypeError, match="scipy sparse matrix, found ndarray"):
        absorption_probabilities(chain.toarray(), {"a": [0]})
    with pytest.raises(ValueError, match=r"shape \(n, n\), found \(4, 5\)"):
        absorption_probabilities(chain[:4], {"a": [0]})
    with pytest.raises(ValueError, match="sum to 1, found 5 that do not, such as row .* with 2; divide"):
        absorption_probabilities(2 * chain, {"a": [0]})
    with pytest.raises(ValueError, match="of at least 0, found -1"):
        absorption_probabilities(chain - 2 * sparse.eye_array(5), {"a": [0]})
    with pytest.raises(ValueError, match="finite transition probabilities, found"):
        absorption_probabilities(chain * np.nan, {"a": [0]})
