"""What a fitted model answers about cells: their latent variables and their denoised expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.latent.cells import Cells, Keys, read_cells
from landscape.latent.checks import PredictiveCheck, predictive_check
from landscape.latent.posterior import decode, draws, posterior

if TYPE_CHECKING:
    from scvi.module import VAE


class Questions:
    """Questions to a fitted network, by the names of cells and genes; a part of ``LatentModel``."""

    module: VAE
    is_trained: bool
    _cells: Cells
    _keys: Keys

    @property
    def genes(self) -> list[str]:
        """Names of the genes, in the order of the decoder's outputs."""
        return self._cells.vocabulary.genes

    @property
    def batches(self) -> list[str]:
        """Names of the batches, in the order of their codes."""
        return self._cells.vocabulary.batches

    def get_latent_representation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior mean of z for each cell, shape ``(n_obs, n_latent)``.

        Parameters
        ----------
        adata
            Other cells; their genes are matched by name, in any order, and all of the model's must be there.
            ``None``: the cells that the model was made with.
        """
        return posterior(self.module, self._read(adata), batch_size=batch_size)[0]

    def get_latent_deviation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior standard deviation of z for each cell, shape ``(n_obs, n_latent)``."""
        return posterior(self.module, self._read(adata), batch_size=batch_size)[1]

    def get_normalized_expression(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 1,
        batch: str | None = None,
        return_numpy: bool = False,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> pd.DataFrame | NDArray[np.float32]:
        """Denoised expression: the decoder's mean for each cell and gene.

        Parameters
        ----------
        adata
            As in :meth:`get_latent_representation`.
        genes
            Names of the genes wanted, in the order wanted; ``None``: all.
        library_size
            Total that a cell's expression sums to over all genes, or ``"observed"`` for its own count.
        n_samples
            1: the decoder at the posterior mean of z. More: the mean of the decoder over so many posterior draws.
        batch
            Batch to decode all cells in; ``None``: each in its own.
        return_numpy
            Return an array and no table.
        rng
            Seed of the posterior draws.

        Returns
        -------
        Table of shape ``(n_obs, len(genes))``, cells x genes, float32.
        """
        cells = self._read(adata)
        names, columns = self._columns(genes)
        if n_samples < 1:
            msg = f"Expected `n_samples` of at least 1, found {n_samples}."
            raise ValueError(msg)
        scale = self._scale(cells, library_size)
        if n_samples == 1:
            latent = posterior(self.module, cells, batch_size=batch_size)[0]
            mean = decode(self.module, latent, cells.in_batch(batch), columns, batch_size=batch_size)
        else:
            mean = np.zeros((len(cells), len(columns)), dtype=np.float64)
            for value in self._draws(cells, columns, n_samples, batch, rng, batch_size):
                mean += value
            mean /= n_samples
        result = (mean * scale).astype(np.float32)
        return result if return_numpy else pd.DataFrame(result, index=pd.Index(cells.names), columns=pd.Index(names))

    def get_expression_deviation(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 25,
        batch: str | None = None,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> pd.DataFrame:
        """Posterior standard deviation of the denoised expression, from draws of z; cells x genes.

        It is the uncertainty of the mean, without the noise of counting. Parameters as in
        :meth:`get_normalized_expression`.
        """
        if n_samples < 2:
            msg = f"Expected `n_samples` of at least 2, found {n_samples}."
            raise ValueError(msg)
        cells = self._read(adata)
        names, columns = self._columns(genes)
        mean = np.zeros((len(cells), len(columns)), dtype=np.float64)
        squares = np.zeros_like(mean)
        for n, value in enumerate(self._draws(cells, columns, n_samples, batch, rng, batch_size), start=1):
            step = value - mean
            mean += step / n
            squares += step * (value - mean)
        deviation = np.sqrt(squares / (n_samples - 1)) * self._scale(cells, library_size)
        return pd.DataFrame(deviation.astype(np.float32), index=pd.Index(cells.names), columns=pd.Index(names))

    def sample_expression(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 25,
        batch: str | None = None,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> NDArray[np.float32]:
        """Posterior draws of the denoised expression, shape ``(n_samples, n_obs, len(genes))``."""
        cells = self._read(adata)
        columns = self._columns(genes)[1]
        scale = self._scale(cells, library_size)
        drawn = self._draws(cells, columns, n_samples, batch, rng, batch_size)
        return np.stack([value * scale for value in drawn]).astype(np.float32)

    def posterior_predictive_check(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        n_cells: int = 500,
        n_samples: int = 10,
        rng: RandomLike = 0,
    ) -> PredictiveCheck:
        """Observed counts beside counts that the model predicts: coverage, calibration, zeros, means and variances.

        Parameters
        ----------
        adata
            As in :meth:`get_latent_representation`; best cells that the model has not been fitted to.
        genes
            Names of the genes; ``None``: all.
        n_cells
            Cells to check, drawn at random where there are more.
        n_samples
            Posterior draws of z for each cell.
        rng
            Seed of cells and draws.

        Returns
        -------
        Record of tables; ``adata.uns[...] = check.to_dict()`` can be saved.
        """
        cells = self._read(adata)
        columns = self._columns(genes)[1]
        if n_cells < 1 or n_samples < 1:
            msg = f"Expected `n_cells` and `n_samples` of at least 1, found {n_cells} and {n_samples}."
            raise ValueError(msg)
        random = generator(rng)
        chosen = np.sort(random.permutation(len(cells))[:n_cells])
        return predictive_check(self.module, cells, chosen, columns, n_samples=n_samples, rng=random)

    def _draws(
        self,
        cells: Cells,
        columns: NDArray[np.integer],
        n_samples: int,
        batch: str | None,
        rng: RandomLike,
        batch_size: int,
    ) -> Iterator[NDArray[np.float32]]:
        decoded_in = cells.in_batch(batch)
        for latent in draws(self.module, cells, n_samples=n_samples, rng=rng, batch_size=batch_size):
            yield decode(self.module, latent, decoded_in, columns, batch_size=batch_size)

    def _columns(self, genes: Sequence[str] | None) -> tuple[list[str], NDArray[np.integer]]:
        if genes is None:
            return self.genes, np.arange(len(self.genes))
        if isinstance(genes, str):
            msg = f"Expected `genes` to be a list of names, found a str; pass `genes=[{genes!r}]`."
            raise TypeError(msg)
        wanted = list(genes)
        found = pd.Index(self.genes).get_indexer(wanted)
        if missing := [gene for gene, at in zip(wanted, found, strict=True) if at < 0]:
            msg = f"{len(missing)} of {len(wanted)} `genes` are not in the model: {missing[:5]}; see `model.genes`."
            raise KeyError(msg)
        return wanted, found

    def _scale(self, cells: Cells, library_size: float | Literal["observed"]) -> NDArray[np.float64] | float:
        if isinstance(library_size, str):
            if library_size != "observed":
                msg = f"Expected `library_size` to be a positive number or 'observed', found {library_size!r}."
                raise ValueError(msg)
            return cells.totals[:, None]
        if not library_size > 0:
            msg = f"Expected a positive `library_size`, found {library_size}."
            raise ValueError(msg)
        return float(library_size)

    def _require_trained(self) -> None:
        if not self.is_trained:
            msg = "The model is not trained; run `model.train()` first."
            raise RuntimeError(msg)

    def _read(self, adata: AnnData | None) -> Cells:
        self._require_trained()
        return self._cells if adata is None and len(self._cells) else self._match(adata)

    def _match(self, adata: AnnData | None) -> Cells:
        if adata is None:
            msg = "The model was loaded without cells; pass `adata=`, here or to `LatentModel.load`."
            raise ValueError(msg)
        return read_cells(adata, self._keys, vocabulary=self._cells.vocabulary)
