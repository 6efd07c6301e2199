"""Readers of files that were made by chance: what was written comes back, and what is damaged is named."""

from __future__ import annotations

import contextlib
import functools
import io
import tempfile
import warnings
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from landscape._run.reading import read_cells, require_storable

N_CELLS, N_GENES = 6, 4
text = st.text(
    st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)
values = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint16, bool])
columns = st.one_of(
    st.lists(st.floats(width=64), min_size=N_CELLS, max_size=N_CELLS).map(np.array),
    st.lists(st.integers(-(2**62), 2**62), min_size=N_CELLS, max_size=N_CELLS).map(np.array),
    st.lists(text, min_size=N_CELLS, max_size=N_CELLS).map(lambda v: np.array(v, dtype=object)),
    st.lists(st.booleans(), min_size=N_CELLS, max_size=N_CELLS).map(np.array),
    st.lists(st.sampled_from(["a", "b", None]), min_size=N_CELLS, max_size=N_CELLS).map(
        lambda v: pd.Categorical(v, categories=["a", "b"])
    ),
)
nested = st.recursive(
    st.one_of(st.integers(-(2**62), 2**62), st.floats(allow_nan=False), text, st.booleans()),
    lambda inner: st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def made(kind, store, obs, names, uns):
    counts = np.random.default_rng(0).poisson(2.0, (N_CELLS, N_GENES)).astype(kind)
    adata = AnnData(store(counts), layers={"counts": store(counts)})
    adata.obs_names = names
    for name, column in obs.items():
        adata.obs[name] = column
    adata.uns["given"] = uns
    return adata


@settings(max_examples=40)
@given(
    values,
    st.sampled_from([np.asarray, sparse.csr_matrix, sparse.csc_matrix]),
    st.dictionaries(text.filter(lambda name: name not in ("_index", "index", ".", "..")), columns, max_size=3),
    st.lists(text, min_size=N_CELLS, max_size=N_CELLS, unique=True),
    st.dictionaries(text.filter(lambda name: name not in (".", "..")), nested, max_size=2),
)
def test_what_was_written_comes_back_and_can_be_written_again(kind, store, obs, names, uns):
    adata = made(kind, store, obs, names, uns)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.h5ad", Path(folder) / "b.h5ad"
        try:
            adata.write_h5ad(first)
        except (ValueError, TypeError, KeyError, NotImplementedError):
            return  # anndata does not write it: nobody has such a file
        once = read_cells(first)
        require_storable(once)
        once.write_h5ad(second)
        twice = read_cells(second)
    for found in (once, twice):
        assert found.obs_names.tolist() == names
        assert list(found.obs.columns) == list(obs)
        for name in obs:
            expected, there = pd.Series(obs[name], index=names), found.obs[name]
            assert (there.isna() == expected.isna()).all()
            assert there[there.notna()].tolist() == expected[expected.notna()].tolist()
        for matrix in (found.X, found.layers["counts"]):
            assert matrix.dtype == np.dtype(kind)
            np.testing.assert_array_equal(
                matrix.toarray() if sparse.issparse(matrix) else matrix,
                adata.X.toarray() if sparse.issparse(adata.X) else adata.X,
            )
        assert set(found.uns.get("given", {})) <= set(uns)


@functools.cache
def whole() -> bytes:
    adata = made(
        np.float32,
        sparse.csr_matrix,
        {"day": np.arange(6.0), "kind": pd.Categorical(list("aabbab"))},
        list("uvwxyz"),
        {"a": 1},
    )
    with tempfile.TemporaryDirectory() as folder:
        adata.write_h5ad(Path(folder) / "a.h5ad")
        return (Path(folder) / "a.h5ad").read_bytes()


def read_or_refuse(content: bytes) -> AnnData | None:
    """Read a file with this content; an error names the file and says what to do."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # noqa: TID251 - of the reader, on damaged parts
        path = Path(folder) / "cells.h5ad"
        path.write_bytes(content)
        try:
            return read_cells(path)
        except ValueError as error:
            said = str(error)
            assert "cells.h5ad" in said
            assert any(
                word in said
                for word in ("copy it again", "update them", "read it with", "write it", "unpack it", "open it")
            )
            return None


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_file_is_named_or_read_and_nothing_else_happens(data):
    content = bytearray(whole())
    for _ in range(data.draw(st.integers(1, 6), label="number of places")):
        at = data.draw(st.integers(0, len(content) - 1), label="place")
        content[at : at + data.draw(st.integers(1, 8))] = data.draw(st.binary(min_size=0, max_size=8), label="bytes")
    read_or_refuse(bytes(content[: data.draw(st.integers(0, len(content)), label="length")]))


@settings(max_examples=30)
@given(st.binary(max_size=64))
def test_other_bytes_are_no_cells(content):
    assert read_or_refuse(content) is None


def parts() -> list[str]:
    names: list[str] = []
    with h5py.File(io.BytesIO(whole()), "r") as file:
        file.visit(names.append)
    return names


@pytest.mark.parametrize("part", parts())
@pytest.mark.parametrize("change", ["gone", "number", "group", "short", "bare"])
def test_a_part_that_is_missing_or_of_another_kind_is_named_or_read(part, change):
    stream = io.BytesIO(whole())
    with h5py.File(stream, "a") as file:
        if change == "bare":
            for name in list(file[part].attrs):
                del file[part].attrs[name]
        elif change == "short" and isinstance(file[part], h5py.Dataset) and file[part].shape:
            kept, attributes = file[part][:-1], dict(file[part].attrs)
            kind = file[part].dtype
            del file[part]
            file.create_dataset(part, data=kept, dtype=kind).attrs.update(attributes)
        else:
            del file[part]
            if change == "number":
                file[part] = 3
            elif change == "group":
                file.create_group(part)
    found = read_or_refuse(stream.getvalue())
    if found is not None:
        with contextlib.suppress(ValueError):  # with a message of its own; nothing else is raised
            require_storable(found)
