"""A few cells of two kinds, and a model of them that is trained once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from landscape.latent import LatentModel


def two_kinds(n_cells: int = 120, n_genes: int = 30, seed: int = 0) -> AnnData:
    """Counts of two kinds of cells, which differ tenfold in half of the genes; two batches."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=n_cells)
    share = np.ones((2, n_genes))
    share[0, : n_genes // 2] = share[1, n_genes // 2 :] = 10
    share /= share.sum(1, keepdims=True)
    depth = rng.uniform(150, 300, size=(n_cells, 1))
    counts = sparse.csr_matrix(rng.poisson(depth * share[kind]).astype(np.float32))
    adata = AnnData(
        counts.copy(),
        obs=pd.DataFrame(
            {"kind": pd.Categorical(kind.astype(str)), "batch": pd.Categorical(rng.choice(["a", "b"], n_cells))},
            index=[f"cell{i}" for i in range(n_cells)],
        ),
        var=pd.DataFrame(index=[f"gene{i}" for i in range(n_genes)]),
        layers={"counts": counts},
    )
    adata.uns["share"] = share
    return adata


@pytest.fixture(scope="session")
def make_adata() -> Callable[..., AnnData]:
    return two_kinds


@pytest.fixture
def adata() -> AnnData:
    return two_kinds()


@pytest.fixture(scope="session")
def trained() -> LatentModel:
    """Model of `two_kinds`; no test may change it."""
    model = LatentModel(two_kinds(), n_latent=3, n_hidden=16)
    model.train(max_epochs=60, batch_size=32, learning_rate=5e-3, patience=20)
    return model
