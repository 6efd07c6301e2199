from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from landscape import _counts

DENSE = np.array([[0, 2, 0], [1, 0, 5]])
FORMS = {
    "ndarray": lambda x: x,
    "fortran": np.asfortranarray,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "coo_matrix": sparse.coo_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
}


def names(n, prefix):
    return [f"{prefix}{i}" for i in range(n)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float16, np.float32, np.float64, bool])
def test_every_form_becomes_the_same_csr_matrix(form, dtype):
    if dtype == np.float16 and form != "ndarray" and form != "fortran":
        pytest.skip("scipy makes no sparse matrix of float16")
    given_matrix = FORMS[form](DENSE.astype(dtype))
    found = _counts.canonical(given_matrix, where="X")
    assert isinstance(found, sparse.csr_matrix)
    assert found.has_canonical_format
    assert found.dtype != np.float16
    np.testing.assert_array_equal(found.toarray(), DENSE.astype(dtype))


def test_repeated_and_unsorted_entries_are_put_right_on_a_copy():
    data, indices, indptr = np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3, 3])
    given_matrix = sparse.csr_matrix((data, indices, indptr), shape=(2, 3))
    found = _counts.canonical(given_matrix, where="X")
    np.testing.assert_array_equal(found.toarray(), [[2, 0, 5], [0, 0, 0]])
    np.testing.assert_array_equal(found.indices, [0, 2])
    np.testing.assert_array_equal(given_matrix.indices, [2, 0, 2])
    assert given_matrix.nnz == 3


def test_wide_indices_are_narrowed_where_they_fit():
    given_matrix = sparse.csr_array(DENSE)
    given_matrix.indices = given_matrix.indices.astype(np.int64)
    given_matrix.indptr = given_matrix.indptr.astype(np.int64)
    assert _counts.canonical(given_matrix, where="X").indices.dtype == np.int32


@pytest.mark.parametrize("dtype", [object, "U3", complex])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(TypeError, match=r"Expected numbers in `adata.X`, found dtype .*astype\('float32'\)"):
        _counts.canonical(DENSE.astype(dtype), where="adata.X")


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match="`adata.X` is empty; pass `layer=`"):
        _counts.canonical(None, where="adata.X")
    with pytest.raises(TypeError, match=r"Expected a numpy array or a scipy sparse matrix .* found list; load"):
        _counts.canonical([[1]], where="adata.X")


def test_booleans_are_no_counts():
    with pytest.raises(TypeError, match="found booleans; pass `layer=` with the raw counts"):
        _counts.require_counts(sparse.csr_matrix(DENSE > 0), where="X", cells=["a", "b"], genes=["x", "y", "z"])


def test_each_kind_of_bad_value_is_counted_and_the_first_is_named():
    x = np.zeros((3, 4))
    x[0, 1], x[1, 0], x[1, 2], x[2, 3], x[2, 0] = 3, np.nan, -1, 0.5, np.inf
    with pytest.raises(
        ValueError, match=r"2 not finite, 1 negative, 1 not integer.*5 stored.*nan for cell 'c1', gene 'g0'"
    ):
        _counts.require_counts(sparse.csr_matrix(x), where="X", cells=names(3, "c"), genes=names(4, "g"))


@given(
    hnp.arrays(np.float64, (6, 5), elements=st.sampled_from([0.0, 1.0, 2.0, 1e6])),
    st.integers(0, 5),
    st.integers(0, 4),
    st.sampled_from([0.5, -1.0, np.nan, np.inf, -np.inf, 1e-9, 2.0000001]),
)
def test_one_bad_value_anywhere_is_found(x, cell, gene, value):
    _counts.require_counts(sparse.csr_matrix(x), where="X", cells=names(6, "c"), genes=names(5, "g"))
    x[cell, gene] = value
    with pytest.raises(ValueError, match=rf"for cell 'c{cell}', gene 'g{gene}'"):
        _counts.require_counts(sparse.csr_matrix(x), where="X", cells=names(6, "c"), genes=names(5, "g"))


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_integers(dtype):
    good = sparse.csr_matrix(DENSE.astype(dtype))
    _counts.require_counts(good, where="X", cells=["a", "b"], genes=["x", "y", "z"])
    if np.issubdtype(dtype, np.signedinteger):
        with pytest.raises(ValueError, match="1 negative"):
            _counts.require_counts(sparse.csr_matrix(-np.eye(1, dtype=dtype)), where="X", cells=["a"], genes=["x"])


@pytest.mark.parametrize("which", ["indices", "indptr"])
def test_one_wide_index_is_narrowed(which):
    """What h5ad files hold; scipy would copy the other index at every selection of rows."""
    given_matrix = sparse.random(20, 7, density=0.4, format="csr", rng=np.random.default_rng(0))
    expected = given_matrix.toarray()
    setattr(given_matrix, which, getattr(given_matrix, which).astype(np.int64))
    found = _counts.canonical(given_matrix, where="here")
    assert found.indices.dtype == found.indptr.dtype == np.int32
    np.testing.assert_array_equal(found.toarray(), expected)


def _kinds():
    rng = np.random.default_rng(0)
    share = rng.gamma(0.3, 1, 300)
    counts = rng.poisson(800 * share / share.sum() * rng.gamma(5, 0.2, (200, 1))).astype(np.float32)
    size = counts.sum(1, keepdims=True)
    length = rng.gamma(3, 1, 300)
    tpm = counts / length / (counts / length).sum(1, keepdims=True) * 1e6
    some = counts.copy()
    some[:, :80] *= rng.uniform(0.3, 1, (200, 80))
    one = counts.copy()
    one[7, 2] = 0.5
    negative = counts.copy()
    negative[7, 2] = -1
    missing = counts.copy()
    missing[7, 2] = np.nan
    return {
        "normalised": [counts / size * 1e4, counts / rng.gamma(5, 0.2, (200, 1)), counts * 0.2137, tpm],
        "logarithms": [
            np.log1p(counts / size * 1e4),
            np.log2(1 + counts / size * 1e4),
            np.log1p(counts / size * 1e4)[:, :60],
            np.log1p(tpm),
            np.log1p(counts),
        ],
        "fractions": [
            np.maximum(counts - 0.1 * rng.random(counts.shape), 0),
            counts * rng.uniform(0.8, 1, counts.shape),
            some,
            one,
        ],
        "scaled": [counts - counts.mean(0)],
        "negative": [negative],
        "not finite": [missing],
    }


@pytest.mark.parametrize(("kind", "number"), [(kind, i) for kind, group in _kinds().items() for i in range(len(group))])
def test_what_is_no_counts_is_told_by_its_values(kind, number):
    values = np.asarray(_kinds()[kind][number], dtype=np.float32)
    assert _counts.what_they_look_like(sparse.csr_matrix(values)) == kind


def test_rounding_keeps_whole_counts_and_drops_what_becomes_zero():
    values = sparse.csr_matrix(np.array([[0.2, 1.7, 0.0], [3.0, 0.0, 2.4]]))
    found = _counts.rounded(values)
    np.testing.assert_array_equal(found.toarray(), [[0, 2, 0], [3, 0, 2]])
    assert found.nnz == 3
    assert values.data[0] == 0.2
