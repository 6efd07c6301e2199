"""Barriers, rates and effects of perturbations over models, by the names of the consensus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from landscape.consensus.intervals import spread_over_models


def pairs_over_models(
    tables: Sequence[pd.DataFrame], names: Sequence[Mapping[str, str]], value: str, *, logarithmic: bool = False
) -> pd.DataFrame:
    """A number of ordered pairs of attractors over models.

    Parameters
    ----------
    tables
        Table of each model, with ``from``, ``to`` and the number.
    names
        For each model, the name in the consensus of each of its attractors; the others are left out.
    value
        Column with the number; missing where the model has none.
    logarithmic
        Take mean and interval of the logarithm (:func:`landscape.consensus.spread_over_models`); zero counts as missing.

    Returns
    -------
    ``from``, ``to``, the mean, ``low``, ``high`` and ``n_models`` behind them; pairs that no model has are left out.
    """
    found = {}
    for m, (table, known) in enumerate(zip(tables, names, strict=True)):
        column = table[value].to_numpy(dtype=float)
        for start, end, number in zip(table["from"].astype(str), table["to"].astype(str), column, strict=True):
            if start in known and end in known and np.isfinite(number) and (number > 0 or not logarithmic):
                found[known[start], known[end], m] = number
    pairs = sorted({key[:2] for key in found})
    values = np.array([[found.get((*pair, m), np.nan) for pair in pairs] for m in range(len(tables))])
    spread = spread_over_models(values, logarithmic=logarithmic)
    return pd.DataFrame(
        {
            "from": np.array([start for start, _ in pairs], dtype=object),
            "to": np.array([end for _, end in pairs], dtype=object),
            value: spread.mean,
            "low": spread.low,
            "high": spread.high,
            "n_models": spread.n_models,
        }
    )


def effects_over_models(tables: Sequence[pd.Series], names: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    r"""Changes of the fates by a perturbation over models.

    Parameters
    ----------
    tables
        Change of each fate, by its name in the model.
    names
        For each model, the name in the consensus of each of its attractors. Fates without one, such as ``"other"``, keep theirs
        if no model has an attractor of that name, and are left out otherwise.

    Returns
    -------
    Fates x ``change``, ``low``, ``high``, ``n_models``, and ``lfsr``, the local false sign rate by Laplace's rule of succession,
    :math:`(1 + z) / (n + 2)`, where :math:`z` of :math:`n` models have the other sign than the mean, or no effect.
    """
    attractors = {name for known in names for name in (*known.keys(), *known.values())}
    renamed = []
    for table, known in zip(tables, names, strict=True):
        own = {str(fate): known.get(str(fate), str(fate)) for fate in table.index}
        kept = [fate in known or fate not in attractors for fate in own]
        renamed.append(table[kept].rename(index=own))
    fates = sorted({fate for table in renamed for fate in table.index})
    values = np.array([table.reindex(fates).to_numpy(dtype=float) for table in renamed])
    spread = spread_over_models(values)
    against = ((np.sign(values) != np.sign(spread.mean)) | (values == 0)) & np.isfinite(values)
    return pd.DataFrame(
        {
            "change": spread.mean,
            "low": spread.low,
            "high": spread.high,
            "lfsr": np.where(spread.n_models > 1, (1 + against.sum(0)) / (spread.n_models + 2), np.nan),
            "n_models": spread.n_models,
        },
        index=pd.Index(fates, name="fate", dtype=object),
    )
