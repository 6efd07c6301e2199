"""The latent model: a variational auto-encoder of counts, with the network of scVI."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._random import RandomLike, seed_of
from landscape.latent import storage
from landscape.latent.architecture import Architecture, build
from landscape.latent.checks import PredictiveCheck, predictive_check
from landscape.latent.data_manager import DataManager
from landscape.latent.dataset import CountDataset, Keys
from landscape.latent.geodesic import MIN_NODES, DecodedPath, geodesic
from landscape.latent.geometry import DecoderGeometry, log_volume_element
from landscape.latent.header import Header, require_weights
from landscape.latent.posterior import Posterior, library_scale
from landscape.latent.reading import read_anndata, read_file
from landscape.latent.reference import DecodedIn, Reference, Weighted, decoded_in
from landscape.latent.schedule import default_patience, default_schedule
from landscape.latent.scvi import from_scvi, to_scvi
from landscape.latent.trainer import Trainer, find_device, with_progress
from landscape.latent.training import Epoch

if TYPE_CHECKING:
    from scvi.model import SCVI
    from scvi.module import VAE

logger = logging.getLogger(__name__)

MIN_CELLS = 10
MIN_GENES = 2


class LatentModel:
    r"""Latent variables of counts: z for each cell, and a decoder g(z) of its expression.

    .. math::
        z \sim N(0, 1), \qquad x_g \sim \mathrm{NB}(\mathrm{mean} = \ell\, g_g(z, b),\;
        \mathrm{inverse\ dispersion} = \theta_g)

    with :math:`\ell` the observed total count of the cell, b its batch, and g a network whose outputs sum to one over
    the genes. The posterior q(z | x) is Gaussian with a diagonal covariance. The network is that of scVI [1]_, with the
    weights of :class:`scvi.module.VAE`; the fit is our own (see :mod:`landscape.latent.training`).

    z is a coordinate on the manifold of states and nothing more: its density under the model says how many cells were
    sampled where, not how stable a state is.

    Parameters
    ----------
    adata
        Cells with raw counts; it is read and never changed. Views are accepted.
    layer
        Layer of :attr:`~anndata.AnnData.layers` that holds the counts; ``None`` means ``adata.X``.
    batch_key
        Column of :attr:`~anndata.AnnData.obs` with the batch of each cell, on which the decoder is conditioned.
    categorical_covariates, continuous_covariates
        Further columns of ``obs`` on which the decoder is conditioned; continuous ones are standardised.
    n_latent, n_hidden, n_layers
        Number of latent dimensions, units of a hidden layer, and hidden layers of encoder and decoder.
    dropout_rate
        Share of the encoder's hidden units dropped during training.
    gene_likelihood
        ``"nb"``, ``"zinb"`` or ``"poisson"``.
    dispersion
        ``"gene"``: one inverse dispersion per gene; ``"gene-batch"``: one per gene and batch.
    covariate_effect
        ``"factor"``: batch and covariates multiply each gene by a factor, the same in all cells, which determines z also
        where batches differ in their cells (:mod:`landscape.latent.factors`); ``"network"``: they enter the decoder beside
        z, as in scVI, and may change a gene in some cells and not in others. Without covariates both are the same.
    rng
        Seed of the initial weights and of the fit. Same seed, machine, versions and number of threads: same model,
        bit for bit.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"`` (a GPU if there is one).

    Attributes
    ----------
    module
        The network, a :class:`scvi.module.VAE`.
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

    Examples
    --------
    >>> model = ls.latent.LatentModel(adata, layer="counts", batch_key="batch")  # doctest: +SKIP
    >>> model.train()  # doctest: +SKIP
    >>> adata.obsm["X_latent"] = model.get_latent_representation()  # doctest: +SKIP
    """

    module: VAE
    is_trained: bool

    def __init__(
        self,
        adata: AnnData,
        *,
        layer: str | None = _keys.COUNTS,
        batch_key: str | None = None,
        categorical_covariates: Sequence[str] = (),
        continuous_covariates: Sequence[str] = (),
        n_latent: int = 10,
        n_hidden: int = 128,
        n_layers: int = 1,
        dropout_rate: float = 0.1,
        gene_likelihood: str = "nb",
        dispersion: Literal["gene", "gene-batch"] = "gene",
        covariate_effect: Literal["factor", "network"] = "factor",
        rng: RandomLike = 0,
        device: str = "auto",
    ) -> None:
        keys = Keys.from_arguments(layer, batch_key, categorical_covariates, continuous_covariates)
        data = read_anndata(adata, keys, minimum=(MIN_CELLS, MIN_GENES))
        architecture = Architecture.for_vocabulary(
            data.vocabulary,
            n_latent=n_latent,
            n_hidden=n_hidden,
            n_layers=n_layers,
            dropout_rate=dropout_rate,
            gene_likelihood=gene_likelihood,
            dispersion=dispersion,
            covariate_effect=covariate_effect,
        )
        self._assemble(architecture, DataManager(keys, data), seed=seed_of(rng), device=device)

    def _assemble(self, architecture: Architecture, data: DataManager, *, seed: int, device: str) -> None:
        """Put the parts together: the network with its initial weights, its data, and what is computed with them."""
        self._architecture, self._data = architecture, data
        self._seed, self._device = seed, find_device(device)
        self._epochs: list[Epoch] = []
        self.is_trained = False
        self.module = build(architecture, seed=seed).to(self._device)
        self.module.eval()
        self._posterior = Posterior(self.module)
        self._geometry = DecoderGeometry(self.module)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        layer: str | None = _keys.COUNTS,
        batch_key: str | None = None,
        categorical_covariates: Sequence[str] = (),
        continuous_covariates: Sequence[str] = (),
        rng: RandomLike = 0,
        device: str = "auto",
        **architecture: Any,
    ) -> LatentModel:
        """Model of the cells in an h5ad file or a zarr store, whose counts are read when they are needed.

        Memory grows with the size of a minibatch and, by a few bytes each, with the number of cells. The counts must be
        stored by cells (CSR, or dense). They are checked here, in one pass.

        Parameters
        ----------
        path
            File or store, as :mod:`anndata` writes it; it must stay where it is.
        layer, batch_key, categorical_covariates, continuous_covariates, rng, device
            As for the class.
        architecture
            ``n_latent``, ``n_hidden``, ``n_layers``, ``dropout_rate``, ``gene_likelihood``, ``dispersion``,
            ``covariate_effect``.

        Returns
        -------
        The model, not trained.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        KeyError, TypeError, ValueError
            As for the class, and if the counts are stored by genes (CSC).
        """
        keys = Keys.from_arguments(layer, batch_key, categorical_covariates, continuous_covariates)
        data = read_file(path, keys, minimum=(MIN_CELLS, MIN_GENES))
        sizes = Architecture.for_vocabulary(data.vocabulary, **architecture)
        model = cls.__new__(cls)
        model._assemble(sizes, DataManager(keys, data), seed=seed_of(rng), device=device)
        return model

    @classmethod
    def from_scvi(cls, model: SCVI, *, device: str = "auto") -> LatentModel:
        """Convert a trained :class:`scvi.model.SCVI`, with its cells.

        Parameters
        ----------
        model
            Trained model.
        device
            As for the class.

        Returns
        -------
        The model, trained.

        Raises
        ------
        TypeError
            If it is another kind of model.
        ValueError
            If it is not trained, or uses what this model does not have: a size factor or a latent library size, encoded
            covariates, a batch embedding, another likelihood, dispersion or latent distribution.
        """
        parts = from_scvi(model)
        result = cls.__new__(cls)
        result._assemble(parts.architecture, DataManager(parts.keys, parts.data), seed=0, device=device)
        result.module.load_state_dict(parts.weights)
        result.is_trained = True
        return result

    def to_scvi(self) -> SCVI:
        """Convert to :class:`scvi.model.SCVI`.

        Returns
        -------
        Trained model with the same weights, on an AnnData object of its own: its ``X`` are the model's counts, its
        ``obs`` has ``batch`` and the covariates. Factors of covariates become hidden units, one for each level and two for
        each number.
        """
        return to_scvi(self._dataset(None), self._architecture, self.module.state_dict())

    @classmethod
    def load(cls, folder: str | Path, adata: AnnData | None = None, *, device: str = "auto") -> LatentModel:
        """Read a model written by :meth:`save`.

        Parameters
        ----------
        folder
            Folder of the model.
        adata
            Cells that methods use by default; genes are matched by name. Without it every call needs its own ``adata``.
        device
            As for the class.

        Returns
        -------
        The model.

        Raises
        ------
        FileNotFoundError
            If there is no model.
        ValueError
            If the files are damaged, changed, or of another kind or version, or contradict one another.
        """
        stored = storage.load(folder)
        header = Header.from_dict(stored.header, folder)
        require_weights(header, stored.weights, folder)
        model = cls.__new__(cls)
        data = DataManager(header.keys, CountDataset.empty(header.vocabulary))
        model._assemble(header.architecture, data, seed=header.seed, device=device)
        model.module.load_state_dict(stored.weights)
        model._epochs, model.is_trained = header.history, header.is_trained
        if adata is not None:
            model._data = data.with_cells(adata)
        return model

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model into a folder: weights as safetensors, everything else as JSON, no counts.

        A save that is killed leaves either the old model or the new one.

        Parameters
        ----------
        folder
            Folder, made if it is missing.
        overwrite
            Replace a model in the folder.

        Raises
        ------
        FileExistsError
            If the folder is not empty and ``overwrite`` is false, or if it holds files but no model.
        """
        header = Header(
            architecture=self._architecture,
            vocabulary=self._data.vocabulary,
            keys=self._data.keys,
            seed=self._seed,
            is_trained=self.is_trained,
            history=self._epochs,
        )
        storage.save(folder, header.to_dict(), self.module.state_dict(), overwrite=overwrite)
        logger.info("saved the model in %s", folder)

    def __repr__(self) -> str:
        size = self._architecture
        state = f"trained for {len(self._epochs)} epochs" if self.is_trained else "not trained"
        return (
            f"LatentModel({size.n_genes} genes, {size.n_batches} batches -> {size.n_latent} latent, "
            f"{size.gene_likelihood}, {state})"
        )

    @property
    def architecture(self) -> Architecture:
        """Sizes and choices that define the network."""
        return self._architecture

    @property
    def genes(self) -> list[str]:
        """Names of the genes, in the order of the decoder's outputs."""
        return self._data.vocabulary.genes

    @property
    def batches(self) -> list[str]:
        """Names of the batches, in the order of their codes."""
        return self._data.vocabulary.batches

    @property
    def batch_key(self) -> str | None:
        """Column of ``adata.obs`` with the batches."""
        return self._data.keys.batch

    @property
    def history(self) -> pd.DataFrame:
        """Record of the fit with a row per epoch.

        Columns are the evidence lower bound, the reconstruction and the KL divergence on training and validation cells
        (nats per cell), the weight of the divergence, and seconds.
        """
        columns = list(Epoch.__dataclass_fields__)
        return pd.DataFrame([asdict(epoch) for epoch in self._epochs], columns=columns).set_index("epoch")

    def train(
        self,
        *,
        max_epochs: int | None = None,
        early_stopping: bool = True,
        patience: int | None = None,
        validation_size: float = 0.1,
        batch_size: int = 64,
        learning_rate: float = 8e-3,
        warmup_epochs: int | None = None,
        block_size: int | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        checkpoint: str | Path | None = None,
        checkpoint_every: int = 10,
        progress: bool | None = None,
    ) -> None:
        """Fit the model to its cells; a second call starts again from the same initial weights.

        If ``torch.distributed`` is initialised, each minibatch is divided among the processes, and all of them end
        with the same weights.

        Parameters
        ----------
        max_epochs
            Maximum number of passes over the training cells. ``None``: 400, and fewer above 20,000 cells (so that
            8 million cells are seen), but at least 20.
        early_stopping
            Stop if the held-out bound has not improved for ``patience`` epochs, and return to the best weights.
        patience
            Number of epochs for ``early_stopping``. ``None``: 10, and 45 with a batch or covariates, because fits
            that stopped earlier kept them in z.
        validation_size
            Share of the cells held out, in [0, 0.5]; 0 turns early stopping off.
        batch_size, learning_rate
            Of the Adam steps. The defaults reach the best held-out bound per second, see the method page.
        warmup_epochs
            Number of epochs over which the weight of the KL divergence rises from 0 to 1; ``None``: a tenth of
            ``max_epochs``, at most 10.
        block_size
            Read the cells by blocks of neighbours of this size, which is fast on disk; ``None``: 256 if the counts are
            on disk, single cells if they are in memory. The same block size gives the same order on disk and in memory.
        precision
            Precision of the products with the decoder's last layer during training. ``"auto"``: bfloat16 if the
            processor has instructions for it, else float32. Everything else is always float32.
        checkpoint
            Folder for the state of an unfinished fit. If it holds the state of this same fit, the fit continues from
            there, and ends bit for bit as if it had not been interrupted.
        checkpoint_every
            Number of epochs between two writings of the state.
        progress
            Show a progress bar; ``None``: if standard error is a terminal.

        Raises
        ------
        ValueError
            If a value is out of its range, or the checkpoint belongs to another fit.
        FloatingPointError
            If the fit diverges.
        """
        data = self._data.dataset(None)
        if patience is None:
            patience = default_patience(self._architecture.n_covariates)
        schedule = default_schedule(
            data,
            self._device,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warmup_epochs=warmup_epochs,
            patience=patience if early_stopping else None,
            block_size=block_size,
            precision=precision,
        )
        epochs = Trainer(self.module, self._architecture, data, self._seed, self._device).fit(
            schedule, validation_size=validation_size, checkpoint=checkpoint, checkpoint_every=checkpoint_every
        )
        self._epochs, self.is_trained = [], False
        try:
            # Closed in any case: a fit that is closed early puts its best weights back.
            with closing(epochs), closing(with_progress(epochs, schedule.max_epochs, shown=progress)) as shown:
                for epoch in shown:
                    self._epochs.append(epoch)
        except KeyboardInterrupt:
            self.is_trained = bool(self._epochs)  # the epochs so far can be used
            raise
        self.is_trained = True
        logger.info("trained for %d epochs, %.1f s", len(self._epochs), sum(e.seconds for e in self._epochs))

    def get_latent_representation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior mean of z for each cell.

        Parameters
        ----------
        adata
            Cells, whose genes are matched by name, in any order; all genes of the model must be present. ``None``: the
            cells that the model was made with.
        batch_size
            Cells at a time.

        Returns
        -------
        Array of shape ``(n_obs, n_latent)``.
        """
        return self._posterior.moments(self._dataset(adata), batch_size=batch_size)[0]

    def get_latent_deviation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior standard deviation of z for each cell.

        Parameters
        ----------
        adata, batch_size
            As in :meth:`get_latent_representation`.

        Returns
        -------
        Array of shape ``(n_obs, n_latent)``.
        """
        return self._posterior.moments(self._dataset(adata), batch_size=batch_size)[1]

    def sample_latent(
        self, adata: AnnData | None = None, *, n_samples: int = 25, rng: RandomLike = 0, batch_size: int = 512
    ) -> NDArray[np.float32]:
        """Posterior draws of z for each cell.

        Parameters
        ----------
        adata, batch_size
            As in :meth:`get_latent_representation`.
        n_samples
            Number of draws for each cell.
        rng
            Seed of the draws.

        Returns
        -------
        Array of shape ``(n_samples, n_obs, n_latent)``.
        """
        if n_samples < 1:
            msg = f"Expected `n_samples` of at least 1, found {n_samples}."
            raise ValueError(msg)
        drawn = self._posterior.sample(self._dataset(adata), n_samples=n_samples, rng=rng, batch_size=batch_size)
        return np.stack([*drawn])

    def get_normalized_expression(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 1,
        batch: DecodedIn = None,
        return_numpy: bool = False,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> pd.DataFrame | NDArray[np.float32]:
        """Denoised expression: the decoder's mean for each cell and gene.

        Parameters
        ----------
        adata, batch_size
            As in :meth:`get_latent_representation`.
        genes
            Names of the genes, in the order wanted; ``None``: all.
        library_size
            Sum of the expression of a cell over all genes, or ``"observed"`` for its own total count.
        n_samples
            1: decode the posterior mean of z. More: take the mean of that number of decoded posterior draws.
        batch
            Batch to decode all cells in; a list of batches: the mean over them (as ``transform_batch`` in scvi-tools);
            :meth:`get_reference`: the mean over all covariates; ``None``: each cell's own.
        return_numpy
            Return an array instead of a table.
        rng
            Seed of the posterior draws.

        Returns
        -------
        Table of shape ``(n_obs, len(genes))``, cells x genes, float32.
        """
        data = self._dataset(adata)
        names, indices = self._data.gene_indices(genes)
        scale = library_scale(data, library_size)
        mean = self._posterior.mean_expression(
            data, indices, n_samples=n_samples, batch=batch, rng=rng, batch_size=batch_size
        )
        result = (mean * scale).astype(np.float32)
        return result if return_numpy else pd.DataFrame(result, index=pd.Index(data.names), columns=pd.Index(names))

    def get_reference(self, adata: AnnData | None = None) -> Reference:
        r"""Covariates at which cells of different batches are decoded alike.

        .. math:: g_g(z) = \sum_b w_b\, g_g(z, b, \bar c)

        with :math:`w_b` the share of the cells with batch and categorical covariates b, and :math:`\bar c` the mean of the
        continuous covariates. Pass it as ``batch=`` where cells are decoded.

        Parameters
        ----------
        adata
            Cells that it stands for, as in :meth:`get_latent_representation`.

        Returns
        -------
        The reference; ``name`` says what it is.

        Examples
        --------
        >>> state = model.get_normalized_expression(batch=model.get_reference())  # doctest: +SKIP
        """
        return Reference.of_cells(self._dataset(adata), self._data.keys)

    def get_expression_deviation(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 25,
        batch: DecodedIn = None,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> pd.DataFrame:
        """Posterior standard deviation of the denoised expression, from draws of z.

        It is the uncertainty of the mean, without the noise of counting.

        Parameters
        ----------
        adata, genes, library_size, batch, rng, batch_size
            As in :meth:`get_normalized_expression`.
        n_samples
            Number of posterior draws, at least 2.

        Returns
        -------
        Table of shape ``(n_obs, len(genes))``, cells x genes, float32.
        """
        data = self._dataset(adata)
        names, indices = self._data.gene_indices(genes)
        scale = library_scale(data, library_size)
        deviation = self._posterior.expression_deviation(
            data, indices, n_samples=n_samples, batch=batch, rng=rng, batch_size=batch_size
        )
        result = (deviation * scale).astype(np.float32)
        return pd.DataFrame(result, index=pd.Index(data.names), columns=pd.Index(names))

    def sample_expression(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        library_size: float | Literal["observed"] = 1e4,
        n_samples: int = 25,
        batch: DecodedIn = None,
        rng: RandomLike = 0,
        batch_size: int = 512,
    ) -> NDArray[np.float32]:
        """Posterior draws of the denoised expression.

        Parameters
        ----------
        adata, genes, library_size, batch, rng, batch_size
            As in :meth:`get_normalized_expression`.
        n_samples
            Number of posterior draws.

        Returns
        -------
        Array of shape ``(n_samples, n_obs, len(genes))``.
        """
        data = self._dataset(adata)
        indices = self._data.gene_indices(genes)[1]
        scale = library_scale(data, library_size)
        drawn = self._posterior.sample_expression(
            data, indices, n_samples=n_samples, batch=batch, rng=rng, batch_size=batch_size
        )
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
            As in :meth:`get_latent_representation`; preferably cells that the model was not fitted to.
        genes
            Names of the genes; ``None``: all.
        n_cells
            Maximum number of cells to check, drawn at random.
        n_samples
            Number of posterior draws of z for each cell.
        rng
            Seed of cells and draws.

        Returns
        -------
        Record of tables; ``adata.uns[...] = check.to_dict()`` can be saved.
        """
        data = self._dataset(adata)
        indices = self._data.gene_indices(genes)[1]
        return predictive_check(self._posterior, data, indices, n_cells=n_cells, n_samples=n_samples, rng=rng)

    def get_log_expression_jacobian(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: DecodedIn = None,
        batch_size: int = 256,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        r"""Log-expression of each cell and its Jacobian in z.

        The log-expression of gene g is :math:`y_g = \log(1 + s\, g_g(z))`, s the ``library_size``.

        Parameters
        ----------
        adata
            Cells, as in :meth:`get_latent_representation`.
        genes
            Names of the genes; ``None``: all, which takes memory of cells x genes x latent dimensions.
        latent
            A point z for each cell, decoded with the batch and covariates of that cell; ``None``: the posterior means.
        library_size
            The s of the log-expression.
        batch
            Batch to decode all cells in; a list of batches: the mean over them (as ``transform_batch`` in scvi-tools);
            :meth:`get_reference`: the mean over all covariates; ``None``: each cell's own.
        batch_size
            Cells at a time.

        Returns
        -------
        Log-expression, shape ``(n_obs, n_genes)``, and Jacobian, shape ``(n_obs, n_genes, n_latent)``.

        Raises
        ------
        ValueError
            If ``latent`` has another shape, or ``library_size`` is not positive.
        """
        points = self._points(adata, genes, latent, library_size, batch)
        return self._geometry.log_expression_jacobian(*points, library_size=library_size, batch_size=batch_size)

    def get_metric(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: DecodedIn = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Pull-back metric :math:`M = J^T J` at each cell.

        The squared length in log-expression of a small step dz is :math:`dz^T M\, dz`.

        Parameters
        ----------
        adata, genes, latent, library_size, batch, batch_size
            As in :meth:`get_log_expression_jacobian`.

        Returns
        -------
        Array of shape ``(n_obs, n_latent, n_latent)``.
        """
        points = self._points(adata, genes, latent, library_size, batch)
        return self._geometry.metric(*points, library_size=library_size, batch_size=batch_size)

    def get_log_volume_element(
        self,
        adata: AnnData | None = None,
        *,
        genes: Sequence[str] | None = None,
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: DecodedIn = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Logarithm of the volume element, :math:`\tfrac12 \log\det J^T J`, at each cell.

        A density in z divided by the volume element is a density on the manifold. The element depends on the coordinates
        of z, as the density does; their quotient does not.

        Parameters
        ----------
        adata, genes, latent, library_size, batch, batch_size
            As in :meth:`get_log_expression_jacobian`.

        Returns
        -------
        Array of shape ``(n_obs,)``; minus infinity where the metric is singular.
        """
        metric = self.get_metric(
            adata, genes=genes, latent=latent, library_size=library_size, batch=batch, batch_size=batch_size
        )
        return log_volume_element(torch.from_numpy(metric)).numpy()

    def get_tangency(
        self,
        field: NDArray[np.floating],
        adata: AnnData | None = None,
        *,
        genes: Sequence[str],
        latent: NDArray[np.floating] | None = None,
        library_size: float = 1e4,
        batch: DecodedIn = None,
        batch_size: int = 256,
    ) -> NDArray[np.float64]:
        r"""Cosine between a vector field in log-expression and the tangent space of the manifold, in [0, 1].

        .. math:: c = |P f| / |f|

        with P the orthogonal projector on the columns of the Jacobian. 1: the field moves cells along the manifold.
        :math:`c^2` is the share of the field's squared norm in the tangent space. A random direction has
        :math:`E\,c^2 = n_\mathrm{latent} / n_\mathrm{genes}`, which must be stated beside it.

        Parameters
        ----------
        field
            Vectors, shape ``(n_obs, len(genes))``, in log-expression per time.
        adata, latent, library_size, batch, batch_size
            As in :meth:`get_log_expression_jacobian`.
        genes
            Names of the field's columns.

        Returns
        -------
        Array of shape ``(n_obs,)``; NaN where the field vanishes.

        Raises
        ------
        ValueError
            If the field has another shape, or values that are not finite.
        """
        points = self._points(adata, genes, latent, library_size, batch)
        return self._geometry.tangency(field, *points, library_size=library_size, batch_size=batch_size)

    def interpolate(
        self,
        start: NDArray[np.floating],
        end: NDArray[np.floating],
        *,
        genes: Sequence[str] | None = None,
        library_size: float = 1e4,
        batch: str | None = None,
        n_nodes: int = 30,
        max_steps: int = 200,
    ) -> DecodedPath:
        """Path between two points of the latent space that is short in log-expression, and what it decodes to.

        It is an approximate geodesic of the pull-back metric: an interpolation, and no prediction of how cells move.
        Paths of the dynamics are computed in :mod:`landscape.topography`.

        Parameters
        ----------
        start, end
            Points z, shape ``(n_latent,)``.
        genes, library_size
            As in :meth:`get_log_expression_jacobian`.
        batch
            Batch to decode in; ``None``: the first. Continuous covariates have their mean, and categorical ones their
            first level.
        n_nodes
            Number of nodes of the path, both ends included, at least 3.
        max_steps
            Maximum number of steps of the minimiser.

        Returns
        -------
        The path.

        Raises
        ------
        ValueError
            If the points have another shape, or a value is out of its range.
        """
        self._require_trained()
        size = self._architecture.n_latent
        if any(np.shape(z) != (size,) for z in (start, end)):
            msg = f"Expected two points of shape {(size,)}, found {np.shape(start)} and {np.shape(end)}."
            raise ValueError(msg)
        if n_nodes < MIN_NODES:
            msg = f"Expected `n_nodes` of at least {MIN_NODES}, found {n_nodes}."
            raise ValueError(msg)
        _require_positive(library_size)
        cell = self._data.reference_cell(batch)
        indices = self._data.gene_indices(genes)[1]
        return geodesic(
            self.module, start, end, cell, indices, library_size=library_size, n_nodes=n_nodes, max_steps=max_steps
        )

    def _points(
        self,
        adata: AnnData | None,
        genes: Sequence[str] | None,
        latent: NDArray[np.floating] | None,
        library_size: float,
        batch: DecodedIn,
    ) -> tuple[NDArray[np.floating], tuple[Weighted, ...], NDArray[np.integer]]:
        """Points z, cells whose covariates they are decoded with, and indices of the genes."""
        data = self._dataset(adata)
        indices = self._data.gene_indices(genes)[1]
        _require_positive(library_size)
        size = (len(data), self._architecture.n_latent)
        if latent is None:
            latent = self._posterior.moments(data)[0]
        elif latent.shape != size:
            msg = f"Expected `latent` of shape {size}, cells x latent, found {latent.shape}."
            raise ValueError(msg)
        return latent, decoded_in(data, batch), indices

    def _dataset(self, adata: AnnData | None) -> CountDataset:
        self._require_trained()
        return self._data.dataset(adata)

    def _require_trained(self) -> None:
        if not self.is_trained:
            msg = "The model is not trained; run `model.train()` first."
            raise RuntimeError(msg)


def _require_positive(library_size: float) -> None:
    if not library_size > 0:
        msg = f"Expected a positive `library_size`, found {library_size}."
        raise ValueError(msg)
