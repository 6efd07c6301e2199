from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from landscape import network
from landscape.network.data.arrays import fingerprints
from tests.network import toy


def test_blocks_are_log_counts_per_ten_thousand_whatever_their_size():
    counts = toy.counts(n_genes=120)
    dense = counts.toarray()
    expected = np.log1p(1e4 * dense / dense.sum(axis=1, keepdims=True))

    for size in (1, 7, 4096):
        x, y, z = network.expression(counts, [3, 1], block_size=size, regress_depth=True).dense()
        np.testing.assert_allclose(y, expected, rtol=1e-14)
        np.testing.assert_array_equal(x, y[:, [3, 1]])
        np.testing.assert_allclose(z[:, 1], np.log(dense.sum(axis=1)), rtol=1e-14)
        np.testing.assert_array_equal(z[:, 2], (dense > 0).sum(axis=1))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, np.asarray])
def test_every_kind_of_matrix_gives_the_same_numbers(kind):
    counts = toy.counts().toarray()
    expected = network.expression(counts, [0, 1]).dense()
    for a, b in zip(network.expression(kind(counts), [0, 1]).dense(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_few_genes_are_not_scaled_by_their_total_and_fractions_are_left_alone():
    few = network.expression(toy.counts(n_genes=40), [0])
    assert few.target_sum is None
    assert few.transform == "log"
    assert not few.regress_depth
    values = np.random.default_rng(0).normal(size=(60, 300))
    real = network.expression(values, [0])
    assert (real.transform, real.target_sum) == ("none", None)
    np.testing.assert_array_equal(real.dense()[1], values)


def test_a_total_carried_by_few_genes_is_no_depth():
    """120 genes of which two make up nearly everything: closure, not depth."""
    counts = toy.counts(n_genes=120).toarray()
    assert network.expression(counts + 5, [0]).regress_depth
    counts[:, :2] += 10_000
    assert not network.expression(counts, [0]).regress_depth


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_square_roots_of_scaled_counts_have_fingerprints_of_their_own(kind):
    counts = np.random.default_rng(0).poisson(3.0, size=(60, 120)).astype(float)
    data = network.expression(kind(counts), [0, 1], transform="sqrt")
    assert data.target_sum == 1e4  # so that the squares of every cell add up to the same number
    assert len(np.unique(data.block(0).fingerprint)) == 60


def test_fingerprints_follow_cells_not_the_order_of_genes():
    counts = toy.counts(n_genes=150)
    order = np.random.default_rng(1).permutation(150)
    here = network.expression(counts, [0]).block(0).fingerprint
    there = network.expression(counts[:, order], [0]).block(0).fingerprint
    np.testing.assert_array_equal(here, there)
    assert len(np.unique(here)) == len(here)


@given(
    arrays(float, (3, 12), elements=st.one_of(st.just(0.0), st.floats(1e-100, 1e6), st.floats(-1e6, -1e-100))),
    st.permutations(range(12)),
)
def test_fingerprints_are_equal_to_the_last_bit_in_every_order_of_the_genes(values, order):
    here = fingerprints(values)
    np.testing.assert_array_equal(fingerprints(values[:, order]), here)
    np.testing.assert_array_equal(fingerprints(sparse.csr_matrix(values[:, order])), here)
    assert ((here > 0) == values.any(axis=1)).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"regulators": []}, ValueError, "at least one regulator"),
        ({"regulators": [1, 1]}, ValueError, "distinct regulators, found 1 repeated"),
        ({"regulators": [40]}, ValueError, "between 0 and 39, found 40"),
        ({"counts": np.zeros(3)}, TypeError, "matrix of cells by genes"),
        ({"counts": toy.counts(n_cells=49)}, ValueError, "at least 50 cells, found 49"),
        ({"response": toy.counts(n_genes=39)}, ValueError, r"`response` of shape \(300, 40\)"),
        ({"covariates": np.zeros((3, 1))}, ValueError, r"`covariates` of shape \(300, k\)"),
        ({"covariates": np.full((300, 1), np.nan)}, ValueError, "finite `covariates`"),
        ({"transform": "cube"}, ValueError, "`transform` to be one of"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    arguments = {"counts": toy.counts(), "regulators": [0, 1]} | change
    counts, regulators = arguments.pop("counts"), arguments.pop("regulators")
    with pytest.raises(error, match=message):
        network.expression(counts, regulators, **arguments)


def test_not_a_number_is_refused_with_its_cells():
    counts = toy.counts().toarray()
    counts[120, 5] = np.nan
    with pytest.raises(ValueError, match="finite values, found NaN or infinity in cells"):
        network.expression(counts, [0, 1], target_sum=None, transform="none")
