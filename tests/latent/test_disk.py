from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from landscape.latent import LatentModel, disk, sampler
from landscape.latent.dataset import Keys, Vocabulary
from landscape.latent.reading import read_anndata, read_file


@pytest.fixture(params=["h5ad", "zarr"])
def path(request, adata, tmp_path):
    file = tmp_path / f"cells.{request.param}"
    adata.layers["dense"] = adata.layers["counts"].toarray()
    adata.layers["columns"] = adata.layers["counts"].tocsc()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Writing zarr v2 data")  # anndata's, of its own default
        getattr(adata, {"h5ad": "write_h5ad", "zarr": "write_zarr"}[request.param])(file)
    return file


@pytest.mark.parametrize("layer", [None, "counts", "dense"])
def test_rows_in_any_order(path, adata, layer, monkeypatch):
    monkeypatch.setattr(disk, "SCAN_ROWS", 50)
    cells = read_file(path, Keys(layer, "batch"))
    memory = read_anndata(adata, Keys(layer, "batch"))
    assert cells.on_disk
    assert not memory.on_disk
    assert (cells.names, cells.vocabulary) == (memory.names, memory.vocabulary)
    np.testing.assert_array_equal(cells.codes, memory.codes)
    np.testing.assert_array_equal(cells.totals, memory.totals)
    rows = np.array([7, 3, 4, 5, 100, 3])
    np.testing.assert_array_equal(cells.counts[rows].toarray(), memory.counts[rows].toarray())
    fetched, positions = cells.fetch(rows)
    np.testing.assert_array_equal(fetched.counts[positions].toarray(), memory.counts[rows].toarray())
    np.testing.assert_array_equal(fetched.codes[positions], memory.codes[rows])


def test_genes_are_matched_by_name(path, adata):
    genes = adata.var_names[::-3].tolist()
    cells = read_file(path, Keys("counts"), vocabulary=Vocabulary(genes, ["all"]))
    np.testing.assert_array_equal(cells.counts[np.arange(120)].toarray(), adata[:, genes].layers["counts"].toarray())


def test_fit_is_that_in_memory(path, adata, monkeypatch):
    """Same order of cells, same weights, bit for bit; buffers of 40 cells, so that several are read."""
    monkeypatch.setattr(sampler, "BUFFER_SIZE", 40)
    models = [
        LatentModel(adata, batch_key="batch", n_latent=2, n_hidden=8),
        LatentModel.from_file(path, batch_key="batch", n_latent=2, n_hidden=8),
    ]
    for model in models:
        model.train(max_epochs=4, block_size=8)
    for name, value in models[0].module.state_dict().items():
        assert torch.equal(value, models[1].module.state_dict()[name]), name
    assert models[0].history.drop(columns="seconds").equals(models[1].history.drop(columns="seconds"))
    for method in (
        "get_latent_representation",
        "get_latent_deviation",
        "get_metric",
    ):
        np.testing.assert_array_equal(getattr(models[0], method)(), getattr(models[1], method)())
    expected, found = (m.get_normalized_expression(library_size="observed", n_samples=2) for m in models)
    assert expected.equals(found)
    tables = [m.posterior_predictive_check(n_cells=30).genes for m in models]
    assert tables[0].equals(tables[1])


def test_blocks_are_the_default_on_disk(path):
    model = LatentModel.from_file(path, n_latent=2, n_hidden=8)
    model.train(max_epochs=1)
    assert np.isfinite(model.get_latent_representation()).all()


def test_it_is_saved_and_loaded_without_the_file(path, adata, tmp_path):
    model = LatentModel.from_file(path, n_latent=2, n_hidden=8)
    model.train(max_epochs=1)
    model.save(tmp_path / "model")
    loaded = LatentModel.load(tmp_path / "model", adata)
    np.testing.assert_allclose(
        loaded.get_latent_representation(), model.get_latent_representation(), rtol=1e-5, atol=1e-6
    )


def test_refusals(path, adata, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        LatentModel.from_file(tmp_path / "nothing.h5ad")
    with pytest.raises(KeyError, match=r"layers/other` is missing.*Present: .*'counts'"):
        LatentModel.from_file(path, layer="other")
    with pytest.raises(TypeError, match=r"stored by cells \(CSR\), found them by genes \(CSC\)"):
        LatentModel.from_file(path, layer="columns")
    counts = adata.layers["counts"].toarray()
    counts[5, 2] = 0.5
    adata.layers["bad"] = sparse.csr_matrix(counts)
    counts[5] = 0
    adata.layers["empty"] = sparse.csr_matrix(counts)
    adata.write_h5ad(tmp_path / "bad.h5ad")
    with pytest.raises(ValueError, match=r"bad.h5ad/layers/bad`.*cell 'cell5', gene 'gene2'"):
        LatentModel.from_file(tmp_path / "bad.h5ad", layer="bad")
    with pytest.raises(ValueError, match=r"no counts in .*'cell5'"):
        LatentModel.from_file(tmp_path / "bad.h5ad", layer="empty")


def test_the_message_for_backed_objects_names_from_file(tmp_path, adata):
    import anndata

    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"leave the counts on disk with `LatentModel.from_file\(path\)`"):
        LatentModel(backed, layer=None)
    backed.file.close()
