"""The latent stage: an scVI-style variational auto-encoder of counts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from anndata import AnnData

from landscape import _keys
from landscape._random import RandomLike, seed_of
from landscape.latent import storage
from landscape.latent.cells import Cells, Keys, read_cells, read_file
from landscape.latent.header import Header, require_weights
from landscape.latent.manifold import Manifold
from landscape.latent.module import Architecture
from landscape.latent.scvi import hand_over, take_over

if TYPE_CHECKING:
    from scvi.model import SCVI

logger = logging.getLogger(__name__)

MIN_CELLS = 10
MIN_GENES = 2


class LatentModel(Manifold):
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
    categorical_covariates, continuous_covariates
        More columns of ``obs`` on which the decoder is conditioned; continuous ones are standardised.
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
        categorical_covariates: Sequence[str] = (),
        continuous_covariates: Sequence[str] = (),
        n_latent: int = 10,
        n_hidden: int = 128,
        n_layers: int = 1,
        dropout_rate: float = 0.1,
        gene_likelihood: Literal["nb", "zinb", "poisson"] = "nb",
        dispersion: Literal["gene", "gene-batch"] = "gene",
        rng: RandomLike = 0,
        device: str = "auto",
    ) -> None:
        keys = Keys.of(layer, batch_key, categorical_covariates, continuous_covariates)
        sizes = {"n_latent": n_latent, "n_hidden": n_hidden, "n_layers": n_layers, "dropout_rate": dropout_rate}
        choices = {"gene_likelihood": gene_likelihood, "dispersion": dispersion}
        cells = read_cells(adata, keys, least=(MIN_CELLS, MIN_GENES))
        self._setup(_architecture(cells, **sizes, **choices), cells, keys=keys, seed=seed_of(rng), device=device)

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
        """Model of the cells in an h5ad file or a zarr store, whose counts are read from there whenever they are needed.

        Memory grows with the batch and, by a few bytes each, with the cells. The counts must be stored by cells (CSR, or
        dense), and are checked in one pass here.

        Parameters
        ----------
        path
            File or store, as :mod:`anndata` writes it; it must stay where it is.
        layer, batch_key, categorical_covariates, continuous_covariates, rng, device
            As for the class.
        architecture
            ``n_latent``, ``n_hidden``, ``n_layers``, ``dropout_rate``, ``gene_likelihood``, ``dispersion``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        KeyError, TypeError, ValueError
            As for the class, and if the counts are stored by genes (CSC).
        """
        keys = Keys.of(layer, batch_key, categorical_covariates, continuous_covariates)
        cells = read_file(path, keys, least=(MIN_CELLS, MIN_GENES))
        model = cls.__new__(cls)
        model._setup(_architecture(cells, **architecture), cells, keys=keys, seed=seed_of(rng), device=device)
        return model

    @property
    def batch_key(self) -> str | None:
        """Column of ``adata.obs`` with the batches."""
        return self._keys.batch

    def __repr__(self) -> str:
        size = self._architecture
        state = f"trained for {len(self._epochs)} epochs" if self.is_trained else "not trained"
        return (
            f"LatentModel({size.n_genes} genes, {size.n_batches} batches -> {size.n_latent} latent, "
            f"{size.gene_likelihood}, {state})"
        )

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model into a folder: weights as safetensors, everything else as JSON, no counts.

        A killed save leaves the old model or the new one.
        """
        header = Header(
            architecture=self._architecture,
            vocabulary=self._cells.vocabulary,
            keys=self._keys,
            seed=self._seed,
            is_trained=self.is_trained,
            history=self._epochs,
        )
        storage.save(folder, header.to_dict(), self.module.state_dict(), overwrite=overwrite)
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
            If the files are damaged, changed, or of another kind or version, or if what they state does not fit together.
        """
        stored = storage.load(folder)
        header = Header.of(stored.header, folder)
        require_weights(header, stored.weights, folder)
        model = cls.__new__(cls)
        none = Cells.empty(header.vocabulary)
        model._setup(header.architecture, none, keys=header.keys, seed=header.seed, device=device)
        model.module.load_state_dict(stored.weights)
        model._epochs, model.is_trained = header.history, header.is_trained
        if adata is not None:
            model._cells = model._match(adata)
        return model

    @classmethod
    def from_scvi(cls, model: SCVI, *, device: str = "auto") -> LatentModel:
        """Take over a trained :class:`scvi.model.SCVI`, with its cells.

        Raises
        ------
        ValueError
            If it uses what this model does not have: a size factor or a latent library size, encoded covariates, a
            batch embedding, another likelihood, dispersion or latent distribution.
        """
        taken = take_over(model)
        result = cls.__new__(cls)
        result._setup(taken.architecture, taken.cells, keys=taken.keys, seed=0, device=device)
        result.module.load_state_dict(taken.weights)
        result.is_trained = True
        return result

    def to_scvi(self) -> SCVI:
        """Trained :class:`scvi.model.SCVI` with the same weights, on an AnnData of its own.

        Its ``X`` are the model's counts, its ``obs`` has ``batch`` and the covariates; the user's data stay untouched.
        """
        return hand_over(self._read(None), self._architecture, self.module.state_dict())


def _architecture(cells: Cells, **choices: Any) -> Architecture:
    names = cells.vocabulary
    return Architecture(
        n_genes=len(names.genes),
        n_batches=len(names.batches),
        n_levels=tuple(len(levels) for levels in names.levels),
        n_continuous=len(names.center),
        **choices,
    )
