"""What a network is made from: regulators, counts, the response, and covariates of an AnnData object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix
from landscape.network.data.expression import MIN_CELLS
from landscape.network.data.metacells import averaged, pooled


def response_of(adata: AnnData, layer: str, response_layer: str | None) -> tuple[sparse.csr_matrix | None, str]:
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
    names = covariate_names(covariates, model)
    if not names:
        return None
    if missing := [name for name in names if name not in adata.obs]:
        msg = f"Expected covariates that are columns of `adata.obs`, found {missing}; present: {sorted(adata.obs.columns)}."
        raise KeyError(msg)
    columns = []
    for name in names:
        values = adata.obs[name]
        if values.isna().any():
            msg = f"Expected `adata.obs[{name!r}]` without missing values, found {int(values.isna().sum())}; fill or drop those cells."
            raise ValueError(msg)
        if (
            isinstance(values.dtype, pd.CategoricalDtype)
            or values.dtype in (object, bool)
            or pd.api.types.is_string_dtype(values)
        ):
            columns.append(pd.get_dummies(values.astype(str), drop_first=True).to_numpy(dtype=np.float64))
        else:
            columns.append(values.to_numpy(dtype=np.float64)[:, None])
    return np.concatenate(columns, axis=1)


def covariate_names(covariates: str | Sequence[str] | None, model: Any | None) -> list[str]:
    """Columns named by the caller, then the batch that the model was given."""
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
    """Counts of the metacells that a column names, and the means of their covariates; cells without one are left out."""
    if key not in adata.obs:
        msg = f"Expected metacells in a column of `adata.obs`, found no {key!r}; assign it `landscape.network.metacells(...)`."
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
