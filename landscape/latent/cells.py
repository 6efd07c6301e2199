"""The cells of a model: counts and covariates of each, checked and matched by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _counts
from landscape.latent.batch import CountBatch, Minibatch
from landscape.latent.disk import DiskCounts, open_counts, open_file


@dataclass(frozen=True, slots=True)
class Keys:
    """What a model reads of an AnnData object: the layer of counts, and columns of ``obs``."""

    layer: str | None = None
    batch: str | None = None
    categorical: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, layer: str | None, batch: str | None, categorical: Sequence[str] = (), continuous: Sequence[str] = ()
    ) -> Keys:
        """Keys from lists of columns, which are easily taken for one name."""
        for name, columns in (("categorical", categorical), ("continuous", continuous)):
            if isinstance(columns, str):
                msg = f"Expected a list of columns, found a str; pass `{name}_covariates=[{columns!r}]`."
                raise TypeError(msg)
        return cls(layer, batch, tuple(categorical), tuple(continuous))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a model knows by name.

    Attributes
    ----------
    genes, batches
        Names, in the order of the network.
    levels
        Levels of each categorical covariate.
    center, scale
        Mean and standard deviation of each continuous covariate, by which it is standardised.
    """

    genes: list[str]
    batches: list[str]
    levels: list[list[str]] = field(default_factory=list)
    center: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cells:
    """What the network sees of some cells.

    Attributes
    ----------
    counts
        Canonical counts, cells x genes, no empty cell; in memory or on disk.
    codes
        Code of the batch and of each categorical covariate, shape ``(n, 1 + n_categorical)``.
    continuous
        Standardised continuous covariates, shape ``(n, n_continuous)``.
    names
        Names of the cells.
    vocabulary
        Names that the codes stand for.
    """

    counts: sparse.csr_matrix | DiskCounts
    codes: NDArray[np.int64]
    continuous: NDArray[np.float32]
    names: list[str]
    vocabulary: Vocabulary

    @classmethod
    def empty(cls, vocabulary: Vocabulary) -> Cells:
        """No cells of known genes and batches."""
        return cls(
            counts=sparse.csr_matrix((0, len(vocabulary.genes)), dtype=np.float32),
            codes=np.empty((0, 1 + len(vocabulary.levels)), np.int64),
            continuous=np.empty((0, len(vocabulary.center)), np.float32),
            names=[],
            vocabulary=vocabulary,
        )

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def on_disk(self) -> bool:
        """Whether the counts are read when they are needed."""
        return isinstance(self.counts, DiskCounts)

    @property
    def totals(self) -> NDArray[np.float64]:
        """Total count of each cell, shape ``(n,)``."""
        if isinstance(self.counts, DiskCounts):
            return self.counts.totals
        return np.asarray(self.counts.sum(1), dtype=np.float64).ravel()

    def in_batch(self, batch: str | None) -> Cells:
        """The same cells, said to be of another batch; ``None``: unchanged."""
        if batch is None:
            return self
        codes = self.codes.copy()
        codes[:, 0] = codes_of([batch], self.vocabulary.batches, what="batches")
        return replace(self, codes=codes)

    def fetch(self, chosen: NDArray[np.integer]) -> tuple[Cells, NDArray[np.integer]]:
        """Cells in memory that hold the chosen ones, and where each is among them."""
        if not isinstance(self.counts, DiskCounts):
            return self, chosen
        rows = np.unique(chosen)
        fetched = replace(
            self, counts=self.counts.read(rows), codes=self.codes[rows], continuous=self.continuous[rows], names=[]
        )
        return fetched, np.searchsorted(rows, chosen)

    def minibatch(self, chosen: NDArray[np.integer], *, device: torch.device | str = "cpu") -> Minibatch:
        """Tensors of the chosen cells."""
        fetched, places = self.fetch(chosen)
        return Minibatch(
            counts=CountBatch.of(fetched.counts[places], device=device),
            codes=torch.from_numpy(self.codes[chosen]).to(device),
            continuous=torch.from_numpy(self.continuous[chosen]).to(device),
        )


