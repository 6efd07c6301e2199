from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from landscape.latent.minibatch import Log1pLinear, SparseCounts


def some_counts():
    counts = sparse.random(9, 6, density=0.4, format="csr", rng=np.random.default_rng(0), dtype=np.float64)
    counts.data[:] = np.arange(len(counts.data)) + 1
    return counts


def test_tensors_hold_the_counts():
    counts = some_counts()
    batch = SparseCounts.from_csr(counts)
    np.testing.assert_array_equal(batch.dense(), counts.toarray())
    np.testing.assert_array_equal(batch.dense(batch.values**2), counts.toarray() ** 2)
    np.testing.assert_array_equal(batch.library, counts.toarray().sum(1))
    assert len(batch) == 9
    assert SparseCounts.from_csr(counts.astype(np.int64)).values.dtype == torch.float32


def test_stored_zeros_do_not_count():
    counts = some_counts()
    counts.data[[0, 5]] = 0
    batch = SparseCounts.from_csr(counts)
    assert (batch.values > 0).all()
    np.testing.assert_array_equal(batch.dense(), counts.toarray())
    assert counts.nnz == 22  # the caller's are untouched


def test_layer_is_the_dense_one_and_so_are_its_gradients():
    counts = some_counts()
    batch = SparseCounts.from_csr(counts)
    rng = np.random.default_rng(1)
    weight = torch.from_numpy(rng.normal(size=(4, 6))).requires_grad_()
    bias = torch.from_numpy(rng.normal(size=4)).requires_grad_()
    expected = torch.nn.functional.linear(torch.from_numpy(np.log1p(counts.toarray())), weight, bias)
    torch.testing.assert_close(Log1pLinear.apply(weight, bias, batch), expected)
    assert torch.autograd.gradcheck(lambda w, b: Log1pLinear.apply(w, b, batch), (weight, bias))
