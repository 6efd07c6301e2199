"""The latent stage: an scVI-style variational auto-encoder of counts."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from tqdm.auto import tqdm

from landscape import _keys
from landscape._random import RandomLike, seed_of
from landscape.latent import storage
from landscape.latent.cells import Cells, read_cells
from landscape.latent.module import Architecture, build
from landscape.latent.questions import Questions
from landscape.latent.scvi import hand_over, take_over
from landscape.latent.training import Epoch, Schedule, fit, private_randomness

if TYPE_CHECKING:
    from scvi.model import SCVI

logger = logging.getLogger(__name__)

MIN_CELLS = 10
MIN_GENES = 2


class LatentModel(Questions):
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
        cells = read_cells(adata, layer=layer, batch_key=batch_key, least=(MIN_CELLS, MIN_GENES))
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
    def architecture(self) -> Architecture:
        """Sizes and choices that define the network."""
        return self._architecture

    @property
    def batch_key(self) -> str | None:
        """Column of ``adata.obs`` with the batches."""
        return self._batch_key

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
        batch_size: int = 64,
        learning_rate: float = 8e-3,
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
            Of the Adam steps. The defaults reach the best held-out bound per second, see the method page.
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
        try:
            with tqdm(epochs, total=max_epochs, desc="latent model", unit="epoch", disable=hidden) as bar:
                for epoch in bar:
                    self._epochs.append(epoch)
                    bar.set_postfix(bound=f"{epoch.elbo_validation:.1f}", refresh=False)
        except KeyboardInterrupt:
            self.is_trained = bool(self._epochs)  # what has been fitted can be used
            raise
        self.is_trained = True
        logger.info("trained for %d epochs, %.1f s", len(self._epochs), sum(e.seconds for e in self._epochs))

    def _restart(self) -> None:
        self._epochs, self.is_trained = [], False
        with private_randomness(self._seed, "cpu"):
            self.module.load_state_dict(build(self._architecture).state_dict())

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
            "history": [epoch.to_dict() for epoch in self._epochs],
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
        model._epochs = [Epoch.of(record) for record in header["history"]]
        model.is_trained = header["is_trained"]
        if adata is not None:
            model._cells = model._match(adata)
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
        taken = take_over(model)
        result = cls.__new__(cls)
        result._setup(
            taken.architecture, taken.cells, layer=taken.layer, batch_key=taken.batch_key, seed=0, device=device
        )
        result.module.load_state_dict(taken.weights)
        result.is_trained = True
        return result

    def to_scvi(self) -> SCVI:
        """Trained :class:`scvi.model.SCVI` with the same weights, on an AnnData of its own.

        Its ``X`` are the model's counts and its ``obs["batch"]`` the batches; the user's data stay untouched.
        """
        return hand_over(self._read(None), self._architecture, self.module.state_dict())
