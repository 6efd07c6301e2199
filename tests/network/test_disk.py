from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from landscape import network
from tests.network import toy


@pytest.fixture(params=["h5ad", "zarr"])
def stored(request, tmp_path):
    adata = ad.AnnData(toy.counts(n_genes=150), layers={"dense": toy.counts(n_genes=150).toarray()})
    adata.layers["columns"] = sparse.csc_matrix(adata.X)
    path = tmp_path / f"cells.{request.param}"
    if request.param == "h5ad":
        adata.write_h5ad(path)
    else:
        with pytest.warns(UserWarning, match="zarr v2"):
            adata.write_zarr(path)
    return path, adata


@pytest.mark.parametrize("key", ["X", "layers/dense"])
def test_a_network_from_disk_is_that_from_memory(stored, key):
    path, adata = stored
    settings = {"n_bootstraps": 5, "rng": 3}
    here = network.infer(network.expression(adata.X, np.arange(24), block_size=64), **settings)
    there = network.infer(network.expression(network.on_disk(path, key), np.arange(24), block_size=64), **settings)
    np.testing.assert_allclose(there.weights, here.weights, atol=1e-12)
    np.testing.assert_allclose(there.stability, here.stability, atol=1e-12)
    np.testing.assert_allclose(there.fdr, here.fdr, atol=1e-12)


def test_missing_matrices_and_csc_are_refused(stored, tmp_path):
    path, _ = stored
    with pytest.raises(FileNotFoundError, match="file or store at"):
        network.on_disk(tmp_path / "none.h5ad")
    with pytest.raises(KeyError, match="Expected `raw/X`"):
        network.on_disk(path, "raw/X")
    with pytest.raises(ValueError, match="stored by cells"):
        network.on_disk(path, "layers/columns")
    with pytest.raises(ValueError, match="consecutive rows"):
        network.on_disk(path)[0:10:2]
