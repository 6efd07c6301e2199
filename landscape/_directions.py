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
from landscape.directions import SOURCES, Combination, Direction
from landscape.markov.graph import CellGraph

# Position of scanpy's root, and its pseudotime, which is zero there.
_ROOT, _DPT = "iroot", "dpt_pseudotime"


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
        """Name of the cell ``adata.uns["iroot"]``, if any and not stale (:func:`root_of`)."""
        return root_of(self.adata)[0]

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
        """Checked counts of a layer, by default of ``count_layer``, in which no cell may be empty."""
        return count_matrix(self.adata, self.count_layer if layer is None else layer, filled=layer is None)


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


def offers(adata: AnnData) -> list[Direction]:
    """Directions in the data that a run may take unasked, the most informative first."""
    data = StoredData(adata)
    return [direction for source in SOURCES.values() for direction in source.detect(data)]


def parts_of(direction: Direction | Combination | None) -> tuple[Direction, ...]:
    """The directions that are combined in one; none for ``None``.

    Raises
    ------
    TypeError
        If it is no direction.
    """
    if direction is None:
        return ()
    if not isinstance(direction, Direction | Combination):
        msg = f"Expected `direction` such as `landscape.dynamics.from_time('day')`, found {type(direction).__name__}."
        raise TypeError(msg)
    return direction.parts


def require_direction(adata: AnnData, direction: Direction) -> None:
    """Refuse a direction that the data do not hold or that cannot be used.

    Raises
    ------
    KeyError, TypeError, ValueError
        As the source of direction says.
    """
    SOURCES[direction.source].require(StoredData(adata), direction)


def root_of(adata: AnnData) -> tuple[str | None, str]:
    """Name of the cell ``adata.uns["iroot"]``, and what is wrong with that value; it is a position, and stale once cells are dropped.

    A name of a cell is taken as it is. Where scanpy's pseudotime is there too, it must be smallest at the root.
    """
    if _ROOT not in adata.uns:
        return None, ""
    value = adata.uns[_ROOT]
    mend = "set it again, `adata.uns['iroot'] = adata.obs_names.get_loc(name)`, or name the root"
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, str):
        if value in adata.obs_names:
            return value, ""
        return None, f"Expected a cell in `adata.uns['iroot']`, found {value!r}, which is the name of none; {mend}"
    is_number = isinstance(value, int | np.integer | float | np.floating) and not isinstance(value, bool)
    if not is_number or not float(value).is_integer():
        return None, f"Expected the position of a cell in `adata.uns['iroot']`, found {value!r}; {mend}"
    if not 0 <= value < adata.n_obs:
        return None, (
            f"Expected a position below {adata.n_obs} in `adata.uns['iroot']`, found {int(value)}: cells were dropped after it was set; {mend}"
        )
    name = str(adata.obs_names[int(value)])
    if _DPT in adata.obs and pd.api.types.is_numeric_dtype(adata.obs[_DPT]):
        order = adata.obs[_DPT].to_numpy(dtype=float)
        if np.isfinite(order[int(value)]) and order[int(value)] > np.nanmin(order):
            return None, (
                f"Expected the cell where obs[{_DPT!r}] is smallest in `adata.uns['iroot']`, found {name!r} at {order[int(value)]:.2g}: cells "
                f"were dropped or reordered after it was set; {mend}"
            )
    return name, ""
