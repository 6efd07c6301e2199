"""Consensus of several methods: weighted mean of the ranks of edges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from landscape.network.data.arrays import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.methods.boost import boost
from landscape.network.methods.correlation import correlation
from landscape.network.methods.penalty import MIN_PENALTY
from landscape.network.methods.ridge import ridge
from landscape.network.methods.spectrum import DECONFOUNDING

#: Weight of every method. The ridge counts twice, because only its weights distinguish the two directions of an edge.
METHOD_WEIGHTS: Mapping[str, float] = {"ridge": 2.0, "boost": 1.0, "correlation": 1.0}


def consensus(
    moments: Moments,
    regulators: NDArray[np.int64],
    *,
    penalty: float | FloatArray = MIN_PENALTY,
    deconfounding: float = DECONFOUNDING,
    method_weights: Mapping[str, float] = METHOD_WEIGHTS,
) -> FloatArray:
    """Weighted mean of the ranks of every edge in ridge, boosting and correlation, with the sign of the ridge.

    Ranks are those of magnitudes among all edges, divided by the number of edges, so that weights lie between -1 and 1.

    Parameters
    ----------
    moments, regulators, penalty, deconfounding
        As for :func:`landscape.network.ridge`.
    method_weights
        Weight of every method; methods that are absent or have weight 0 are not used.

    Raises
    ------
    ValueError
        If a method is unknown, a weight is negative, or no weight is positive.
    """
    known = {
        "ridge": lambda: ridge(moments, regulators, penalty=penalty, deconfounding=deconfounding),
        "boost": lambda: boost(moments, regulators),
        "correlation": lambda: correlation(moments, regulators),
    }
    if unknown := sorted(set(method_weights) - set(known)):
        msg = f"Expected `method_weights` of {sorted(known)}, found {unknown}."
        raise ValueError(msg)
    if not any(weight > 0 for weight in method_weights.values()) or min(method_weights.values()) < 0:
        msg = f"Expected `method_weights` of at least 0, one of them above, found {dict(method_weights)}."
        raise ValueError(msg)
    found = {name: known[name]() for name, weight in method_weights.items() if weight > 0}
    signed = found.get("ridge", next(iter(found.values())))
    return combine(list(found.values()), [method_weights[name] for name in found]) * np.sign(signed)


def combine(networks: list[FloatArray], network_weights: list[float]) -> FloatArray:
    """Weighted mean of the ranks of magnitudes, between 0 and 1; zero where every network is zero."""
    ranks = [rankdata(np.abs(weights), axis=None).reshape(weights.shape) / weights.size for weights in networks]
    mean = np.average(ranks, axis=0, weights=network_weights)
    return np.where(np.any([weights != 0 for weights in networks], axis=0), mean, 0.0)
