"""The fitted model and its ensemble, as objects that can be called."""

from __future__ import annotations

from anndata import AnnData

from landscape._anndata import require_adata
from landscape._model import read_ensemble, read_model
from landscape.dynamics import GeneModel


def model(adata: AnnData) -> GeneModel:
    r"""Fitted model of the regulators, :math:`dx = f(x)\,dt + \sqrt{2D}\,dB`.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).

    Returns
    -------
    :class:`landscape.dynamics.Model` with the drift, the noise and the names and scales of the regulators. It can be called
    on states, tensors of shape ``(n, d)``; it simulates, clamps genes, and goes wherever :mod:`landscape.topography` takes a
    drift.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If another version of the package wrote it.

    Examples
    --------
    >>> import torch, landscape as ls
    >>> adata = ls.datasets.hematopoiesis()  # doctest: +SKIP
    >>> model = ls.get.model(adata)  # doctest: +SKIP
    >>> states = torch.as_tensor(adata.obsm["X_state"].to_numpy())  # doctest: +SKIP
    >>> velocity = model(states)  # doctest: +SKIP
    >>> attractors = ls.topography.fixed_points(model, states[:100])  # doctest: +SKIP
    >>> without = model.held_at({"Gata1": 0.0}).simulate(states, duration=5.0)  # doctest: +SKIP
    """
    return read_model(require_adata(adata))


def ensemble(adata: AnnData) -> tuple[GeneModel, ...]:
    """Replicates of the fitted model, one for each resample of cells and edges; empty without ``n_replicates``.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`).

    Returns
    -------
    The same record as :func:`model` gives, once for each replicate.

    Raises
    ------
    KeyError
        If there is no model.
    ValueError
        If another version of the package wrote it.
    """
    adata = require_adata(adata)
    read_model(adata)
    return read_ensemble(adata)
