"""Choice of the ridge penalty and of the deconfounding: two halves of the cells must agree on the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.data.arrays import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.methods.spectrum import DECONFOUNDING, deconfounded

#: A regulator acts as a protein. Measurement error apart, its messenger RNA explains about four fifths of the variance of
#: the protein, and noise with a share of one fifth is a ridge of 0.2 / 0.8.
MIN_PENALTY = 0.25
#: Share of the highest reproducibility that must be reached.
MIN_AGREEMENT = 0.9
#: Penalties that are tried: from the smallest to 2048 times as much, each twice the one before.
_GRID = MIN_PENALTY * 2.0 ** np.arange(12)
#: Smaller penalties that cross-validation tries too, down to a 256th of the smallest.
_SMALLER = 2.0 ** -np.arange(8.0, 0.0, -1.0)
#: Largest number of targets that are sampled for the choice, which bounds its cost.
MAX_TARGETS = 300
#: Blocks of targets with a penalty of their own in cross-validation.
N_BLOCKS = 10
#: Largest share of the degrees of freedom in cross-validation, whose loss is infinite at 1.
MAX_FREEDOM = 1.0 - 1e-6
#: Deconfoundings that are tried, as shares of the largest one.
_AMOUNTS = np.array([1.0, 0.75, 0.5, 0.25])
#: Smallest number of pairs with a correlation that can differ from 1 and -1.
_MIN_PAIRS = 3


@dataclass(frozen=True)
class Penalty:
    """The chosen penalty.

    Attributes
    ----------
    value
        Penalty.
    grid, reproducibility
        Penalties that were tried, and the agreement of the two halves at each.
    """

    value: float
    grid: FloatArray
    reproducibility: FloatArray


def reproducible_penalty(
    halves: tuple[Moments, Moments],
    regulators: NDArray[np.int64],
    *,
    min_penalty: float = MIN_PENALTY,
    min_agreement: float = MIN_AGREEMENT,
) -> Penalty:
    r"""Smallest penalty at which two halves of the cells agree on the network.

    Agreement is the correlation :math:`\rho(\lambda)` between the weights fitted to the two halves. It increases with
    :math:`\lambda`, towards the agreement of plain correlations. The result is the smallest
    :math:`\lambda \ge \lambda_{\min}` with :math:`\rho(\lambda) \ge \rho_{\min} \max \rho`, in the spirit of StARS [1]_.

    Generalised cross-validation minimises the error of prediction instead. Predictions hardly change when weights move
    between collinear regulators, so that it chooses too small a penalty: in single cells with hundreds of regulators the two
    halves then agree to less than 0.1.

    The penalty has a lower bound because more cells do not make the messenger RNA of a regulator a better proxy of its
    activity [2]_: independent noise with a share :math:`s` of the variance of a regulator is a ridge of
    :math:`s / (1 - s)`.

    Parameters
    ----------
    halves
        Moments of the two halves.
    regulators
        Column of each regulator among the targets.
    min_penalty, min_agreement
        :math:`\lambda_{\min}` and :math:`\rho_{\min}`.

    References
    ----------
    .. [1] Liu, Roeder and Wasserman (2010), *NIPS* 23. https://arxiv.org/abs/1006.3316
    .. [2] Li, Bickel and Biggin (2014), *PeerJ* 2, e270. https://doi.org/10.7717/peerj.270
    """
    first, second = halves
    chosen = _sampled_targets(first, second)
    solvers = tuple(_RidgeSolver(half, chosen, regulators) for half in halves)
    grid: FloatArray = np.asarray(_GRID * (min_penalty / MIN_PENALTY), dtype=np.float64)
    found: dict[int, float] = {}

    def agreement(k: int) -> float:
        if k not in found:
            found[k] = _correlation(*(solver.weights(grid[k]) for solver in solvers))
        return found[k]

    wanted = min_agreement * agreement(len(grid) - 1)
    low, high = 0, len(grid) - 1  # agreement increases with the penalty: bisect
    while low < high:
        middle = (low + high) // 2
        if agreement(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    agreement(high)
    seen = sorted(found)
    return Penalty(float(grid[high]), grid[seen], np.array([found[k] for k in seen]))


def gcv_penalty(moments: Moments, regulators: NDArray[np.int64], *, n_blocks: int = N_BLOCKS) -> FloatArray:
    r"""Penalty of every target by generalised cross-validation [1]_: one value per block of similar targets, shape ``(q,)``.

    .. math:: \lambda_B = \arg\min_\lambda \sum_{j \in B} \frac{1 - 2 b_j^\top r_j + b_j^\top R b_j}
        {\left(1 - \operatorname{tr}[R (R + \lambda I)^{-1}] / n\right)^2}

    Blocks :math:`B` have equal size and hold targets that correlate with regulators about equally; of a large block a sample
    of targets is used. The default is :func:`reproducible_penalty`, which says why.

    Parameters
    ----------
    moments
        Moments of all cells.
    regulators
        Column of each regulator among the targets.
    n_blocks
        Number of blocks.

    References
    ----------
    .. [1] Golub, Heath and Wahba (1979), *Technometrics* 21, 215. https://doi.org/10.1080/00401706.1979.10489751
    """
    strength = np.einsum("kj,kj->j", moments.xy, moments.xy)
    strength[regulators] -= moments.xy[np.arange(len(regulators)), regulators] ** 2  # without self-edges
    blocks = np.array_split(np.argsort(strength, kind="stable"), min(n_blocks, len(strength)))
    sampled = [
        block[np.linspace(0, len(block) - 1, min(len(block), MAX_TARGETS // n_blocks)).astype(int)] for block in blocks
    ]
    solver = _RidgeSolver(moments, np.concatenate(sampled), regulators)
    values = np.maximum(linalg.eigvalsh(moments.xx), 0.0)
    grid = np.concatenate([_GRID[0] * _SMALLER, _GRID])
    loss = np.empty((len(grid), solver.xy.shape[1]))
    for k, penalty in enumerate(grid):
        weights = solver.weights(float(penalty))
        unexplained = 1.0 - 2.0 * np.einsum("kj,kj->j", weights, solver.xy)
        unexplained += np.einsum("kj,kj->j", weights, moments.xx @ weights)
        freedom = min(float((values / (values + penalty)).sum()) / moments.n_cells, MAX_FREEDOM)
        loss[k] = unexplained / (1.0 - freedom) ** 2
    result = np.empty(len(strength))
    ends = np.cumsum([len(block) for block in sampled])[:-1]
    for block, part in zip(blocks, np.split(loss, ends, axis=1), strict=True):
        result[block] = grid[np.argmin(part.mean(axis=1))]
    return result


def reproducible_deconfounding(
    halves: tuple[Moments, Moments],
    regulators: NDArray[np.int64],
    *,
    penalty: float,
    min_agreement: float = MIN_AGREEMENT,
) -> float:
    r"""Largest :math:`\kappa` up to 1/3, on a grid of 1/12, at which two halves of the cells still agree on the network.

    Compressing large singular values (:func:`landscape.network.methods.spectrum.deconfounded`) raises the small ones, which
    are noise if cells are few or shallow.

    Parameters
    ----------
    halves
        Moments of the two halves.
    regulators
        Column of each regulator among the targets.
    penalty
        Penalty of the ridge.
    min_agreement
        Agreement that must be reached, as a share of the agreement at :math:`\kappa = 0`.
    """
    first, second = halves
    chosen = _sampled_targets(first, second)
    solvers = tuple(_RidgeSolver(half, chosen, regulators) for half in halves)
    fits = [solver.weights(penalty) for solver in solvers]
    inside, own = solvers[0].inside, solvers[0].own

    def agreement(amount: float) -> float:
        one, other = (deconfounded(fit, None, amount) for fit in fits)
        for found in (one, other):
            found[inside, own] = 0.0
        return _correlation(one, other)

    wanted = min_agreement * _correlation(*fits)
    for amount in DECONFOUNDING * _AMOUNTS:
        if agreement(float(amount)) >= wanted:
            return float(amount)
    return 0.0


def _sampled_targets(first: Moments, second: Moments) -> NDArray[np.int64]:
    """At most ``MAX_TARGETS`` targets, evenly spaced in the order of their correlations, whatever the order of the genes."""
    strength = np.einsum("kj,kj->j", first.xy + second.xy, first.xy + second.xy)
    order = np.argsort(strength, kind="stable")
    if len(order) <= MAX_TARGETS:
        return np.sort(order)
    return np.sort(order[np.linspace(0, len(order) - 1, MAX_TARGETS).round().astype(int)])


class _RidgeSolver:
    """Ridge of some targets for any penalty, without self-edges."""

    def __init__(self, moments: Moments, chosen: NDArray[np.int64], regulators: NDArray[np.int64]) -> None:
        self.xx = moments.xx
        self.xy = moments.xy[:, chosen]
        position = np.full(moments.xy.shape[1], -1)
        position[chosen] = np.arange(len(chosen))
        self.inside = np.flatnonzero(position[regulators] >= 0)
        self.own = position[regulators[self.inside]]

    def weights(self, penalty: float) -> FloatArray:
        itself = np.eye(len(self.xx))[:, self.inside]
        factor = linalg.cho_factor(self.xx + penalty * np.eye(len(self.xx)), lower=True, overwrite_a=True)
        weights, inverse = np.split(linalg.cho_solve(factor, np.hstack([self.xy, itself])), [self.xy.shape[1]], axis=1)
        at = np.arange(len(self.inside))
        weights[:, self.own] -= inverse * (weights[self.inside, self.own] / inverse[self.inside, at])
        weights[self.inside, self.own] = 0.0
        return weights


def _correlation(a: FloatArray, b: FloatArray) -> float:
    used = (a != 0) & (b != 0)
    if used.sum() < _MIN_PAIRS:
        return 0.0
    left, right = a[used] - a[used].mean(), b[used] - b[used].mean()
    scale = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / scale) if scale > 0 else 0.0
