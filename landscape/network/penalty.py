"""How strong the ridge must be: as weak as the network stays the same in two halves of the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.expression import FloatArray
from landscape.network.moments import Moments

#: A regulator acts as a protein, and its messenger RNA accounts for about four fifths of the variation of the
#: protein once measurement error is set aside; noise with a share of one fifth is a ridge of 0.2 / 0.8.
FLOOR = 0.25
#: Share of the highest reproducibility that the chosen penalty must reach.
ENOUGH = 0.9
_GRID = FLOOR * 2.0 ** np.arange(12)
_MAX_TARGETS = 1000


@dataclass(frozen=True)
class Penalty:
    """A penalty and how it was found: ``reproducibility`` at every value of ``grid``."""

    value: float
    grid: FloatArray
    reproducibility: FloatArray


def reproducible_penalty(
    halves: tuple[Moments, Moments], regulators: NDArray[np.int64], *, floor: float = FLOOR, enough: float = ENOUGH
) -> Penalty:
    r"""Smallest penalty at which two halves of the cells agree on the network.

    Agreement is the correlation :math:`\rho(\lambda)` of all weights fitted to either half. It rises with
    :math:`\lambda`, towards that of plain correlations. The result is the smallest :math:`\lambda \ge` ``floor`` with
    :math:`\rho(\lambda) \ge` ``enough`` :math:`\max \rho`, in the spirit of StARS [1]_.

    Generalised cross-validation asks another question, how well targets are predicted. Predictions hardly
    suffer when weights wander among collinear regulators, so it chooses far too little: of single cells with
    hundreds of regulators, the two halves then agree to less than 0.1.

    The floor holds because more cells do not make a regulator's messenger RNA a better proxy of its activity [2]_:
    independent noise of share :math:`s` in a regulator is a ridge of :math:`s / (1 - s)`.

    References
    ----------
    .. [1] Liu, Roeder and Wasserman (2010), *NIPS* 23. https://arxiv.org/abs/1006.3316
    .. [2] Li, Bickel and Biggin (2014), *PeerJ* 2, e270. https://doi.org/10.7717/peerj.270
    """
    first, second = halves
    chosen = _some_targets(first, second)
    grid = _GRID * (floor / FLOOR)
    left, right = (_path(half, chosen, regulators, grid) for half in halves)
    agreement = np.array([_correlation(a, b) for a, b in zip(left, right, strict=True)])
    enough_at = np.flatnonzero(agreement >= enough * agreement.max())
    return Penalty(float(grid[enough_at[0]]), grid, agreement)


def _some_targets(first: Moments, second: Moments) -> NDArray[np.int64]:
    """At most 1,000 targets, spread evenly over how well they are explained (an order that renaming keeps)."""
    strength = np.einsum("kj,kj->j", first.xy + second.xy, first.xy + second.xy)
    order = np.argsort(strength, kind="stable")
    if len(order) <= _MAX_TARGETS:
        return np.sort(order)
    return np.sort(order[np.linspace(0, len(order) - 1, _MAX_TARGETS).round().astype(int)])


def _path(
    half: Moments, chosen: NDArray[np.int64], regulators: NDArray[np.int64], grid: FloatArray
) -> list[FloatArray]:
    values, vectors = linalg.eigh(half.xx)
    position = np.full(half.xy.shape[1], -1)
    position[chosen] = np.arange(len(chosen))
    inside = np.flatnonzero(position[regulators] >= 0)
    rotated = vectors.T @ half.xy[:, chosen]
    found = []
    for penalty in grid:
        loaded = np.maximum(values, 0.0) + penalty
        weights = vectors @ (rotated / loaded[:, None])
        inverse = (vectors / loaded) @ vectors[inside].T
        own = position[regulators[inside]]
        at = np.arange(len(inside))
        weights[:, own] -= inverse * (weights[inside, own] / inverse[inside, at])
        weights[inside, own] = 0.0
        found.append(weights)
    return found


def _correlation(a: FloatArray, b: FloatArray) -> float:
    used = (a != 0) & (b != 0)
    if used.sum() < 3:
        return 0.0
    left, right = a[used] - a[used].mean(), b[used] - b[used].mean()
    scale = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / scale) if scale > 0 else 0.0
