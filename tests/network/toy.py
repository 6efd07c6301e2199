"""Small expression with a known network, shared by the tests of networks."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
from scipy import sparse


def counts(n_cells: int = 300, n_genes: int = 40, seed: int = 0) -> sparse.csr_matrix:
    """Unrelated counts with cells of different depth."""
    rng = np.random.default_rng(seed)
    depth = rng.gamma(10.0, 0.1, size=(n_cells, 1))
    return sparse.csr_matrix(rng.poisson(depth * rng.gamma(1.0, 2.0, size=n_genes)).astype(float))


def planted(
    n_cells: int = 400, n_regulators: int = 8, n_targets: int = 60, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts, regulators and truth: every target follows one regulator, with a sign, through a log-linear rate."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(n_cells, n_regulators))
    parent = np.arange(n_targets) % n_regulators
    sign = np.where(np.arange(n_targets) % 3 == 0, -1.0, 1.0)
    rate = np.concatenate([level, 0.9 * level[:, parent] * sign], axis=1)
    depth = rng.gamma(20.0, 0.05, size=(n_cells, 1))
    found = rng.poisson(depth * np.exp(2.0 + 0.6 * rate)).astype(float)
    truth = np.zeros((n_regulators, n_regulators + n_targets))
    truth[parent, n_regulators + np.arange(n_targets)] = sign
    return found, np.arange(n_regulators), truth


def planted_adata(**settings: Any) -> tuple[ad.AnnData, np.ndarray]:
    """The same as annotated data with its regulators marked, and the truth."""
    found, regulators, truth = planted(**settings)
    adata = ad.AnnData(sparse.csr_matrix(found))
    adata.var_names = [f"Gene{k}" for k in range(adata.n_vars)]
    adata.layers["counts"] = adata.X.copy()
    adata.var["regulator"] = np.isin(np.arange(adata.n_vars), regulators)
    return adata, truth
