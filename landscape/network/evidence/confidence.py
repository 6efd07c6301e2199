"""How sure each edge is: Poisson bootstraps of the moments, and the support that follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.network.data.expression import FloatArray
from landscape.network.data.groups import Groups
from landscape.network.data.moments import Moments

#: Share of bootstraps in which an edge must be among the strongest of its target, with the same sign.
STABLE = 0.75
#: Largest empirical false-discovery rate of an edge of the support.
MAX_FDR = 0.05
#: Edges per target that the support may hold by chance, as stability selection bounds them.
EXPECTED_FALSE = 1.0
#: Fewest edges of a target that are selected in a bootstrap. Curated circuits have one to eight regulators per gene, and
#: what is fitted on a support later can drop a spare edge but cannot find a missing one.
MIN_SELECTED = 10


@dataclass(frozen=True)
class Confidence:
    """Spread of every edge over bootstraps, arrays of shape ``(regulators, targets)``.

    ``sd`` is the standard deviation of the weight; ``stability`` the share of bootstraps in which the edge is among
    the ``n_selected`` strongest of its target with the sign of the weight.
    """

    sd: FloatArray
    stability: FloatArray
    n_selected: int
    n_bootstraps: int


def n_selected(n_regulators: int, *, expected_false: float = EXPECTED_FALSE, stable: float = STABLE) -> int:
    r"""Edges selected per target and bootstrap.

    Stability selection [1]_ bounds the expected number of falsely stable edges of a target by
    :math:`q^2 / ((2 \pi - 1) m)`, for :math:`q` of :math:`m` regulators selected each time and the threshold
    :math:`\pi`; this is the :math:`q` that makes the bound ``expected_false``, rounded up, and at least ten: of few
    regulators the false-discovery rate decides alone.

    References
    ----------
    .. [1] Meinshausen and Buhlmann (2010), *J R Stat Soc B* 72, 417. https://doi.org/10.1111/j.1467-9868.2010.00740.x
    """
    bound = np.sqrt(expected_false * (2 * stable - 1) * n_regulators)
    return int(min(max(np.ceil(bound), MIN_SELECTED), n_regulators))


def bootstrap(
    groups: Groups,
    function: Callable[[Moments], FloatArray],
    weights: FloatArray,
    *,
    n_bootstraps: int = 50,
    expected_false: float = EXPECTED_FALSE,
    stable: float = STABLE,
    rng: RandomLike = 0,
) -> Confidence:
    """Repeat ``function`` on moments whose groups of cells count as often as a Poisson variable of mean 1 says.

    Parameters
    ----------
    groups
        Sums over groups of cells.
    function
        Moments to weights.
    weights
        What ``function`` gives for all cells.
    n_bootstraps
        Number of repeats.
    expected_false, stable
        See :func:`n_selected`.
    rng
        Seed or generator.
    """
    random = generator(rng)
    chosen = n_selected(len(weights), expected_false=expected_false, stable=stable)
    hits = np.zeros(weights.shape)
    first, second = np.zeros(weights.shape), np.zeros(weights.shape)
    sign = np.sign(weights)
    for _ in range(n_bootstraps):
        found = function(groups.moments(_poisson(len(groups), random)))
        shift = found - weights  # sums of squares of differences keep their digits
        first += shift
        second += shift**2
        hits += strongest(found, chosen) & (np.sign(found) == sign)
    mean = first / n_bootstraps
    sd = np.sqrt(np.maximum(second / n_bootstraps - mean**2, 0.0))
    return Confidence(sd, hits / n_bootstraps, chosen, n_bootstraps)


def _poisson(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    while (counts := rng.poisson(1.0, size)).sum() < 2:
        pass
    return counts.astype(np.float64)


def strongest(weights: FloatArray, count: int) -> NDArray[np.bool_]:
    """Mask of the ``count`` largest non-zero magnitudes of every column."""
    magnitude = np.abs(weights)
    if count >= len(magnitude):
        return magnitude > 0
    cut = np.partition(magnitude, len(magnitude) - count, axis=0)[len(magnitude) - count]
    return (magnitude >= cut) & (magnitude > 0)


def support_of(
    weights: FloatArray,
    stability: FloatArray | None,
    fdr: FloatArray | None,
    *,
    stable: float = STABLE,
    max_fdr: float = MAX_FDR,
) -> NDArray[np.bool_]:
    """Edges that count: stable ones with a low false-discovery rate; what was not computed is not asked for."""
    support = weights != 0
    if stability is not None:
        support &= stability >= stable
    if fdr is not None:
        support &= fdr <= max_fdr
    return support