def read_cells(
    adata: AnnData, keys: Keys, *, vocabulary: Vocabulary | None = None, least: tuple[int, int] = (1, 1)
) -> Cells:
    """Counts and covariates of an AnnData object, which is not changed.

    Parameters
    ----------
    keys
        Where they are.
    vocabulary
        Names of an existing model; genes are matched to them in any order. ``None``: those of ``adata``.
    least
        Cells and genes that are needed.

    Raises
    ------
    KeyError
        If the layer, a column or a gene is missing.
    TypeError, ValueError
        As :class:`landscape.latent.LatentModel` says.
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
    require_size(adata.shape, least)
    where = "adata.X" if keys.layer is None else f"adata.layers[{keys.layer!r}]"
    if keys.layer is not None and keys.layer not in adata.layers:
        msg = f"`{where}` is missing; pass `layer=` with the raw counts. Present: {sorted(adata.layers)}."
        raise KeyError(msg)
    known, codes, continuous = describe(adata.obs, adata.var_names, keys, vocabulary)
    counts = _counts.canonical(adata.X if keys.layer is None else adata.layers[keys.layer], where=where)
    if vocabulary is not None:
        counts = counts[:, match(adata.var_names, known.genes)].tocsr()
        counts.sort_indices()
    _counts.require_counts(counts, where=where, cells=adata.obs_names, genes=known.genes)
    _counts.require_filled(counts, where=where, cells=adata.obs_names)
    return Cells(counts=counts, codes=codes, continuous=continuous, names=list(adata.obs_names), vocabulary=known)


def read_file(
    path: str | Path, keys: Keys, *, vocabulary: Vocabulary | None = None, least: tuple[int, int] = (1, 1)
) -> Cells:
    """Cells of an h5ad file or a zarr store, whose counts stay there; otherwise as :func:`read_cells`."""
    matrix, obs, var, where = open_file(path, keys.layer)
    require_size((len(obs), len(var)), least)
    known, codes, continuous = describe(obs, var.index, keys, vocabulary)
    columns = None if vocabulary is None else match(var.index, known.genes)
    counts = open_counts(matrix, where=where, cells=obs.index, genes=known.genes, columns=columns)
    return Cells(counts=counts, codes=codes, continuous=continuous, names=list(obs.index), vocabulary=known)


def require_size(shape: tuple[int, int], least: tuple[int, int]) -> None:
    """Refuse too few cells or genes."""
    if shape[0] < least[0] or shape[1] < least[1]:
        msg = f"Expected at least {least[0]} cells and {least[1]} genes, found {shape[0]} cells and {shape[1]} genes."
        raise ValueError(msg)


def describe(
    obs: pd.DataFrame, genes: pd.Index, keys: Keys, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, NDArray[np.int64], NDArray[np.float32]]:
    """Vocabulary, codes and standardised covariates of a table of cells."""
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
    codes = [codes_of(*each[:2], what=each[2]) for each in zip(columns, known, what, strict=True)]
    standard = (raw - np.asarray(vocabulary.center)) / np.asarray(vocabulary.scale)
    return vocabulary, np.column_stack(codes), standard.astype(np.float32)


def codes_of(values: Sequence[str], known: list[str], *, what: str) -> NDArray[np.int64]:
    """Position of each value among the known ones."""
    codes = pd.Index(known).get_indexer(pd.Index(values))
    if (codes < 0).any():
        unknown = sorted({value for value, code in zip(values, codes, strict=True) if code < 0})
        msg = f"Expected {what} of the model, {known[:10]}, found others: {unknown[:10]}."
        raise ValueError(msg)
    return codes.astype(np.int64)


def match(names: pd.Index, genes: list[str]) -> NDArray[np.integer]:
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
    return ["all"] * len(obs) if key is None else _labels(obs, key, argument="batch_key")


def _labels(obs: pd.DataFrame, key: str, *, argument: str = "categorical_covariates") -> list[str]:
    return _complete(obs, key, argument).astype(str).tolist()


def _numbers(obs: pd.DataFrame, key: str) -> NDArray[np.float64]:
    column = _complete(obs, key, "continuous_covariates")
    if not pd.api.types.is_numeric_dtype(column) or not np.isfinite(column).all():
        msg = (
            f"Expected finite numbers in `adata.obs[{key!r}]`, found dtype {column.dtype}; "
            "pass it as one of `categorical_covariates`, or mend the column."
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
