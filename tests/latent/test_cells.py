from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from landscape.latent.cells import Cells, batch_codes, read_cells


def test_reads_counts_and_batches(adata):
    cells = read_cells(adata, layer="counts", batch_key="batch")
    np.testing.assert_array_equal(cells.counts.toarray(), adata.layers["counts"].toarray())
    assert cells.batches == ["a", "b"]
    assert [cells.batches[code] for code in cells.codes] == adata.obs["batch"].tolist()
    assert (cells.names, cells.genes) == (adata.obs_names.tolist(), adata.var_names.tolist())
    alone = read_cells(adata, layer=None, batch_key=None)
    assert alone.batches == ["all"]
    assert not alone.codes.any()


def test_nothing_is_changed(adata):
    adata.layers["counts"] = sparse.csr_array(adata.layers["counts"])
    before = adata.copy()
    read_cells(adata, layer="counts", batch_key="batch")
    assert list(adata.obs) == list(before.obs)
    assert list(adata.uns) == list(before.uns)
    assert isinstance(adata.layers["counts"], sparse.csr_array)


def test_genes_are_matched_by_name_in_any_order(adata):
    genes = adata.var_names.tolist()
    shuffled = adata[:, np.random.default_rng(0).permutation(adata.n_vars)].copy()
    found = read_cells(shuffled, layer="counts", batch_key=None, genes=genes, batches=["all"])
    np.testing.assert_array_equal(found.counts.toarray(), adata.layers["counts"].toarray())
    assert found.counts.has_sorted_indices


def test_batches_are_strings_in_order_and_unused_categories_do_not_count(adata):
    adata.obs["batch"] = pd.Categorical(adata.obs["batch"], categories=["z", "b", "a"])
    adata.obs["number"] = np.where(adata.obs["batch"] == "a", 10, 9)
    assert read_cells(adata, layer="counts", batch_key="batch").batches == ["a", "b"]
    assert read_cells(adata, layer="counts", batch_key="number").batches == ["10", "9"]


def test_missing_genes(adata):
    with pytest.raises(KeyError, match=r"1 of the model's 31 genes are missing .* for instance \['Gata1'\]"):
        read_cells(adata, layer="counts", batch_key=None, genes=[*adata.var_names, "Gata1"])


def test_unknown_batch():
    np.testing.assert_array_equal(batch_codes(["b", "a", "b"], ["a", "b"]), [1, 0, 1])
    with pytest.raises(ValueError, match=r"Expected batches of the model, \['a', 'b'\], found others: \['c'\]"):
        batch_codes(["a", "c"], ["a", "b"])


def test_missing_batch_values(adata):
    adata.obs.loc[adata.obs_names[:5], "batch"] = np.nan
    with pytest.raises(ValueError, match=r"5 of 120 cells have no value in `adata.obs\['batch'\]`"):
        read_cells(adata, layer="counts", batch_key="batch")


def test_empty_cells_are_named(adata):
    counts = adata.layers["counts"].toarray()
    counts[[3, 7]] = 0
    adata.layers["counts"] = counts
    with pytest.raises(ValueError, match=r"2 of 120 cells have no counts .*'cell3'.*drop_empty=True"):
        read_cells(adata, layer="counts", batch_key=None)


def test_no_cells():
    none = Cells.empty(genes=["a", "b"], batches=["all"])
    assert none.counts.shape == (0, 2)
    assert none.names == []
