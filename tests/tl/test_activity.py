from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import landscape as ls
from tests.network import toy


def planted():
    counts, regulators, truth = toy.planted(n_cells=300, n_targets=120)
    adata = ad.AnnData(sparse.csr_matrix(counts))
    adata.layers["counts"] = adata.X.copy()
    adata.var_names = [f"Gene{k}" for k in range(adata.n_vars)]
    adata.var["regulator"] = np.isin(np.arange(adata.n_vars), regulators)
    ls.tl.network(adata, n_bootstraps=10)
    return adata, truth


def test_activity_follows_the_regulator_whose_own_gene_is_left_out():
    adata, _ = planted()
    assert ls.tl.activity(adata) is None
    table = adata.obsm["regulon_activity"]
    assert table.columns.tolist() == [f"Gene{k}" for k in range(8)]
    assert (table.index == adata.obs_names).all()
    values = np.log1p(adata.X.toarray() / adata.X.toarray().sum(axis=1, keepdims=True) * 1e4)
    # Poisson noise of about 1 / 7 is a third of the variance of a regulator's logarithm, .36: its correlation with a perfect
    # activity is about .8, that of unrelated regulators has a standard error of .06.
    found = np.corrcoef(table.to_numpy().T, values[:, :8].T)[:8, 8:]
    assert found.diagonal().min() > 0.6
    assert np.abs(found[~np.eye(8, dtype=bool)]).max() < 0.3
    before = table.copy()
    adata.layers["counts"] = adata.layers["counts"].copy()
    shuffled = adata.layers["counts"].toarray()
    order = np.random.default_rng(0).permutation(300)
    total = shuffled.sum(axis=1)
    shuffled[:, 3] = shuffled[order, 3]
    assert not np.array_equal(total, shuffled.sum(axis=1))
    adata.layers["counts"] = sparse.csr_matrix(shuffled)
    ls.tl.activity(adata)
    assert np.corrcoef(adata.obsm["regulon_activity"]["Gene3"], before["Gene3"])[0, 1] > 0.98


def test_it_survives_a_file_and_names_what_it_left_out(tmp_path):
    adata, _ = planted()
    most = int((adata.varp["network_support"][:8].toarray() != 0).sum(axis=1).max())
    ls.tl.activity(adata, min_targets=most, key_added="strict")
    adata.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad")
    kept, left = (
        back.obsm["strict"].columns.tolist(),
        back.uns["landscape"]["strict"]["without_enough_targets"].tolist(),
    )
    assert sorted(kept + left) == [f"Gene{k}" for k in range(8)]
    np.testing.assert_array_equal(back.obsm["strict"].to_numpy(), adata.obsm["strict"].to_numpy())


def test_bad_requests_are_refused_and_nothing_is_written():
    adata, _ = planted()
    with pytest.raises(ValueError, match="at least 1000 supported targets, found at most"):
        ls.tl.activity(adata, min_targets=1000)
    with pytest.raises(KeyError, match="run `landscape.tl.network"):
        ls.tl.activity(adata, network_key="other")
    assert "regulon_activity" not in adata.obsm
    assert "regulon_activity" in ls.tl.activity(adata, copy=True).obsm
    assert "regulon_activity" not in adata.obsm
