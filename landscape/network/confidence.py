"""How sure each edge is: Poisson bootstraps of the moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.network.expression import Expression, FloatArray
from landscape.network.moments import Moments, Sums, moments_of, sums_of, total_sums

#: Share of bootstraps in which an edge must be among the strongest of its target, with the same sign.
STABLE = 0.75


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


def group_sums(data: Expression, n_groups: int, rng: np.random.Generator) -> list[Sums]:
    """Sums of ``n_groups`` random groups of cells, in one pass."""
    group = rng.permutation(data.n_cells) % n_groups
    found: list[list[Sums]] = [[] for _ in range(n_groups)]
    for block in data.blocks():
        here = group[block.start : block.stop]
        for g in np.unique(here):
            rows = np.flatnonzero(here == g)
            part = type(block)(block.start, block.regulators[rows], block.targets[rows], block.covariates[rows])
            found[g].append(sums_of(part))
    return [total_sums(parts) for parts in found if parts]


def n_selected(n_regulators: int, *, expected_false: float = 1.0, stable: float = STABLE) -> int:
    r"""Edges selected per target and bootstrap.

    Stability selection [1]_ bounds the expected number of falsely stable edges of a target by
    :math:`q^2 / ((2 \pi - 1) m)`, for :math:`q` of :math:`m` regulators selected each time and the threshold
    :math:`\pi`; this is the :math:`q` that makes the bound ``expected_false``.

    References
    ----------
    .. [1] Meinshausen and Buhlmann (2010), *J R Stat Soc B* 72, 417. https://doi.org/10.1111/j.1467-9868.2010.00740.x
    """
    bound = np.sqrt(expected_false * (2 * stable - 1) * n_regulators)
    return int(np.clip(np.ceil(bound), 1, n_regulators))


def bootstrap(
    groups: list[Sums],
    function: Callable[[Moments], FloatArray],
    weights: FloatArray,
    *,
    n_bootstraps: int = 50,
    expected_false: float = 1.0,
    rng: RandomLike = 0,
) -> Confidence:
    """Repeat ``function`` on moments whose groups of cells count as often as a Poisson variable of mean 1 says."""
    random = generator(rng)
    chosen = n_selected(len(weights), expected_false=expected_false)
    hits = np.zeros(weights.shape)
    first, second = np.zeros(weights.shape), np.zeros(weights.shape)
    for _ in range(n_bootstraps):
        counts = _poisson(len(groups), random)
        sums = total_sums(group * float(count) for group, count in zip(groups, counts, strict=True) if count)
        found = function(moments_of(sums))
        first += found
        second += found**2
        hits += strongest(found, chosen) & (np.sign(found) == np.sign(weights))
    mean = first / n_bootstraps
    sd = np.sqrt(np.maximum(second / n_bootstraps - mean**2, 0.0))
    return Confidence(sd, hits / n_bootstraps, chosen, n_bootstraps)


def _poisson(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    while not (counts := rng.poisson(1.0, size)).any():
        pass
    return counts


def strongest(weights: FloatArray, count: int) -> NDArray[np.bool_]:
    """Mask of the ``count`` largest non-zero magnitudes of every column."""
    magnitude = np.abs(weights)
    if count >= len(magnitude):
        return magnitude > 0
    cut = np.partition(magnitude, len(magnitude) - count, axis=0)[len(magnitude) - count]
    return (magnitude >= cut) & (magnitude > 0)
