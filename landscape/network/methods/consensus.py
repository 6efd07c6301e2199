"""Networks of several methods as one: weighted means of ranks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from landscape.network.data.expression import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.methods.boost import boost
from landscape.network.methods.correlation import correlation
from landscape.network.methods.ridge import ridge
from landscape.network.methods.spectrum import DECONFOUNDING

#: The ridge counts double: it alone carries direction.
SHARES: Mapping[str, float] = {"ridge": 2.0, "boost": 1.0, "correlation": 1.0}


def consensus(
    moments: Moments,
    regulators: NDArray[np.int64],
    *,
    penalty: float | FloatArray = 0.25,
    deconfounding: float = DECONFOUNDING,
    shares: Mapping[str, float] = SHARES,
) -> FloatArray:
    """Weighted mean of the ranks that ridge, boosting and correlation give every edge, with the sign of the ridge.

    Ranks are of magnitudes over all edges, divided by their number, so that a weight lies between -1 and 1.

    Raises
    ------
    ValueError
        If a share is not that of a known method, or none is positive.
    """
    known = {
        "ridge": lambda: ridge(moments, regulators, penalty=penalty, deconfounding=deconfounding),
        "boost": lambda: boost(moments, regulators),
        "correlation": lambda: correlation(moments, regulators),
    }
    if unknown := sorted(set(shares) - set(known)):
        msg = f"Expected `shares` of {sorted(known)}, found {unknown}."
        raise ValueError(msg)
    if not any(share > 0 for share in shares.values()) or min(shares.values()) < 0:
        msg = f"Expected `shares` of at least 0, one of them above, found {dict(shares)}."
        raise ValueError(msg)
    found = {name: known[name]() for name, share in shares.items() if share > 0}
    lead = found.get("ridge", next(iter(found.values())))
    return combine(list(found.values()), [shares[name] for name in found]) * np.sign(lead)


def combine(networks: list[FloatArray], shares: list[float]) -> FloatArray:
    """Weighted mean of ranks of magnitudes, between 0 and 1; where every network is zero, zero."""
    ranks = [rankdata(np.abs(weights), axis=None).reshape(weights.shape) / weights.size for weights in networks]
    mean = np.average(ranks, axis=0, weights=shares)
    return np.where(np.any([weights != 0 for weights in networks], axis=0), mean, 0.0)
