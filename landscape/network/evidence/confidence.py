"""Confidence of edges from Poisson bootstraps of the moments, and the selection of edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.network.data.arrays import FloatArray
from landscape.network.data.groups import Groups
from landscape.network.data.moments import Moments

#: Smallest stability of a selected edge.
MIN_STABILITY = 0.75
#: Largest empirical false-discovery rate of a selected edge.
MAX_FDR = 0.05
#: Expected number of falsely selected edges per target, as stability selection bounds it.
EXPECTED_FALSE = 1.0
#: Smallest number of edges per target that count as strong in a bootstrap. Curated circuits have one to eight regulators
#: per gene. A model that is fitted to the selected edges can drop a superfluous one but cannot find a missing one.
MIN_SELECTED = 10


@dataclass(frozen=True)
class Confidence:
    """Variation of every edge over bootstraps.

    Attributes
    ----------
    sd
        Standard deviation of the weight, shape ``(regulators, targets)``.
    stability
        Share of bootstraps in which the edge is among the ``n_selected`` strongest of its target, with the sign of the
        weight. Same shape. ``None`` with too few regulators (:func:`selects`): most edges would be among the strongest by
        chance.
    n_selected, n_bootstraps
        See :func:`n_selected` and :func:`bootstrap`.
    """

    sd: FloatArray
    stability: FloatArray | None
    n_selected: int
    n_bootstraps: int


def n_selected(n_regulators: int, *, expected_false: float = EXPECTED_FALSE, stable: float = MIN_STABILITY) -> int:
    r"""Number of edges per target that count as strong in a bootstrap.

    Stability selection [1]_ bounds the expected number of falsely selected edges of a target by
    :math:`q^2 / ((2 \pi - 1) m)`, if :math:`q` of :math:`m` regulators are strong in each bootstrap and :math:`\pi` is the
    smallest stability. The result is the :math:`q` at which the bound is ``expected_false``, rounded up, and at least ten:
    with few regulators only the false-discovery rate selects.

    Parameters
    ----------
    n_regulators
        :math:`m`.
    expected_false
        Bound on the expected number of falsely selected edges per target.
    stable
        :math:`\pi`.

    References
    ----------
    .. [1] Meinshausen and Buhlmann (2010), *J R Stat Soc B* 72, 417. https://doi.org/10.1111/j.1467-9868.2010.00740.x
    """
    bound = np.sqrt(expected_false * (2 * stable - 1) * n_regulators)
    return int(min(max(np.ceil(bound), MIN_SELECTED), n_regulators))


def selects(count: int, n_regulators: int, *, stable: float = MIN_STABILITY) -> bool:
    r"""Whether a stability over the ``count`` strongest of so few regulators can tell edges from chance.

    With :math:`q` of :math:`m` regulators strong in each bootstrap, the bound :math:`q^2 / ((2 \pi - 1) m)` on falsely
    selected edges says something only below :math:`q`, the number that is strong anyway: if :math:`q < (2 \pi - 1) m`. By
    default this takes more than twenty regulators.

    Parameters
    ----------
    count
        :math:`q`, from :func:`n_selected`.
    n_regulators, stable
        As for :func:`n_selected`.
    """
    return count < (2 * stable - 1) * n_regulators


def bootstrap(
    groups: Groups,
    function: Callable[[Moments], FloatArray],
    weights: FloatArray,
    *,
    n_bootstraps: int = 50,
    expected_false: float = EXPECTED_FALSE,
    stable: float = MIN_STABILITY,
    rng: RandomLike = 0,
) -> Confidence:
    """Poisson bootstrap: repeat ``function`` on moments in which the count of every group of cells is Poisson with mean 1.

    Parameters
    ----------
    groups
        Sums over groups of cells.
    function
        Function from moments to weights.
    weights
        Weights of all cells.
    n_bootstraps
        Number of bootstraps.
    expected_false, stable
        See :func:`n_selected`. Regulators without weights, such as constant ones, do not count.
    rng
        Seed or generator.
    """
    random = generator(rng)
    n_varying = int(weights.any(axis=1).sum())
    chosen = n_selected(n_varying, expected_false=expected_false, stable=stable)
    n_stable = np.zeros(weights.shape)
    first, second = np.zeros(weights.shape), np.zeros(weights.shape)
    sign = np.sign(weights)
    for _ in range(n_bootstraps):
        found = function(groups.moments(_poisson(len(groups), random)))
        shift = found - weights  # the sum of squares of differences loses no digits
        first += shift
        second += shift**2
        n_stable += strongest(found, chosen) & (np.sign(found) == sign)
    mean = first / n_bootstraps
    sd = np.sqrt(np.maximum(second / n_bootstraps - mean**2, 0.0))
    stability = n_stable / n_bootstraps if selects(chosen, n_varying, stable=stable) else None
    return Confidence(sd, stability, chosen, n_bootstraps)


def _poisson(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Poisson counts of at least two groups in all: of one alone there are no correlations."""
    while (counts := rng.poisson(1.0, size)).sum() < 2:
        pass
    return counts.astype(np.float64)


def strongest(weights: FloatArray, count: int) -> NDArray[np.bool_]:
    """Mask of the ``count`` largest non-zero magnitudes of every column, with ties."""
    magnitude = np.abs(weights)
    if count >= len(magnitude):
        return magnitude > 0
    cut = np.partition(magnitude, len(magnitude) - count, axis=0)[len(magnitude) - count]
    return (magnitude >= cut) & (magnitude > 0)


def selected_edges(
    weights: FloatArray,
    stability: FloatArray | None,
    fdr: FloatArray | None,
    *,
    stable: float = MIN_STABILITY,
    max_fdr: float = MAX_FDR,
) -> NDArray[np.bool_]:
    """Support of a network: the set of selected edges.

    An edge is selected if it is stable and has a low false-discovery rate; a criterion that was not computed does not apply.

    Parameters
    ----------
    weights, stability, fdr
        Weights, stability and false-discovery rate of every edge, of one shape.
    stable, max_fdr
        Smallest stability and largest false-discovery rate.
    """
    support = weights != 0
    if stability is not None:
        support &= stability >= stable
    if fdr is not None:
        support &= fdr <= max_fdr
    return support
