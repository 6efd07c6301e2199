"""How strong the ridge must be, and how flat its spectrum may: as far as two halves of the cells still agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landscape.network.data.expression import FloatArray
from landscape.network.data.moments import Moments
from landscape.network.methods.spectrum import DECONFOUNDING, deconfounded

#: A regulator acts as a protein, and its messenger RNA accounts for about four fifths of the variation of the
#: protein once measurement error is set aside; noise with a share of one fifth is a ridge of 0.2 / 0.8.
FLOOR = 0.25
#: Share of the highest reproducibility that the chosen penalty must reach.
ENOUGH = 0.9
_GRID = FLOOR * 2.0 ** np.arange(12)
_MAX_TARGETS = 300
#: Blocks of targets with a penalty of their own.
N_BLOCKS = 10


@dataclass(frozen=True)
class Penalty:
    """A penalty and how it was found: ``reproducibility`` at the values of ``grid`` that were tried."""

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
    solvers = tuple(_Solver(half, chosen, regulators) for half in halves)
    grid: FloatArray = np.asarray(_GRID * (floor / FLOOR), dtype=np.float64)
    found: dict[int, float] = {}

    def agreement(k: int) -> float:
        if k not in found:
            found[k] = _correlation(*(solver.weights(grid[k]) for solver in solvers))
        return found[k]

    wanted = enough * agreement(len(grid) - 1)
    low, high = 0, len(grid) - 1  # agreement rises with the penalty: bisect
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
    r"""Penalty of every target by generalised cross-validation [1]_, one value per block of like targets, shape ``(q,)``.

    .. math:: \lambda_B = \arg\min_\lambda \sum_{j \in B} \frac{1 - 2 b_j^\top r_j + b_j^\top R b_j}
        {\left(1 - \operatorname{tr}[R (R + \lambda I)^{-1}] / n\right)^2}

    Targets are put into blocks of equal size by how strongly regulators correlate with them; of large blocks some targets speak for
    all. It asks how well targets are predicted, see :func:`reproducible_penalty` for why that is not the default.

    References
    ----------
    .. [1] Golub, Heath and Wahba (1979), *Technometrics* 21, 215. https://doi.org/10.1080/00401706.1979.10489751
    """
    strength = np.einsum("kj,kj->j", moments.xy, moments.xy)
    strength[regulators] -= moments.xy[np.arange(len(regulators)), regulators] ** 2  # nothing explains itself
    blocks = np.array_split(np.argsort(strength, kind="stable"), min(n_blocks, len(strength)))
    speak = [
        block[np.linspace(0, len(block) - 1, min(len(block), _MAX_TARGETS // n_blocks)).astype(int)] for block in blocks
    ]
    solver = _Solver(moments, np.concatenate(speak), regulators)
    values = np.maximum(linalg.eigvalsh(moments.xx), 0.0)
    grid = np.concatenate([_GRID[0] * 2.0 ** -np.arange(8.0, 0.0, -1.0), _GRID])
    loss = np.empty((len(grid), solver.xy.shape[1]))
    for k, penalty in enumerate(grid):
        weights = solver.weights(float(penalty))
        rest = 1.0 - 2.0 * np.einsum("kj,kj->j", weights, solver.xy)
        rest += np.einsum("kj,kj->j", weights, moments.xx @ weights)
        freedom = min(float((values / (values + penalty)).sum()) / moments.n_cells, 1.0 - 1e-6)
        loss[k] = rest / (1.0 - freedom) ** 2
    result = np.empty(len(strength))
    ends = np.cumsum([len(block) for block in speak])[:-1]
    for block, part in zip(blocks, np.split(loss, ends, axis=1), strict=True):
        result[block] = grid[np.argmin(part.mean(axis=1))]
    return result


def reproducible_deconfounding(
    halves: tuple[Moments, Moments], regulators: NDArray[np.int64], *, penalty: float, enough: float = ENOUGH
) -> float:
    r"""Largest :math:`\kappa` up to 1/3, in steps of 1/12, at which two halves of the cells agree as well as without.

    Compressing large singular values (:func:`landscape.network.methods.spectrum.deconfounded`) lifts the small ones, which of few or shallow
    cells are noise. Agreement must reach ``enough`` of that at :math:`\kappa = 0`.
    """
    first, second = halves
    chosen = _some_targets(first, second)
    solvers = tuple(_Solver(half, chosen, regulators) for half in halves)
    fits = [solver.weights(penalty) for solver in solvers]
    inside, own = solvers[0].inside, solvers[0].own

    def agreement(amount: float) -> float:
        one, other = (deconfounded(fit, None, amount) for fit in fits)
        for found in (one, other):
            found[inside, own] = 0.0
        return _correlation(one, other)

    wanted = enough * _correlation(*fits)
    for amount in DECONFOUNDING * np.array([1.0, 0.75, 0.5, 0.25]):
        if agreement(float(amount)) >= wanted:
            return float(amount)
    return 0.0


def _some_targets(first: Moments, second: Moments) -> NDArray[np.int64]:
    """At most 300 targets, spread evenly over how well they are explained (an order that renaming keeps)."""
    strength = np.einsum("kj,kj->j", first.xy + second.xy, first.xy + second.xy)
    order = np.argsort(strength, kind="stable")
    if len(order) <= _MAX_TARGETS:
        return np.sort(order)
    return np.sort(order[np.linspace(0, len(order) - 1, _MAX_TARGETS).round().astype(int)])


class _Solver:
    """Ridge solutions of one half for any penalty."""

    def __init__(self, half: Moments, chosen: NDArray[np.int64], regulators: NDArray[np.int64]) -> None:
        self.xx = half.xx
        self.xy = half.xy[:, chosen]
        position = np.full(half.xy.shape[1], -1)
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
    if used.sum() < 3:
        return 0.0
    left, right = a[used] - a[used].mean(), b[used] - b[used].mean()
    scale = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / scale) if scale > 0 else 0.0
