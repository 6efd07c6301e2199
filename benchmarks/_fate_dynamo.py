"""dynamo on the cells of a file: fate probabilities and processor seconds.

Runs in an interpreter of its own, since dynamo pins an older AnnData than CellRank, with the arguments and the files of
``_fate_peers.py``. Spliced counts are the counts, velocities and the vector field are made on the latent variables that all
methods share, and a cell's fates are the labels near where its path ends: the labels of the simulation, which are given.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
import warnings

import anndata as ad
import numpy as np
from scipy import sparse

PACKAGES = ("dynamo-release", "anndata", "numpy", "scipy")
N_NEIGHBORS = 30


def fates(adata: ad.AnnData) -> object:
    """Table of fate probabilities, one row for each cell and one column for each label."""
    import dynamo as dyn

    cells = ad.AnnData(sparse.csr_matrix(adata.layers["counts"], dtype=np.float32), obs=adata.obs, var=adata.var)
    cells.layers["spliced"] = cells.X.copy()
    cells.layers["unspliced"] = sparse.csr_matrix(adata.layers["unspliced"], dtype=np.float32)
    cells.obsm["X_latent"] = np.asarray(adata.obsm["X_latent"], dtype=float)
    recipe = dyn.pp.Preprocessor()
    recipe.config_monocle_recipe(cells, n_top_genes=min(2000, cells.n_vars))
    recipe.preprocess_adata_monocle(cells)
    dyn.tl.dynamics(cells, model="deterministic", cores=1)
    dyn.tl.neighbors(cells, X_data=cells.obsm["X_latent"], n_neighbors=N_NEIGHBORS)
    dyn.tl.cell_velocities(cells, basis="latent", other_kernels_dict={})
    dyn.vf.VectorField(cells, basis="latent", M=200, pot_curl_div=False)
    start = [str(name) for name in adata.uns["cells"]]
    dyn.pd.fate(cells, basis="latent", init_cells=start, direction="forward", interpolation_num=100, cores=1)
    return dyn.pd.fate_bias(cells, group="fate", basis="latent").drop(columns="confidence").reindex(start)


def main(source: str, target: str, names: list[str]) -> None:
    """Run the one method; where it fails, its error is left instead of probabilities."""
    warnings.filterwarnings("ignore")
    adata = ad.read_h5ad(source)
    document: dict[str, object] = {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "methods": {},
    }
    for name in names:
        start = time.process_time()
        try:
            table = fates(adata.copy())
            found = {
                "cells": list(map(str, table.index)),
                "fates": list(map(str, table)),
                "probabilities": np.round(table.to_numpy(dtype=float), 5).tolist(),
            }
        except Exception as error:  # noqa: BLE001
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        document["methods"][name] = {**found, "cpu_seconds": time.process_time() - start}
    with open(target, "w") as file:
        json.dump(document, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
