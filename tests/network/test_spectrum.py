from __future__ import annotations

import numpy as np
import pytest

from landscape.network.methods.spectrum import deconfounded


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (6, 6)])
def test_singular_values_are_raised_to_a_power_and_the_norm_is_kept(shape):
    weights = np.random.default_rng(0).normal(size=shape)
    found = deconfounded(weights, None, 0.25)
    left, values, right = np.linalg.svd(weights, full_matrices=False)
    expected = (left * values**0.75) @ right
    expected *= np.linalg.norm(weights) / np.linalg.norm(expected)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_hidden_confounder_ranks_below_sparse_edges():
    """Twenty edges of size 1 under a dense pattern of about 0.8: they are all among the top 30 only once it is compressed."""
    rng = np.random.default_rng(0)
    hidden = 0.8 * np.outer(rng.choice([-1, 1], 10) * rng.gamma(4, 0.25, 10), rng.gamma(4, 0.25, 50))
    edges = np.zeros((10, 50))
    edges.ravel()[rng.choice(500, 20, replace=False)] = rng.choice([-1.0, 1.0], 20)

    def hits(weights):
        top = np.argsort(-np.abs(weights).ravel())[:20]
        return int((edges.ravel()[top] != 0).sum())

    assert (
        hits(deconfounded(hidden + edges, None, 2 / 3))
        > hits(deconfounded(hidden + edges, None, 1 / 3))
        > hits(hidden + edges)
    )


def test_what_is_empty_stays_empty():
    weights = np.random.default_rng(0).normal(size=(4, 9))
    weights[2] = weights[:, 5] = 0.0
    regulators = np.array([0, 1, 2, 3])
    weights[regulators, regulators] = 0.0
    found = deconfounded(weights, regulators)
    assert not found[2].any()
    assert not found[:, 5].any()
    assert not found[regulators, regulators].any()
    assert not deconfounded(np.zeros((3, 4))).any()
    np.testing.assert_array_equal(deconfounded(weights, regulators, 0.0), weights)


def test_the_amount_has_bounds():
    with pytest.raises(ValueError, match="`deconfounding` of at least 0 and below 1, found 1"):
        deconfounded(np.eye(3), None, 1.0)


def test_by_default_singular_values_lose_a_third_of_their_exponent():
    weights = np.random.default_rng(1).normal(size=(5, 12))
    before, after = (np.linalg.svd(w, compute_uv=False) for w in (weights, deconfounded(weights)))
    ratio = np.log(after[:-1] / after[1:]) / np.log(before[:-1] / before[1:])
    np.testing.assert_allclose(ratio, 2 / 3, rtol=1e-9)
