"""Inputs of a network: the response, covariates and metacells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix
from landscape.network.data.covariates import covariate_matrix
from landscape.network.data.expression import MIN_CELLS
from landscape.network.data.metacells import averaged, pooled


def response_of(adata: AnnData, layer: str, response_layer: str | None) -> tuple[sparse.csr_matrix | None, str]:
    """Counts that are explained, and the name of their layer; counts are ``None`` if that is ``layer``."""
    name = response_layer or (_keys.UNSPLICED if _keys.UNSPLICED in adata.layers else layer)
    if name == layer:
        return None, layer
    response = count_matrix(adata, name)
    if not response.nnz:
        msg = f"Expected counts in `adata.layers[{name!r}]`, found only zeros; pass `response_layer={layer!r}` to explain spliced counts."
        raise ValueError(msg)
    return response, name


def covariates_of(
    adata: AnnData, covariates: str | Sequence[str] | None, model: Any | None
) -> NDArray[np.float64] | None:
    """Numeric covariates of the cells; ``None`` without covariates."""
    names = covariate_names(covariates, model)
    return covariate_matrix(adata.obs, names) if names else None


def covariate_names(covariates: str | Sequence[str] | None, model: Any | None) -> list[str]:
    """Columns given by the user, followed by the batch of the model."""
    names = [] if covariates is None else [covariates] if isinstance(covariates, str) else list(covariates)
    if model is not None and model.batch_key is not None and model.batch_key not in names:
        names.append(model.batch_key)
    return names


def pool(
    adata: AnnData,
    key: str,
    counts: sparse.csr_matrix,
    response: sparse.csr_matrix | None,
    covariates: NDArray[np.float64] | None,
) -> tuple[sparse.csr_matrix, sparse.csr_matrix | None, NDArray[np.float64] | None]:
    """Sum counts and average covariates within metacells; cells without a metacell are left out."""
    if key not in adata.obs:
        msg = f"Expected metacells in a column of `adata.obs`, found no {key!r}; assign `landscape.network.metacells(...)` to it."
        raise KeyError(msg)
    column = adata.obs[key]
    inside = np.flatnonzero(column.notna().to_numpy())
    labels = np.unique(column.iloc[inside].astype(str).to_numpy(), return_inverse=True)[1]
    n = int(labels.max()) + 1 if len(labels) else 0
    if n < MIN_CELLS:
        msg = f"Expected at least {MIN_CELLS} metacells in `adata.obs[{key!r}]`, found {n}; make them smaller."
        raise ValueError(msg)
    return (
        pooled(counts[inside], labels),
        None if response is None else pooled(response[inside], labels),
        None if covariates is None else averaged(covariates[inside], labels),
    )
