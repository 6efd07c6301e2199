"""Counts and covariates read from an AnnData object or from a file, checked, and matched to a model by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _counts
from landscape.latent.dataset import CountDataset, Keys, Vocabulary, category_codes
from landscape.latent.disk import open_counts, open_file

# Name of the only batch where no column of batches is given.
SINGLE_BATCH = "all"


def read_anndata(
    adata: AnnData, keys: Keys, *, vocabulary: Vocabulary | None = None, minimum: tuple[int, int] = (1, 1)
) -> CountDataset:
    """Counts and covariates of an AnnData object, which is not changed.

    Parameters
    ----------
    adata
        Cells with raw counts, in memory.
    keys
        Where counts and covariates are.
    vocabulary
        Names of an existing model, to which genes are matched in any order; ``None``: those of ``adata``.
    minimum
        Minimum number of cells and of genes.

    Returns
    -------
    The dataset, in memory.

    Raises
    ------
    KeyError
        If the layer, a column or a gene is missing.
    TypeError
        If ``adata`` is no AnnData object, or holds no numbers.
    ValueError
        If ``adata`` is backed or too small, a value is no count, a cell is empty, a covariate is missing or unknown, or
        gene names are not unique.
    """
    if not isinstance(adata, AnnData):
        msg = f"Expected an AnnData object, found {type(adata).__name__}; read a file with `anndata.read_h5ad(path)`."
        raise TypeError(msg)
    if adata.isbacked:
        msg = (
            "Expected an AnnData object in memory, found a backed one; load it with `adata.to_memory()`, "
            "or leave the counts on disk with `LatentModel.from_file(path)`."
        )
        raise ValueError(msg)
    _require_size(adata.shape, minimum)
    where = "adata.X" if keys.layer is None else f"adata.layers[{keys.layer!r}]"
    if keys.layer is not None and keys.layer not in adata.layers:
        msg = f"`{where}` is missing; pass `layer=` with the raw counts. Present: {sorted(adata.layers)}."
        raise KeyError(msg)
    known, codes, continuous = _encode_covariates(adata.obs, adata.var_names, keys, vocabulary)
    counts = _counts.canonical(adata.X if keys.layer is None else adata.layers[keys.layer], where=where)
    if vocabulary is not None:
        counts = counts[:, _columns_of(adata.var_names, known.genes)].tocsr()
        counts.sort_indices()
    _counts.require_counts(counts, where=where, cells=adata.obs_names, genes=known.genes)
    _counts.require_filled(counts, where=where, cells=adata.obs_names)
    return CountDataset(
        counts=counts, codes=codes, continuous=continuous, names=list(adata.obs_names), vocabulary=known
    )


def read_file(
    path: str | Path, keys: Keys, *, vocabulary: Vocabulary | None = None, minimum: tuple[int, int] = (1, 1)
) -> CountDataset:
    """Cells of an h5ad file or a zarr store, whose counts stay there.

    Parameters
    ----------
    path
        File or store.
    keys, vocabulary, minimum
        As in :func:`read_anndata`.

    Returns
    -------
    The dataset, on disk.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError, ValueError
        As in :func:`read_anndata`.
    TypeError
        As in :func:`read_anndata`, and if the counts are stored by genes (CSC).
    """
    matrix, obs, var, where = open_file(path, keys.layer)
    _require_size((len(obs), len(var)), minimum)
    known, codes, continuous = _encode_covariates(obs, var.index, keys, vocabulary)
    columns = None if vocabulary is None else _columns_of(var.index, known.genes)
    counts = open_counts(matrix, where=where, cells=obs.index, genes=known.genes, columns=columns)
    return CountDataset(counts=counts, codes=codes, continuous=continuous, names=list(obs.index), vocabulary=known)


def _require_size(shape: tuple[int, int], minimum: tuple[int, int]) -> None:
    if shape[0] < minimum[0] or shape[1] < minimum[1]:
        msg = (
            f"Expected at least {minimum[0]} cells and {minimum[1]} genes, found {shape[0]} cells and {shape[1]} genes."
        )
        raise ValueError(msg)


def _encode_covariates(
    obs: pd.DataFrame, genes: pd.Index, keys: Keys, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, NDArray[np.int64], NDArray[np.float32]]:
    """Vocabulary, codes and standardised continuous covariates of a table of cells."""
    _require_unique(genes)
    columns = [_batches(obs, keys.batch), *(_labels(obs, key) for key in keys.categorical)]
    raw = np.column_stack([np.empty((len(obs), 0)), *(_numbers(obs, key) for key in keys.continuous)])
    if vocabulary is None:
        batches, *levels = ([*sorted(set(column))] for column in columns)
        scale = raw.std(0)
        vocabulary = Vocabulary(
            genes=list(genes),
            batches=batches,
            levels=levels,
            center=raw.mean(0).tolist(),
            scale=np.where(scale > 0, scale, 1.0).tolist(),
        )
    what = ["batches", *(f"levels of {key!r}" for key in keys.categorical)]
    known = [vocabulary.batches, *vocabulary.levels]
    codes = [category_codes(*each[:2], what=each[2]) for each in zip(columns, known, what, strict=True)]
    standard = (raw - np.asarray(vocabulary.center)) / np.asarray(vocabulary.scale)
    return vocabulary, np.column_stack(codes), standard.astype(np.float32)


def _columns_of(names: pd.Index, genes: list[str]) -> NDArray[np.integer]:
    """Column of each gene of a model."""
    found = names.get_indexer(pd.Index(genes))
    if n_missing := int((found < 0).sum()):
        missing = [gene for gene, at in zip(genes, found, strict=True) if at < 0]
        msg = (
            f"{n_missing} of the model's {len(genes)} genes are missing from `adata.var_names`, for instance "
            f"{missing[:3]} (there: {list(names[:3])}); the data must hold all of `model.genes`."
        )
        raise KeyError(msg)
    return found


def _batches(obs: pd.DataFrame, key: str | None) -> list[str]:
    return [SINGLE_BATCH] * len(obs) if key is None else _labels(obs, key, argument="batch_key")


def _labels(obs: pd.DataFrame, key: str, *, argument: str = "categorical_covariates") -> list[str]:
    return _complete(obs, key, argument).astype(str).tolist()


def _numbers(obs: pd.DataFrame, key: str) -> NDArray[np.float64]:
    column = _complete(obs, key, "continuous_covariates")
    if not pd.api.types.is_numeric_dtype(column) or not np.isfinite(column).all():
        msg = (
            f"Expected finite numbers in `adata.obs[{key!r}]`, found dtype {column.dtype}; "
            "pass it as one of `categorical_covariates`, or correct the column."
        )
        raise ValueError(msg)
    return column.to_numpy(np.float64)


def _complete(obs: pd.DataFrame, key: str, argument: str) -> pd.Series:
    if key not in obs:
        msg = f"`adata.obs[{key!r}]` is missing; pass `{argument}=` with a column of it. Present: {list(obs)}."
        raise KeyError(msg)
    column = obs[key]
    if n_missing := int(column.isna().sum()):
        msg = f"{n_missing} of {len(obs)} cells have no value in `adata.obs[{key!r}]`; fill it in or drop them."
        raise ValueError(msg)
    return column


def _require_unique(names: pd.Index) -> None:
    if not names.is_unique:
        repeated = names[names.duplicated()].unique()
        msg = (
            f"Expected unique gene names, found {len(repeated)} repeated ones, for instance {list(repeated[:3])}; "
            "run `adata.var_names_make_unique()`."
        )
        raise ValueError(msg)
