"""The inspection of data of any kind: it answers, says the same of one matrix in any storage, and changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import landscape as ls

N_CELLS, N_GENES = 60, 8
#: What can be wrong with one entry of a matrix of counts; ``None``: nothing.
ODD_VALUES = [None, -1.0, 0.5, np.nan, np.inf, -np.inf, 2.0**53 + 2, 1e300]
KINDS = [np.float32, np.float64, np.int32, np.int64, np.uint8, bool]
STORES = [np.asarray, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array]
COLUMNS = {
    "numbers": lambda rng: rng.normal(size=N_CELLS),
    "few": lambda rng: rng.integers(0, 3, N_CELLS),
    "gaps": lambda rng: np.where(rng.random(N_CELLS) < 0.1, np.nan, rng.random(N_CELLS)),
    "constant": lambda rng: np.ones(N_CELLS),
    "infinite": lambda rng: np.r_[np.inf, rng.random(N_CELLS - 1)],
    "text": lambda rng: rng.choice(["E8.5", "E9.5", "x"], N_CELLS),
    "categories": lambda rng: pd.Categorical(rng.choice(["a", None, "b"], N_CELLS), categories=["a", "b", "never"]),
    "dates": lambda rng: pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 3, N_CELLS), unit="D"),
    "flags": lambda rng: rng.random(N_CELLS) < 0.5,
    "objects": lambda rng: np.array([None, 1, "a", 2.5] * (N_CELLS // 4), dtype=object),
    "missing": lambda rng: np.full(N_CELLS, np.nan),
}
NAMES = ["day", "time", "stage", "batch", "cell_type", "dpt_pseudotime", "clusters", "age", "sample", "note"]

columns = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(COLUMNS)), max_size=4)
matrices = st.tuples(st.sampled_from(KINDS), st.sampled_from(ODD_VALUES), st.booleans(), st.booleans())


def counts(kind, odd, empty_cell, empty_gene, seed):
    found = np.random.default_rng(seed).poisson(2.0, (N_CELLS, N_GENES)).astype(kind)
    if odd is not None and np.issubdtype(kind, np.floating):
        with np.errstate(over="ignore"):
            found[7, 3] = odd
    if empty_cell:
        found[5] = 0
    if empty_gene:
        found[:, 2] = 0
    return found


def made(matrix, layer, held, store, seed):
    rng = np.random.default_rng(seed)
    adata = AnnData(store(matrix.copy()))
    adata.var_names = ["Gata1", "Spi1", "Cebpa", "Actb", "Gapdh", "Klf1", "Hbb-b1", "Mpo"]
    if layer is not None:
        adata.layers["counts"] = store(layer.copy())
    for name, kind in held.items():
        adata.obs[name] = COLUMNS[kind](rng)
    return adata


def said(adata):
    found = ls.pp.check(adata)
    json.dumps(found.to_dict(), allow_nan=False)
    return found, found.problems.to_dict("records")


def content(adata):
    """Everything in an object, for comparison bit by bit."""

    def bits(matrix):
        parts = (matrix.data, matrix.indices, matrix.indptr) if sparse.issparse(matrix) else (matrix,)
        return tuple(np.ascontiguousarray(part).tobytes() for part in parts)

    slots = {name: bits(matrix) for name, matrix in adata.layers.items()}
    return bits(adata.X), slots, adata.obs.copy(), adata.var.copy(), sorted(adata.uns), sorted(adata.obsm)


@settings(max_examples=80)
@given(matrices, st.none() | matrices, columns, st.sampled_from(STORES), st.integers(0, 99))
@pytest.mark.filterwarnings("ignore:Transforming to str index")
def test_any_data_are_answered_left_alone_and_judged_by_their_values(matrix, layer, held, store, seed):
    first, second = counts(*matrix, seed), None if layer is None else counts(*layer, seed + 1)
    adata = made(first, second, held, store, seed)
    before = content(adata)
    found, problems = said(adata)
    after = content(adata)
    assert before[:2] == after[:2]
    pd.testing.assert_frame_equal(before[2], after[2])
    pd.testing.assert_frame_equal(before[3], after[3])
    assert before[4:] == after[4:]
    # The same values in an array.
    other, same_problems = said(made(first, second, held, np.asarray, seed))
    assert problems == same_problems
    assert found.is_ready == other.is_ready
    if found.is_ready:
        used = first if found.counts_layer in (None, "X") else second
        assert np.isfinite(used).all()
        assert (used >= 0).all()
        np.testing.assert_array_equal(used, np.round(used))
        assert (np.asarray(used, dtype=float).sum(axis=1) > 0).all()
