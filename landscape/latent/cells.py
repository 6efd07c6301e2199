"""The cells of a model: counts and batch of each, checked and matched by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _counts


@dataclass(frozen=True, slots=True)
class Cells:
    """What the network sees of some cells.

    Attributes
    ----------
    counts
        Canonical counts, cells x genes, no empty cell.
    codes
        Batch code of each cell.
    names, genes, batches
        Names of the cells, the genes and the batches.
    """

    counts: sparse.csr_matrix
    codes: NDArray[np.int64]
    names: list[str]
    genes: list[str]
    batches: list[str]

    @classmethod
    def empty(cls, *, genes: list[str], batches: list[str]) -> Cells:
        """No cells of known genes and batches."""
        counts = sparse.csr_matrix((0, len(genes)), dtype=np.float32)
        return cls(counts=counts, codes=np.empty(0, np.int64), names=[], genes=genes, batches=batches)


def read_cells(
    adata: AnnData,
    *,
    layer: str | None,
    batch_key: str | None,
    genes: list[str] | None = None,
    batches: list[str] | None = None,
    least: tuple[int, int] = (1, 1),
) -> Cells:
    """Counts and batches of an AnnData object, which is not changed.

    Parameters
    ----------
    genes, batches
        Names of an existing model; genes are matched to them in any order. ``None``: those of ``adata``.
    least
        Cells and genes that are needed.

    Raises
    ------
    KeyError
        If the layer, the batch column or a gene is missing.
    TypeError, ValueError
        As :class:`landscape.latent.LatentModel` says.
    """
    if not isinstance(adata, AnnData):
        msg = f"Expected an AnnData object, found {type(adata).__name__}; read a file with `anndata.read_h5ad(path)`."
        raise TypeError(msg)
    if adata.isbacked:
        msg = "Expected an AnnData object in memory, found a backed one; load it with `adata.to_memory()`."
        raise ValueError(msg)
    if adata.n_obs < least[0] or adata.n_vars < least[1]:
        msg = (
            f"Expected at least {least[0]} cells and {least[1]} genes, "
            f"found {adata.n_obs} cells and {adata.n_vars} genes."
        )
        raise ValueError(msg)
    where = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    if layer is not None and layer not in adata.layers:
        msg = f"`{where}` is missing; pass `layer=` with the raw counts. Present: {sorted(adata.layers)}."
        raise KeyError(msg)
    _require_unique(adata.var_names)
    counts = _counts.canonical(adata.X if layer is None else adata.layers[layer], where=where)
    if genes is not None:
        counts = counts[:, _match(adata.var_names, genes)].tocsr()
        counts.sort_indices()
    names = list(adata.var_names) if genes is None else genes
    _counts.require_counts(counts, where=where, cells=adata.obs_names, genes=names)
    _counts.require_filled(counts, where=where, cells=adata.obs_names)
    values = _batches(adata, batch_key)
    known = _categories(values) if batches is None else batches
    return Cells(
        counts=counts, codes=batch_codes(values, known), names=list(adata.obs_names), genes=names, batches=known
    )


def batch_codes(values: Sequence[str], known: list[str]) -> NDArray[np.int64]:
    """Position of each batch among the known ones."""
    codes = pd.Index(known).get_indexer(pd.Index(values))
    if (codes < 0).any():
        unknown = sorted({value for value, code in zip(values, codes, strict=True) if code < 0})
        msg = f"Expected batches of the model, {known[:10]}, found others: {unknown[:10]}."
        raise ValueError(msg)
    return codes.astype(np.int64)


def _batches(adata: AnnData, key: str | None) -> list[str]:
    if key is None:
        return ["all"] * adata.n_obs
    if key not in adata.obs:
        msg = f"`adata.obs[{key!r}]` is missing; pass `batch_key=` with a column of it. Present: {list(adata.obs)}."
        raise KeyError(msg)
    column = adata.obs[key]
    if n_missing := int(column.isna().sum()):
        msg = f"{n_missing} of {adata.n_obs} cells have no value in `adata.obs[{key!r}]`; fill it in or drop them."
        raise ValueError(msg)
    return column.astype(str).tolist()


def _categories(values: list[str]) -> list[str]:
    return sorted(set(values))


def _match(names: pd.Index, genes: list[str]) -> NDArray[np.integer]:
    found = names.get_indexer(pd.Index(genes))
    if n_missing := int((found < 0).sum()):
        missing = [gene for gene, at in zip(genes, found, strict=True) if at < 0]
        msg = (
            f"{n_missing} of the model's {len(genes)} genes are missing from `adata.var_names`, for instance "
            f"{missing[:3]} (there: {list(names[:3])}); the data must hold all of `model.genes`."
        )
        raise KeyError(msg)
    return found


def _require_unique(names: pd.Index) -> None:
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        msg = (
            f"Expected unique gene names, found {len(repeated)} repeated ones, for instance {list(repeated[:3])}; "
            "run `adata.var_names_make_unique()`."
        )
        raise ValueError(msg)
