"""Gradient-boosted trees of LightGBM, one model per target: slow, and a check of :func:`landscape.network.boost`."""

from __future__ import annotations

import numpy as np

from landscape._numbers import TINY
from landscape.network.data.arrays import FloatArray
from landscape.network.data.expression import Expression

#: Columns whose standard deviation is below this share of their largest value are constant.
MIN_SD = 1e-10
#: Smallest number of cells in a leaf.
MIN_CELLS_PER_LEAF = 10


def trees(
    data: Expression, *, n_rounds: int = 100, learning_rate: float = 0.05, max_depth: int = 3, max_bin: int = 255
) -> FloatArray:
    """Gains of boosted trees, not normalised per target and unsigned.

    All cells must fit in memory. With ``max_depth=1`` it is :func:`landscape.network.boost` with finer bins.

    Parameters
    ----------
    data
        Expression; covariates are regressed out of regulators and targets.
    n_rounds
        Number of trees per target.
    learning_rate, max_depth, max_bin
        As LightGBM has them.

    Returns
    -------
    Square root of the share of the target's variance that a regulator explains, shape ``(regulators, targets)``.

    Raises
    ------
    ImportError
        If LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        msg = "Expected LightGBM for `method='trees'`, found none; install it with `pip install lightgbm`."
        raise ImportError(msg) from error
    x, y, z = data.dense()
    basis, _ = np.linalg.qr(z)
    x, y = x - basis @ (basis.T @ x), y - basis @ (basis.T @ y)
    params = {
        "objective": "regression",
        "learning_rate": learning_rate,
        "max_depth": max_depth,
        "num_leaves": 2**max_depth,
        "min_data_in_leaf": MIN_CELLS_PER_LEAF,
        "max_bin": max_bin,
        "num_threads": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "boost_from_average": True,
    }
    shared = lightgbm.Dataset(x, params=params, free_raw_data=False).construct()
    itself = np.full(y.shape[1], -1)
    itself[data.regulators] = np.arange(len(data.regulators))
    weights = np.zeros((x.shape[1], y.shape[1]))
    spread = y.std(axis=0)
    for j in np.flatnonzero(spread > MIN_SD * np.maximum(np.abs(y).max(axis=0), TINY)):
        columns = np.flatnonzero(np.arange(x.shape[1]) != itself[j])
        table = shared
        if len(columns) < x.shape[1]:
            table = lightgbm.Dataset(x[:, columns], params=params, free_raw_data=False).construct()
        table.set_label(y[:, j] / spread[j])
        model = lightgbm.train(params, table, num_boost_round=n_rounds)
        weights[columns, j] = np.sqrt(model.feature_importance("gain") / len(x))
    return weights
