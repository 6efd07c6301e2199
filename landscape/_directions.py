"""What sources of direction read, from an AnnData object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape._anndata import count_matrix, read
from landscape.markov.graph import CellGraph


@dataclass(frozen=True)
class StoredData:
    """A data set by its names (:class:`landscape.directions.Data`)."""

    adata: AnnData

    @property
    def cell_names(self) -> pd.Index:
        """Names of the cells."""
        return self.adata.obs_names

    @property
    def gene_names(self) -> pd.Index:
        """Names of the genes."""
        return self.adata.var_names

    @property
    def columns(self) -> list[str]:
        """Names of the columns of ``adata.obs``."""
        return list(map(str, self.adata.obs.columns))

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return list(map(str, self.adata.layers))

    @property
    def root(self) -> str | None:
        """Name of the cell ``adata.uns["iroot"]``, if any."""
        if "iroot" not in self.adata.uns:
            return None
        return str(self.adata.obs_names[int(self.adata.uns["iroot"])])

    def column(self, key: str, *, hint: str) -> pd.Series:
        """``adata.obs[key]``."""
        return read(self.adata, "obs", key, hint=hint)

    def layer(self, key: str, *, hint: str) -> Any:
        """``adata.layers[key]``."""
        return read(self.adata, "layers", key, hint=hint)

    def pairs(self, key: str, *, hint: str) -> Any:
        """``adata.obsp[key]``."""
        return read(self.adata, "obsp", key, hint=hint)


@dataclass(frozen=True)
class StoredSample(StoredData):
    """Cells on which structure is tested (:class:`landscape.directions.Sample`); ``count_layer=None`` is ``adata.X``."""

    rows: NDArray[np.int64]
    count_layer: str | None
    rng: np.random.Generator

    def counts(self, layer: str | None = None) -> sparse.csr_matrix:
        """Checked counts of a layer, by default of ``count_layer``."""
        return count_matrix(self.adata, self.count_layer if layer is None else layer)


@dataclass(frozen=True)
class StoredCells(StoredData):
    """A data set with everything that the chain of cells is made from (:class:`landscape.directions.Cells`).

    ``count_layer`` is the layer with the counts from which the states come.
    """

    coordinates: NDArray[np.float64]
    states: NDArray[np.float64]
    graph: CellGraph
    count_layer: str
    rng: np.random.Generator

    def counts(self, layer: str | None = None) -> sparse.csr_matrix:
        """Checked counts of a layer, by default of ``count_layer``."""
        return count_matrix(self.adata, self.count_layer if layer is None else layer)
