"""The latent stage: an scVI-style variational auto-encoder of counts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray
from tqdm.auto import tqdm

from landscape import _keys
from landscape._random import RandomLike, generator, seed_of
from landscape.latent import storage
from landscape.latent.cells import Cells, batch_codes, read_cells
from landscape.latent.likelihood import CountBatch
from landscape.latent.module import Architecture, build, encode, log_expression
from landscape.latent.training import Epoch, Schedule, even_batches, fit, private_randomness

if TYPE_CHECKING:
    from scvi.model import SCVI

logger = logging.getLogger(__name__)

MIN_CELLS = 10
MIN_GENES = 2


class LatentModel:
    r"""Latent variables of counts: z for each cell, and a decoder g(z) for its expression.

    .. math::
        z \sim N(0, 1), \qquad x_g \sim \mathrm{NB}(\mathrm{mean} = \ell\, g_g(z, b),\;
        \mathrm{inverse\ dispersion} = \theta_g)

    with :math:`\ell` the observed total count of the cell, b its batch, and g a network whose outputs sum to one over
    the genes. The posterior q(z | x) is Gaussian with a diagonal covariance. The network is that of scVI [1]_, with the
    weights of :class:`scvi.module.VAE`; the fit is our own (see :mod:`landscape.latent.training`).

    z is a coordinate on the manifold of states, no more: its density under the model says how many cells were sampled
    where, not how stable a state is.

    Parameters
    ----------
    adata
        Cells with raw counts; it is read, never changed. Views are fine.
    layer
        Layer of :attr:`~anndata.AnnData.layers` that holds the counts; ``None`` means ``adata.X``.
    batch_key
        Column of :attr:`~anndata.AnnData.obs` with the batch of each cell, on which the decoder is conditioned.
    n_latent, n_hidden, n_layers
        Latent dimensions, units of a hidden layer, and hidden layers of encoder and decoder.
    dropout_rate
        Share of the encoder's hidden units dropped while training.
    gene_likelihood
        ``"nb"``, ``"zinb"`` or ``"poisson"``.
    dispersion
        ``"gene"``: one inverse dispersion per gene; ``"gene-batch"``: one per gene and batch.
    rng
        Seed of the initial weights and of the fit. Same seed, machine, versions and number of threads: same model,
        bit for bit.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"`` (a GPU where there is one).

    Attributes
    ----------
    history
        Table with a row per epoch: evidence lower bound, reconstruction and divergence per cell (nats) on training and
        held-out cells, weight of the divergence, seconds.
    is_trained
        Whether :meth:`train` has run.

    Raises
    ------
    KeyError
        If the layer or the batch column is missing.
    TypeError
        If ``adata`` is no AnnData object, or holds no numbers.
    ValueError
        If a value is no count, a cell is empty, a batch is missing, gene names are not unique, or there are fewer than
        10 cells or 2 genes.

    References
    ----------
    .. [1] Lopez et al. (2018), *Nature Methods* 15, 1053. https://doi.org/10.1038/s41592-018-0229-2
    """

    def __init__(
        self,
        adata: AnnData,
        *,
        layer: str | None = _keys.COUNTS,
        batch_key: str | None = None,
        n_latent: int = 10,
        n_hidden: int = 128,
        n_layers: int = 1,
        dropout_rate: float = 0.1,
        gene_likelihood: Literal["nb", "zinb", "poisson"] = "nb",
        dispersion: Literal["gene", "gene-batch"] = "gene",
        rng: RandomLike = 0,
        device: str = "auto",
    ) -> None:
        cells = read_cells(adata, layer=layer, batch_key=batch_key)
        if len(cells.names) < MIN_CELLS or len(cells.genes) < MIN_GENES:
            msg = (
                f"Expected at least {MIN_CELLS} cells and {MIN_GENES} genes, "
                f"found {len(cells.names)} cells and {len(cells.genes)} genes."
            )
            raise ValueError(msg)
        architecture = Architecture(
            n_genes=len(cells.genes),
            n_batches=len(cells.batches),
            n_latent=n_latent,
            n_hidden=n_hidden,
            n_layers=n_layers,
            dropout_rate=dropout_rate,
            gene_likelihood=gene_likelihood,
            dispersion=dispersion,
        )
        self._setup(architecture, cells, layer=layer, batch_key=batch_key, seed=seed_of(rng), device=device)

    def _setup(
        self,
        architecture: Architecture,
        cells: Cells,
        *,
        layer: str | None,
        batch_key: str | None,
        seed: int,
        device: str,
    ) -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._architecture = architecture
        self._cells = cells
        self._layer, self._batch_key = layer, batch_key
        self._seed, self._device = seed, torch.device(device)
        self._epochs: list[Epoch] = []
        self.is_trained = False
        with private_randomness(seed, "cpu"):
            self.module = build(architecture).to(self._device)
        self.module.eval()

    @property
    def genes(self) -> list[str]:
        """Names of the genes, in the order of the decoder's outputs."""
        return self._cells.genes

    @property
    def batches(self) -> list[str]:
        """Names of the batches, in the order of their codes."""
        return self._cells.batches

    @property
    def architecture(self) -> Architecture:
        """Sizes and choices that define the network."""
        return self._architecture

    @property
    def history(self) -> pd.DataFrame:
        """Record of the fit, one row per epoch."""
        columns = list(Epoch.__dataclass_fields__)
        return pd.DataFrame([asdict(epoch) for epoch in self._epochs], columns=columns).set_index("epoch")

    def __repr__(self) -> str:
        size = self._architecture
        state = f"trained for {len(self._epochs)} epochs" if self.is_trained else "not trained"
        return (
            f"LatentModel({size.n_genes} genes, {size.n_batches} batches -> {size.n_latent} latent, "
            f"{size.gene_likelihood}, {state})"
        )

    def train(
        self,
        *,
        max_epochs: int | None = None,
        early_stopping: bool = True,
        patience: int = 10,
        validation_size: float = 0.1,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        warmup_epochs: int | None = None,
        progress: bool | None = None,
    ) -> None:
        """Fit the model to its cells; a second call starts again from the same initial weights.

        Parameters
        ----------
        max_epochs
            Passes over the training cells, at most. ``None``: 400, and fewer above 20,000 cells
            (so that 8 million cells are seen), but at least 20.
        early_stopping
            Stop when the held-out bound has not improved for ``patience`` epochs, and return to the best weights.
        validation_size
            Share of the cells held out, in [0, 0.5]; 0 turns early stopping off.
        batch_size, learning_rate
            Of the Adam steps.
        warmup_epochs
            Epochs over which the weight of the divergence rises from 0 to 1; ``None``: a tenth of ``max_epochs``,
            at most 10.
        progress
            Show a progress bar; ``None``: if standard error is a terminal.
        """
        n_cells = len(self._cells.names)
        if not 0 <= validation_size <= 0.5:
            msg = f"Expected `validation_size` in [0, 0.5], found {validation_size}."
            raise ValueError(msg)
        if max_epochs is None:
            max_epochs = int(np.clip(8_000_000 // n_cells, 20, 400))
        schedule = Schedule(
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warmup_epochs=min(10, max_epochs // 10) if warmup_epochs is None else warmup_epochs,
            patience=patience if early_stopping else None,
        )
        n_held_out = max(2, round(n_cells * validation_size)) if validation_size else 0
        order = np.random.default_rng(self._seed).permutation(n_cells)
        self._restart()
        epochs = fit(
            self.module,
            self._cells.counts,
            self._cells.codes,
            train=np.sort(order[n_held_out:]),
            validation=np.sort(order[:n_held_out]),
            schedule=schedule,
            seed=self._seed,
            device=self._device,
        )
        hidden = not (sys.stderr.isatty() if progress is None else progress)
        with tqdm(epochs, total=max_epochs, desc="latent model", unit="epoch", disable=hidden) as bar:
            for epoch in bar:
                self._epochs.append(epoch)
                bar.set_postfix(bound=f"{epoch.elbo_validation:.1f}", refresh=False)
        self.is_trained = True
        logger.info("trained for %d epochs, %.1f s", len(self._epochs), sum(e.seconds for e in self._epochs))

    def _restart(self) -> None:
        self._epochs, self.is_trained = [], False
        with private_randomness(self._seed, "cpu"):
            self.module.load_state_dict(build(self._architecture).state_dict())

    def get_latent_representation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior mean of z for each cell, shape ``(n_obs, n_latent)``.

        Parameters
        ----------
        adata
            Other cells; their genes are matched by name, in any order, and all of the model's must be there.
            ``None``: the cells that the model was made with.
        """
        return self._posterior(self._read(adata), batch_size)[0]

    def get_latent_deviation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior standard deviation of z for each cell, shape ``(n_obs, n_latent)``."""
        return self._posterior(self._read(adata), batch_size)[1]

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
            mean = self._decode(cells, self._posterior(cells, batch_size)[0], columns, batch, batch_size)
        else:
            mean = np.zeros((len(cells.names), len(columns)), dtype=np.float64)
            for drawn in self._draws(cells, n_samples, rng, batch_size):
                mean += self._decode(cells, drawn, columns, batch, batch_size)
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
        mean = np.zeros((len(cells.names), len(columns)), dtype=np.float64)
        squares = np.zeros_like(mean)
        for n, drawn in enumerate(self._draws(cells, n_samples, rng, batch_size), start=1):
            value = self._decode(cells, drawn, columns, batch, batch_size)
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
        draws = self._draws(cells, n_samples, rng, batch_size)
        return np.stack([self._decode(cells, z, columns, batch, batch_size) * scale for z in draws]).astype(np.float32)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model into a folder: weights as safetensors, everything else as JSON, no counts.

        A killed save leaves the old model or the new one.
        """
        header: dict[str, Any] = {
            "architecture": asdict(self._architecture),
            "genes": self.genes,
            "batches": self.batches,
            "layer": self._layer,
            "batch_key": self._batch_key,
            "seed": self._seed,
            "is_trained": self.is_trained,
            "history": [
                {k: None if v != v else v for k, v in asdict(epoch).items()}  # JSON has no not-a-number
                for epoch in self._epochs
            ],
        }
        storage.save(folder, header, self.module.state_dict(), overwrite=overwrite)
        logger.info("saved the model in %s", folder)

    @classmethod
    def load(cls, folder: str | Path, adata: AnnData | None = None, *, device: str = "auto") -> LatentModel:
        """Read a model written by :meth:`save`.

        Parameters
        ----------
        folder
            The folder.
        adata
            Cells to answer questions about by default; genes are matched by name. Without it every question needs
            its own ``adata``.

        Raises
        ------
        FileNotFoundError
            If there is no model.
        ValueError
            If the files are damaged, changed, or of another kind or version.
        """
        stored = storage.load(folder)
        header = stored.header
        architecture = storage.architecture(header)
        none = Cells.empty(genes=header["genes"], batches=header["batches"])
        model = cls.__new__(cls)
        model._setup(
            architecture,
            none,
            layer=header["layer"],
            batch_key=header["batch_key"],
            seed=header["seed"],
            device=device,
        )
        storage.require_weights(model.module.state_dict(), stored.weights, folder)
        model.module.load_state_dict(stored.weights)
        model._epochs = [
            Epoch(**{k: float("nan") if v is None else v for k, v in epoch.items()}) for epoch in header["history"]
        ]
        model.is_trained = header["is_trained"]
        if adata is not None:
            model._cells = model._read(adata)
        return model

    @classmethod
    def from_scvi(cls, model: SCVI, *, device: str = "auto") -> LatentModel:
        """Take over a trained :class:`scvi.model.SCVI`, with its cells.

        Raises
        ------
        ValueError
            If it uses what this model does not have: covariates besides the batch, a size factor or a latent library
            size, encoded covariates, a batch embedding, another likelihood, dispersion or latent distribution.
        """
        from landscape.latent.scvi import take_over

        architecture, cells, batch_key, layer, weights = take_over(model)
        result = cls.__new__(cls)
        result._setup(architecture, cells, layer=layer, batch_key=batch_key, seed=0, device=device)
        result.module.load_state_dict(weights)
        result.is_trained = bool(model.is_trained)
        return result

    def _posterior(self, cells: Cells, batch_size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self._require_trained()
        shape = (len(cells.names), self._architecture.n_latent)
        mean, deviation = np.empty(shape, np.float32), np.empty(shape, np.float32)
        with torch.no_grad():
            for part in even_batches(np.arange(shape[0]), batch_size):
                counts = CountBatch.of(cells.counts[part], device=self._device)
                m, s = encode(self.module, counts, self._codes(cells.codes[part]))
                mean[part], deviation[part] = m.cpu().numpy(), s.cpu().numpy()
        return mean, deviation

    def _draws(self, cells: Cells, n_samples: int, rng: RandomLike, batch_size: int) -> Iterator[NDArray[np.float32]]:
        mean, deviation = self._posterior(cells, batch_size)
        random = generator(rng)
        for _ in range(n_samples):
            yield mean + deviation * random.standard_normal(mean.shape, dtype=np.float32)

    def _decode(
        self,
        cells: Cells,
        latent: NDArray[np.float32],
        columns: NDArray[np.integer],
        batch: str | None,
        batch_size: int,
    ) -> NDArray[np.float32]:
        codes = cells.codes if batch is None else np.full(len(latent), batch_codes([batch], self.batches)[0])
        chosen = torch.from_numpy(columns).to(self._device)
        result = np.empty((len(latent), len(columns)), dtype=np.float32)
        with torch.no_grad():
            for part in even_batches(np.arange(len(latent)), batch_size):
                z = torch.from_numpy(latent[part]).to(self._device)
                log_share = log_expression(self.module, z, self._codes(codes[part]))[0]
                result[part] = log_share[:, chosen].exp().cpu().numpy()
        return result

    def _codes(self, codes: NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(codes.astype(np.int64)).to(self._device)[:, None]

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
            return np.asarray(cells.counts.sum(1), dtype=np.float64)
        if not library_size > 0:
            msg = f"Expected a positive `library_size`, found {library_size}."
            raise ValueError(msg)
        return float(library_size)

    def _read(self, adata: AnnData | None) -> Cells:
        if adata is not None:
            return read_cells(
                adata, layer=self._layer, batch_key=self._batch_key, genes=self.genes, batches=self.batches
            )
        if not len(self._cells.names):
            msg = "The model was loaded without cells; pass `adata=`, here or to `LatentModel.load`."
            raise ValueError(msg)
        return self._cells

    def _require_trained(self) -> None:
        if not self.is_trained:
            msg = "The model is not trained; run `model.train()` first."
            raise RuntimeError(msg)
