"""The data of a model: its own cells, and other data matched to it by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape.latent.dataset import CountDataset, Keys, Vocabulary
from landscape.latent.reading import read_anndata
from landscape.latent.reference import decoded_in


@dataclass(frozen=True, slots=True)
class DataManager:
    """Cells that a model was made with, and the rule by which others are matched (scvi-tools' ``AnnDataManager``).

    Attributes
    ----------
    keys
        Where the model reads an AnnData object.
    own
        The model's own cells; empty if it was loaded without cells.
    """

    keys: Keys
    own: CountDataset

    @property
    def vocabulary(self) -> Vocabulary:
        """Names of the model."""
        return self.own.vocabulary

    def with_cells(self, adata: AnnData) -> DataManager:
        """The same names with other cells as the model's own.

        Parameters
        ----------
        adata
            Cells, matched by name.

        Returns
        -------
        The manager.
        """
        return replace(self, own=self.dataset(adata))

    def dataset(self, adata: AnnData | None) -> CountDataset:
        """Cells to compute with.

        Parameters
        ----------
        adata
            Cells, whose genes, batches and covariates are matched by name; ``None``: the model's own.

        Returns
        -------
        The dataset.

        Raises
        ------
        KeyError, TypeError
            As in :func:`landscape.latent.reading.read_anndata`.
        ValueError
            As there, and if there are no cells.
        """
        if adata is not None:
            return read_anndata(adata, self.keys, vocabulary=self.vocabulary)
        if not len(self.own):
            msg = "The model was loaded without cells; pass `adata=`, here or to `LatentModel.load`."
            raise ValueError(msg)
        return self.own

    def gene_indices(self, genes: Sequence[str] | None) -> tuple[list[str], NDArray[np.integer]]:
        """Find genes by name.

        Parameters
        ----------
        genes
            Names of the genes; ``None``: all.

        Returns
        -------
        Names, and indices among the outputs of the decoder.

        Raises
        ------
        KeyError
            If the model lacks a gene.
        TypeError
            If ``genes`` is one name and no list.
        """
        if genes is None:
            return self.vocabulary.genes, np.arange(len(self.vocabulary.genes))
        if isinstance(genes, str):
            msg = f"Expected `genes` to be a list of names, found a str; pass `genes=[{genes!r}]`."
            raise TypeError(msg)
        wanted = list(genes)
        found = pd.Index(self.vocabulary.genes).get_indexer(wanted)
        if missing := [gene for gene, at in zip(wanted, found, strict=True) if at < 0]:
            msg = f"{len(missing)} of {len(wanted)} `genes` are not in the model: {missing[:5]}; see `model.genes`."
            raise KeyError(msg)
        return wanted, found

    def reference_cell(self, batch: str | None) -> CountDataset:
        """One cell without counts, whose covariates have their reference values.

        Parameters
        ----------
        batch
            Name of its batch; ``None``: the first.

        Returns
        -------
        Dataset of one cell, at the first level of categorical covariates and the mean of continuous ones.
        """
        names = self.vocabulary
        cell = CountDataset(
            counts=CountDataset.empty(names).counts,
            codes=np.zeros((1, 1 + len(names.levels)), np.int64),
            continuous=np.zeros((1, len(names.center)), np.float32),
            names=[""],
            vocabulary=names,
        )
        return decoded_in(cell, batch)[0][1]
