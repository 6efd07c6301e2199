"""Covariates of cells as numbers: numeric columns as they are, categories as indicators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def covariate_matrix(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Columns of a table of cells as numbers, shape ``(n, m)``; a category of c values gives c - 1 indicators.

    Parameters
    ----------
    table
        Annotations of the cells, ``adata.obs``.
    names
        Columns to take.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If a value is missing.
    """
    if missing := [name for name in names if name not in table]:
        msg = f"Expected covariates that are columns of `adata.obs`, found {missing}; present: {sorted(table.columns)}."
        raise KeyError(msg)
    columns = []
    for name in names:
        values = table[name]
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
