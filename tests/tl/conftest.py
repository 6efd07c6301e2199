"""Cells of a toggle switch, simulated with their truth, and the model fitted to them."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData
from sklearn.decomposition import PCA

import landscape as ls


@pytest.fixture(scope="session")
def toggle_cells() -> AnnData:
    """600 cells of the toggle switch at six times, with a network and coordinates; read only."""
    adata = ls.circuits.simulate(
        ls.circuits.toggle(), n_cells=600, n_targets=80, n_housekeeping=20, times=[0, 1, 2, 4, 7, 12], unspliced=True
    )
    counts = adata.layers["counts"]
    depth = np.asarray(counts.sum(1))
    logs = np.log1p(counts.toarray() / depth * np.median(depth))
    adata.obsm["X_pca"] = PCA(5, random_state=0).fit_transform(logs)
    ls.tl.network(adata, n_bootstraps=5, response_layer="counts")
    return adata


@pytest.fixture(scope="session")
def toggle_model(toggle_cells: AnnData) -> AnnData:
    """The same with a model directed by real time, its attractors, basins and fates; read only."""
    adata = toggle_cells.copy()
    ls.tl.dynamics(adata, direction=ls.dynamics.from_time("time"), n_steps=60)
    ls.tl.attractors(adata, label_key="fate")
    ls.tl.basins(adata)
    ls.tl.fates(adata)
    return adata
