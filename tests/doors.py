"""Small data sets in the shapes that users bring, and what an object holds, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

REGULATORS = ("Gata1", "Spi1", "Gata2", "Klf1")
N_CELLS = 120


def counted(n_cells: int = N_CELLS, n_targets: int = 12, *, mean: float = 60.0) -> ad.AnnData:
    """Counts with four regulators and time points."""
    rng = np.random.default_rng(0)
    genes = [*REGULATORS, *(f"Tgt{i}" for i in range(n_targets))]
    day = np.arange(n_cells) % 3
    rate = np.exp(0.5 * rng.normal(size=(3, len(genes))))
    adata = ad.AnnData(
        sparse.csr_matrix(rng.poisson(mean * rate[day]).astype(np.float32)),
        obs=pd.DataFrame({"day": day.astype(float)}, index=[f"cell{i}" for i in range(n_cells)]),
        var=pd.DataFrame({"regulator": [not gene.startswith("Tgt") for gene in genes]}, index=genes),
    )
    adata.obs["cell_type"] = pd.Categorical(np.where(day > 1, "late", "early"))
    return adata


def put(adata: ad.AnnData, name: Any, values: Any) -> ad.AnnData:
    """Set a column of cells."""
    adata.obs[name] = values
    return adata


def assign(adata: ad.AnnData, name: str, value: Any) -> ad.AnnData:
    """Set an attribute."""
    setattr(adata, name, value)
    return adata


def frozen(adata: ad.AnnData) -> str:
    """Everything that an object holds, bit by bit, and in which order."""
    return repr([*_parts(adata)])


def _parts(adata: ad.AnnData) -> Iterator[Any]:
    for name in ("obs", "var"):
        frame = getattr(adata, name)
        yield name, frame.index.tolist(), [(key, str(column.dtype), column.tolist()) for key, column in frame.items()]
    for name in ("layers", "obsm", "varm", "obsp", "varp"):
        yield name, [(key, _values(value)) for key, value in getattr(adata, name).items()]
    yield _values(adata.X), [(key, repr(value)) for key, value in adata.uns.items()]
    yield None if adata.raw is None else _values(adata.raw.X)


def _values(matrix: Any) -> Any:
    if matrix is None:
        return None
    if sparse.issparse(matrix):
        return (
            type(matrix).__name__,
            matrix.shape,
            matrix.data.tobytes(),
            matrix.indices.tobytes(),
            matrix.indptr.tobytes(),
        )
    if isinstance(matrix, pd.DataFrame):
        return matrix.to_csv()
    return type(matrix).__name__, np.shape(matrix), np.asarray(matrix).dtype, np.asarray(matrix).tolist()
