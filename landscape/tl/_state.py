"""The state of a cell: expression of the regulators in the model."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape import _keys
from landscape._anndata import count_matrix, read
from landscape.markov.graph import CellGraph
from landscape.markov.pooling import TARGET_SUM, pooled

logger = logging.getLogger(__name__)


def latent_model(model: Any | None) -> Any | None:
    """Latent model that a user passes: a model of scvi-tools is converted, and several models become one.

    Raises
    ------
    TypeError, ValueError
        If a model of scvi-tools cannot be converted (see :meth:`landscape.latent.LatentModel.from_scvi`).
    """
    if isinstance(model, list | tuple):
        from landscape.latent import LatentEnsemble

        return LatentEnsemble(model)
    # Recognised by name, because importing scvi-tools takes seconds.
    if not any(part.__module__.startswith("scvi.model.") for part in type(model).__mro__):
        return model
    from landscape.latent import LatentModel

    return LatentModel.from_scvi(model)


def widths_of(model: Any | None, use_rep: str | None) -> tuple[int, ...]:
    """Number of coordinates of each of several latent models that stand side by side; none for a single space."""
    from landscape.latent import LatentEnsemble

    return model.widths if use_rep is None and isinstance(model, LatentEnsemble) else ()


def coordinates(adata: AnnData, model: Any | None, use_rep: str | None) -> NDArray[np.float64]:
    """Coordinates for neighbours: ``use_rep``, the latent variables of the model, or a stored representation."""
    if use_rep is None and model is not None:
        if _keys.LATENT not in adata.obsm:
            return np.asarray(model.get_latent_representation(adata), dtype=np.float64)
        use_rep = _keys.LATENT
    if use_rep is None:
        use_rep = next((key for key in (_keys.LATENT, "X_scVI", "X_pca") if key in adata.obsm), _keys.LATENT)
        logger.info("neighbours are found in `adata.obsm[%r]`", use_rep)
    found = read(adata, "obsm", use_rep, hint="pass `model=` or `use_rep=`, or assign the model's latent variables")
    return np.asarray(found, dtype=np.float64)


def expression(
    adata: AnnData, regulators: list[str], model: Any | None, layer: str, graph: CellGraph
) -> NDArray[np.float64]:
    """Posterior mean of the depth-normalised expression of the regulators; without a model, the mean over neighbours.

    All cells are decoded at one reference (:meth:`landscape.latent.LatentModel.get_reference`): decoded with its own batch,
    a cell's state would hold the batch, from which the decoder adds it to z.
    """
    if model is not None:
        found = model.get_normalized_expression(
            adata, genes=regulators, library_size=TARGET_SUM, batch=model.get_reference(adata), return_numpy=True
        )
        return np.asarray(found, dtype=np.float64)
    logger.info("no model given: states are pooled over neighbours, not posterior means")
    index = adata.var_names.get_indexer(regulators)
    return pooled(count_matrix(adata, layer), graph, index)
