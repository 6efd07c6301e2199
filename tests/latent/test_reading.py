from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from landscape.latent.dataset import CountDataset, Keys, Vocabulary, category_codes
from landscape.latent.reading import read_anndata


def test_reads_counts_and_batches(adata):
    cells = read_anndata(adata, Keys("counts", "batch"))
    np.testing.assert_array_equal(cells.counts.toarray(), adata.layers["counts"].toarray())
    assert cells.vocabulary.batches == ["a", "b"]
    assert [cells.vocabulary.batches[code] for code in cells.codes[:, 0]] == adata.obs["batch"].tolist()
    assert (cells.names, cells.vocabulary.genes) == (adata.obs_names.tolist(), adata.var_names.tolist())
    alone = read_anndata(adata, Keys())
    assert alone.vocabulary.batches == ["all"]
    assert not alone.codes.any()


def test_nothing_is_changed(adata):
    adata.layers["counts"] = sparse.csr_array(adata.layers["counts"])
    before = adata.copy()
    read_anndata(adata, Keys("counts", "batch"))
    assert list(adata.obs) == list(before.obs)
    assert list(adata.uns) == list(before.uns)
    assert isinstance(adata.layers["counts"], sparse.csr_array)


def test_genes_are_matched_by_name_in_any_order(adata):
    genes = adata.var_names.tolist()
    shuffled = adata[:, np.random.default_rng(0).permutation(adata.n_vars)].copy()
    found = read_anndata(shuffled, Keys("counts"), vocabulary=Vocabulary(genes, ["all"]))
    np.testing.assert_array_equal(found.counts.toarray(), adata.layers["counts"].toarray())
    assert found.counts.has_sorted_indices


def test_batches_are_strings_in_order_and_unused_categories_do_not_count(adata):
    adata.obs["batch"] = pd.Categorical(adata.obs["batch"], categories=["z", "b", "a"])
    adata.obs["number"] = np.where(adata.obs["batch"] == "a", 10, 9)
    assert read_anndata(adata, Keys("counts", "batch")).vocabulary.batches == ["a", "b"]
    assert read_anndata(adata, Keys("counts", "number")).vocabulary.batches == ["10", "9"]


def test_missing_genes(adata):
    with pytest.raises(KeyError, match=r"1 of the model's 31 genes are missing .* for instance \['Gata1'\]"):
        read_anndata(adata, Keys("counts"), vocabulary=Vocabulary([*adata.var_names, "Gata1"], ["all"]))


def test_unknown_batch():
    np.testing.assert_array_equal(category_codes(["b", "a", "b"], ["a", "b"], what="batches"), [1, 0, 1])
    with pytest.raises(ValueError, match=r"Expected batches of the model, \['a', 'b'\], found others: \['c'\]"):
        category_codes(["a", "c"], ["a", "b"], what="batches")


def test_missing_batch_values(adata):
    adata.obs.loc[adata.obs_names[:5], "batch"] = np.nan
    with pytest.raises(ValueError, match=r"5 of 120 cells have no value in `adata.obs\['batch'\]`"):
        read_anndata(adata, Keys("counts", "batch"))


def test_empty_cells_are_named(adata):
    counts = adata.layers["counts"].toarray()
    counts[[3, 7]] = 0
    adata.layers["counts"] = counts
    with pytest.raises(ValueError, match=r"2 of 120 cells have no counts .*'cell3'.*drop_empty=True"):
        read_anndata(adata, Keys("counts"))


def test_no_cells():
    none = CountDataset.empty(Vocabulary(["a", "b"], ["all"]))
    assert none.counts.shape == (0, 2)
    assert none.names == []


def test_covariates_are_coded_and_standardised(adata):
    adata.obs["depth"] = np.arange(120.0)
    adata.obs["same"] = 3
    keys = Keys("counts", "batch", categorical=("kind",), continuous=("depth", "same"))
    cells = read_anndata(adata, keys)
    assert cells.codes.shape == (120, 2)
    assert [cells.vocabulary.levels[0][code] for code in cells.codes[:, 1]] == adata.obs["kind"].tolist()
    np.testing.assert_allclose(cells.continuous.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(cells.continuous.std(0), [1, 0], rtol=1e-6)
    # other cells are measured by the same rule
    some = read_anndata(adata[7:9].copy(), keys, vocabulary=cells.vocabulary)
    np.testing.assert_allclose(some.continuous, cells.continuous[7:9], rtol=1e-6)
    np.testing.assert_array_equal(some.codes, cells.codes[7:9])


@pytest.mark.parametrize(
    ("keys", "error", "message"),
    [
        ({"categorical": "kind"}, TypeError, r"pass `categorical_covariates=\['kind'\]`"),
        ({"categorical": ["phase"]}, KeyError, "pass `categorical_covariates=` with a column"),
        ({"continuous": ["kind"]}, ValueError, r"Expected finite numbers in `adata.obs\['kind'\]`"),
        ({"continuous": ["gap"]}, ValueError, "1 of 120 cells have no value"),
    ],
)
def test_bad_covariates(adata, keys, error, message):
    adata.obs["gap"] = np.r_[np.nan, np.arange(119.0)]
    with pytest.raises(error, match=message):
        read_anndata(adata, Keys.from_arguments("counts", None, **keys))


def test_unknown_level(adata):
    keys = Keys("counts", categorical=("kind",))
    vocabulary = read_anndata(adata, keys).vocabulary
    adata.obs["kind"] = "2"
    with pytest.raises(
        ValueError, match=r"Expected levels of 'kind' of the model, \['0', '1'\], found others: \['2'\]"
    ):
        read_anndata(adata, keys, vocabulary=vocabulary)
