"""Several latent models of the same cells, used as one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from landscape._files import write_atomic
from landscape.latent.model import LatentModel
from landscape.latent.storage import SCHEMA

if TYPE_CHECKING:
    from landscape.latent.reference import Reference

# File that says how many models a folder holds.
CONTENTS = "ensemble.json"


class LatentEnsemble:
    r"""Several latent models of the same cells, which differ in their seeds, used as one.

    Two latent models of the same counts agree on most of what cells have in common and not on all: on where a rare lineage
    leaves a common one, for instance, the seed decides. The mean over models keeps what they agree on. Expression is the mean
    over models, which is in the same units as that of one; the latent variables of all models stand side by side, since
    those of two models have no axis in common, and cells are neighbours if they are so in most of the models
    (:func:`landscape.markov.consensus_graph`).

    Parameters
    ----------
    models
        Trained models of the same genes, with the same batches.

    Attributes
    ----------
    models
        The models.

    Raises
    ------
    TypeError
        If one is no :class:`LatentModel`.
    ValueError
        If there is none, one is not trained, or genes or batches differ.

    Examples
    --------
    >>> models = [ls.latent.LatentModel(adata, layer="counts", rng=seed) for seed in range(10)]  # doctest: +SKIP
    >>> for model in models:  # doctest: +SKIP
    ...     model.train()
    >>> ensemble = ls.latent.LatentEnsemble(models)  # doctest: +SKIP
    >>> ls.tl.dynamics(adata, model=ensemble, direction=ls.dynamics.from_root("cell_1"))  # doctest: +SKIP
    """

    def __init__(self, models: Sequence[LatentModel]) -> None:
        self.models = tuple(models)
        if not self.models:
            msg = "Expected at least one latent model, found none."
            raise ValueError(msg)
        for model in self.models:
            if not isinstance(model, LatentModel):
                msg = f"Expected a list of `LatentModel`, found {type(model).__name__}."
                raise TypeError(msg)
        first = self.models[0]
        for k, model in enumerate(self.models):
            if not model.is_trained:
                msg = f"Expected trained models, found that `models[{k}]` is not; call its `train()` first."
                raise ValueError(msg)
            if model.genes != first.genes or (model.batch_key, model.batches) != (first.batch_key, first.batches):
                msg = f"Expected models of the same genes and batches, found that `models[{k}]` has others than `models[0]`."
                raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[LatentModel]:
        return iter(self.models)

    def __repr__(self) -> str:
        return f"LatentEnsemble of {len(self)} models: {self.models[0]!r}"

    @property
    def genes(self) -> list[str]:
        """Names of the genes."""
        return self.models[0].genes

    @property
    def batches(self) -> list[str]:
        """Names of the batches; empty without ``batch_key``."""
        return self.models[0].batches

    @property
    def batch_key(self) -> str | None:
        """Column of ``obs`` with the batches."""
        return self.models[0].batch_key

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of latent variables of each model, by which :meth:`get_latent_representation` is parted."""
        return tuple(model.architecture.n_latent for model in self.models)

    @property
    def history(self) -> pd.DataFrame:
        """Losses of all models by epoch, with the number of the model, from 1 on, in the column ``model``."""
        tables = [model.history.assign(model=k) for k, model in enumerate(self.models, start=1)]
        return pd.concat(tables)

    def get_latent_representation(self, adata: AnnData | None = None, *, batch_size: int = 512) -> NDArray[np.float32]:
        """Posterior means of all models side by side.

        Parameters
        ----------
        adata, batch_size
            As in :meth:`LatentModel.get_latent_representation`.

        Returns
        -------
        Array of shape ``(n_obs, sum(widths))``.
        """
        return np.hstack([model.get_latent_representation(adata, batch_size=batch_size) for model in self.models])

    def get_normalized_expression(
        self, adata: AnnData | None = None, **options: Any
    ) -> pd.DataFrame | NDArray[np.float32]:
        """Denoised expression, the mean over models.

        Parameters
        ----------
        adata, options
            As in :meth:`LatentModel.get_normalized_expression`.

        Returns
        -------
        As :meth:`LatentModel.get_normalized_expression`.
        """
        found = self.models[0].get_normalized_expression(adata, **options)
        for model in self.models[1:]:
            found = found + model.get_normalized_expression(adata, **options)
        return found / np.float32(len(self))

    def get_reference(self, adata: AnnData | None = None) -> Reference:
        """Covariates at which cells of different batches are decoded alike (:meth:`LatentModel.get_reference`)."""
        return self.models[0].get_reference(adata)

    def get_tangency(
        self, field: NDArray[np.floating], adata: AnnData | None = None, **options: Any
    ) -> NDArray[np.float64]:
        """Cosine between a field and the tangent space of the manifold, the mean over models.

        Parameters
        ----------
        field, adata, options
            As in :meth:`LatentModel.get_tangency`, without ``latent``.

        Returns
        -------
        Array of shape ``(n_obs,)``.
        """
        found = [model.get_tangency(field, adata, **options) for model in self.models]
        return np.asarray(np.mean(found, axis=0))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the first model into a folder, as :meth:`LatentModel.save`, and the others into folders below it.

        Parameters
        ----------
        folder, overwrite
            As in :meth:`LatentModel.save`.
        """
        folder = Path(folder)
        for place, model in zip(_places(folder, len(self)), self.models, strict=True):
            model.save(place, overwrite=overwrite)
        text = json.dumps({"schema": SCHEMA, "n_models": len(self)}, indent=1)
        write_atomic(folder / CONTENTS, lambda path: path.write_text(text))

    @classmethod
    def load(cls, folder: str | Path, adata: AnnData | None = None, *, device: str = "auto") -> LatentEnsemble:
        """Read models written by :meth:`save`.

        Parameters
        ----------
        folder, adata, device
            As in :meth:`LatentModel.load`.

        Raises
        ------
        FileNotFoundError
            If there is no ensemble.
        ValueError
            If files are damaged, or a model is not like the others.
        """
        path = Path(folder) / CONTENTS
        if not path.exists():
            msg = f"Expected the models of an ensemble in {folder}, found no {CONTENTS}; a single model is read with `LatentModel.load`."
            raise FileNotFoundError(msg)
        try:
            n_models = int(json.loads(path.read_text())["n_models"])
        except (ValueError, KeyError, TypeError) as error:
            msg = f"Expected the number of models in {path}, found a damaged file."
            raise ValueError(msg) from error
        return cls([LatentModel.load(place, adata, device=device) for place in _places(path.parent, n_models)])


def _places(folder: Path, n_models: int) -> list[Path]:
    return [folder, *(folder / f"model_{k}" for k in range(2, n_models + 1))]


def load_model(
    folder: str | Path, adata: AnnData | None = None, *, device: str = "auto"
) -> LatentModel | LatentEnsemble:
    """Read the model or the ensemble of models in a folder.

    Parameters
    ----------
    folder, adata, device
        As in :meth:`LatentModel.load`.
    """
    kind = LatentEnsemble if (Path(folder) / CONTENTS).exists() else LatentModel
    return kind.load(folder, adata, device=device)
