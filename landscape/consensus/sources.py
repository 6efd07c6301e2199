"""Where the variance of an attractor's levels comes from: the latent model, the seed behind it, or the sample of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landscape.consensus.variance import nested_components, variance_shares

# Sources, the outermost first.
SOURCES = ("latent_model", "downstream_seed", "resample")


def level_sources(
    states: Sequence[NDArray[np.float64]], positions: NDArray[np.int64], latent: Sequence[int], names: Sequence[str]
) -> pd.DataFrame:
    """Shares of the variance of the levels of each attractor, summed over regulators.

    A source that was not varied, or that was varied together with the next outer one only, has no share (NaN), and what it
    contributes is in that of the outer one. Nothing is stated where a single source was varied, or with one latent model.

    Parameters
    ----------
    states
        States of each model on the same regulators: of the replicates on resampled cells, or of the one fit, NaN where a
        replicate lacks the attractor; shape ``(n_replicates, k_m, d)``.
    positions
        Position of each attractor of the consensus in the list of each model, -1 for none; shape ``(k, n_models)``.
    latent
        Latent model on which each model rests.
    names
        Names of the attractors.

    Returns
    -------
    Attractors x ``latent_model``, ``downstream_seed``, ``resample`` (shares) and ``n_values`` behind them.
    """
    rows = []
    for own in positions:
        values, run = [], []
        for model, k in enumerate(own):
            if k >= 0:
                found = states[model][:, k]
                found = found[np.isfinite(found).all(1)]
                values.append(found)
                run += [model] * len(found)
        rows.append(_shares(np.concatenate(values), np.array(run, dtype=np.int64), np.asarray(latent)))
    return pd.DataFrame(rows, index=pd.Index(names, name="attractor", dtype=object))


def _shares(values: NDArray[np.float64], run: NDArray[np.int64], latent: NDArray[np.int64]) -> dict[str, float]:
    """Shares of one attractor from its values, each of a run."""
    result = dict.fromkeys(SOURCES, np.nan) | {"n_values": len(values)}
    levels = dict(zip(SOURCES, (latent[run], run, np.arange(len(run))), strict=True))
    count = {name: len(np.unique(group)) for name, group in levels.items()}
    varied = [name for name, outer in zip(SOURCES, (1, *count.values()), strict=False) if count[name] > outer]
    if SOURCES[0] not in varied or len(varied) < 2:
        return result
    # What varies within the innermost level needs no groups of its own.
    components = nested_components(values, [levels[name] for name in varied[:-1]]).sum(1)
    return result | dict(zip(varied, variance_shares(components).tolist(), strict=True))
