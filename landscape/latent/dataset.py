"""Counts and covariates of cells as the network reads them, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape.latent.disk import DiskCounts
from landscape.latent.minibatch import Minibatch, SparseCounts


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a model reads an AnnData object (the ``setup_args`` of scvi-tools).

    Attributes
    ----------
    layer
        Layer of the counts; ``None``: ``adata.X``.
    batch
        Column of ``obs`` with the batches; ``None``: one batch.
    categorical, continuous
        Columns of ``obs`` with further covariates.
    """

    layer: str | None = None
    batch: str | None = None
    categorical: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()

    @classmethod
    def from_arguments(
        cls, layer: str | None, batch: str | None, categorical: Sequence[str] = (), continuous: Sequence[str] = ()
    ) -> Keys:
        """Keys from the arguments of a user.

        Parameters
        ----------
        layer, batch, categorical, continuous
            As the attributes.

        Returns
        -------
        The keys.

        Raises
        ------
        TypeError
            If a list of columns is a string.
        """
        layer = None if layer == _keys.MAIN else layer
        for name, columns in (("categorical", categorical), ("continuous", continuous)):
            if isinstance(columns, str):
                msg = f"Expected a list of columns, found a str; pass `{name}_covariates=[{columns!r}]`."
                raise TypeError(msg)
        return cls(layer, batch, tuple(categorical), tuple(continuous))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names that a model was fitted with, and the scale of continuous covariates (the ``registry`` of scvi-tools).

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
class CountDataset:
    """Counts and covariates of cells.

    Attributes
    ----------
    counts
        Canonical counts, cells x genes, without empty cells; in memory or on disk.
    codes
        Code of the batch and of each categorical covariate, shape ``(n, 1 + n_categorical)``.
    continuous
        Standardised continuous covariates, shape ``(n, n_continuous)``.
    names
        Names of the cells.
    vocabulary
        Names of the genes, and those that the codes stand for.
    """

    counts: sparse.csr_matrix | DiskCounts
    codes: NDArray[np.int64]
    continuous: NDArray[np.float32]
    names: list[str]
    vocabulary: Vocabulary

    @classmethod
    def empty(cls, vocabulary: Vocabulary) -> CountDataset:
        """Dataset without cells.

        Parameters
        ----------
        vocabulary
            Names of genes, batches and covariates.

        Returns
        -------
        The dataset.
        """
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
        """Whether the counts are on disk and read when they are needed."""
        return isinstance(self.counts, DiskCounts)

    @property
    def totals(self) -> NDArray[np.float64]:
        """Total count of each cell, shape ``(n,)``."""
        if isinstance(self.counts, DiskCounts):
            return self.counts.totals
        return np.asarray(self.counts.sum(1), dtype=np.float64).ravel()

    def fetch(self, chosen: NDArray[np.integer]) -> tuple[CountDataset, NDArray[np.integer]]:
        """Read chosen cells into memory.

        Parameters
        ----------
        chosen
            Indices of the cells, in any order.

        Returns
        -------
        Dataset in memory that holds the chosen cells, and the index of each of them in it.
        """
        if not isinstance(self.counts, DiskCounts):
            return self, chosen
        rows = np.unique(chosen)
        fetched = replace(
            self, counts=self.counts.read(rows), codes=self.codes[rows], continuous=self.continuous[rows], names=[]
        )
        return fetched, np.searchsorted(rows, chosen)

    def subset(self, chosen: NDArray[np.integer]) -> CountDataset:
        """Chosen cells of a dataset in memory, without their names.

        Parameters
        ----------
        chosen
            Indices of the cells, in the order wanted.

        Returns
        -------
        The dataset.
        """
        return CountDataset(
            counts=self.counts[chosen],
            codes=self.codes[chosen],
            continuous=self.continuous[chosen],
            names=[],
            vocabulary=self.vocabulary,
        )

    def minibatch(self, chosen: NDArray[np.integer], *, device: torch.device | str = "cpu") -> Minibatch:
        """Tensors of chosen cells.

        Parameters
        ----------
        chosen
            Indices of the cells.
        device
            Device of the tensors.

        Returns
        -------
        The minibatch.
        """
        fetched, positions = self.fetch(chosen)
        return Minibatch(
            SparseCounts.from_csr(fetched.counts[positions], device=device), *self.covariates(chosen, device=device)
        )

    def covariates(
        self, chosen: NDArray[np.integer] | slice, *, device: torch.device | str
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Covariates of chosen cells.

        Parameters
        ----------
        chosen
            Indices of the cells.
        device
            Device of the tensors.

        Returns
        -------
        Codes and standardised continuous covariates, as in :class:`landscape.latent.minibatch.Minibatch`.
        """
        codes = torch.from_numpy(self.codes[chosen]).to(device)
        return codes, torch.from_numpy(self.continuous[chosen]).to(device)


def category_codes(values: Sequence[str], known: list[str], *, what: str) -> NDArray[np.int64]:
    """Index of each value among the categories of a model.

    Parameters
    ----------
    values
        Values.
    known
        Categories.
    what
        What they are, for the message.

    Returns
    -------
    Codes, shape ``(len(values),)``.

    Raises
    ------
    ValueError
        If a value is none of the categories.
    """
    codes = pd.Index(known).get_indexer(pd.Index(values))
    if (codes < 0).any():
        unknown = sorted({value for value, code in zip(values, codes, strict=True) if code < 0})
        msg = f"Expected {what} of the model, {known[:10]}, found others: {unknown[:10]}."
        raise ValueError(msg)
    return codes.astype(np.int64)
