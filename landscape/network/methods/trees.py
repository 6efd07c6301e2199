"""Gradient-boosted trees per target on LightGBM: the exact, slow sibling of :func:`landscape.network.boost`."""

from __future__ import annotations

import numpy as np

from landscape.network.data.expression import Expression, FloatArray


def trees(data: Expression, *, rounds: int = 100, rate: float = 0.05, depth: int = 3, max_bin: int = 255) -> FloatArray:
    """Un-normalised gains of boosted trees, one model per target on one binned matrix of regulators. Unsigned.

    All cells must fit in memory. With ``depth=1`` it does what :func:`landscape.network.boost` does, on finer bins.

    Parameters
    ----------
    data
        Expression; covariates are regressed out of regulators and targets.
    rounds, rate, depth, max_bin
        Number of trees, learning rate, depth and bins.

    Returns
    -------
    Array of shape ``(regulators, targets)``: square root of the share of the target's variance gained.

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
        "learning_rate": rate,
        "max_depth": depth,
        "num_leaves": 2**depth,
        "min_data_in_leaf": 10,
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
    for j in np.flatnonzero(spread > 1e-10 * np.maximum(np.abs(y).max(axis=0), 1e-300)):
        columns = np.flatnonzero(np.arange(x.shape[1]) != itself[j])
        table = shared
        if len(columns) < x.shape[1]:
            table = lightgbm.Dataset(x[:, columns], params=params, free_raw_data=False).construct()
        table.set_label(y[:, j] / spread[j])
        model = lightgbm.train(params, table, num_boost_round=rounds)
        weights[columns, j] = np.sqrt(model.feature_importance("gain") / len(x))
    return weights
