"""Birth-death chains: Markov chains whose properties are finite sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

# Rate of the uniformised chain over the largest exit rate: every state stays with probability 1/2 at least.
UNIFORMISATION = 2.0


@dataclass(frozen=True)
class BirthDeathChain:
    r"""Markov chain on 0, ..., n - 1 with jumps between neighbours only.

    Attributes
    ----------
    birth
        Rate :math:`b_i` of the jump i to i + 1, shape ``(n,)``; the last must be 0.
    death
        Rate :math:`d_i` of the jump i to i - 1, shape ``(n,)``; the first must be 0.

    Raises
    ------
    ValueError
        If the chain is not irreducible.
    """

    birth: np.ndarray
    death: np.ndarray

    def __post_init__(self) -> None:
        if self.birth.ndim != 1 or self.birth.shape != self.death.shape or len(self.birth) < 2:
            msg = (
                f"Expected `birth` and `death` of one length, at least 2, found {self.birth.shape}, {self.death.shape}."
            )
            raise ValueError(msg)
        if self.birth[-1] != 0 or self.death[0] != 0:
            msg = f"Expected `birth[-1]` and `death[0]` to be 0, found {self.birth[-1]} and {self.death[0]}."
            raise ValueError(msg)
        if not (self.birth[:-1] > 0).all() or not (self.death[1:] > 0).all():
            msg = "Expected all other rates to be positive; a zero rate makes the chain reducible."
            raise ValueError(msg)

    def generator(self) -> sparse.csr_matrix:
        """Generator: rates off the diagonal, rows sum to 0."""
        stay = -(self.birth + self.death)
        return sparse.diags([self.death[1:], stay, self.birth[:-1]], [-1, 0, 1]).tocsr()

    def transition_matrix(self) -> sparse.csr_matrix:
        r"""Row-stochastic matrix :math:`I + Q / (2 \max_i |Q_{ii}|)`: same stationary distribution and committors."""
        rate = UNIFORMISATION * (self.birth + self.death).max()
        return (sparse.identity(len(self.birth)) + self.generator() / rate).tocsr()

    def stationary(self) -> np.ndarray:
        r"""Stationary distribution :math:`\pi_i \propto \prod_{j=1}^{i} b_{j-1} / d_j`."""
        log = np.r_[0.0, np.cumsum(np.log(self.birth[:-1]) - np.log(self.death[1:]))]
        weight = np.exp(log - log.max())
        return weight / weight.sum()

    def committor(self, a: int, b: int) -> np.ndarray:
        r"""Committor: probability to reach b before a < b.

        .. math:: q_i = \sum_{j=a}^{i-1} \frac{1}{\pi_j b_j} \Big/ \sum_{j=a}^{b-1} \frac{1}{\pi_j b_j}
        """
        self._require_order(a, b)
        resistance = np.cumsum(np.r_[0.0, self._resistance()[a:b]])
        q = np.zeros(len(self.birth))
        q[a : b + 1] = resistance / resistance[-1]
        q[b:] = 1.0
        return q

    def transition_rate(self, a: int, b: int) -> float:
        r"""Transitions from a to b > a per unit time in the stationary state, :math:`1 / \sum_{j=a}^{b-1} (\pi_j b_j)^{-1}`."""
        self._require_order(a, b)
        return float(1.0 / self._resistance()[a:b].sum())

    def mean_passage_time(self, start: int, target: int) -> float:
        r"""Mean first passage time.

        .. math:: \tau = \sum_{j=s}^{t-1} \frac{1}{\pi_j b_j} \sum_{i \le j} \pi_i

        for s < t, and its mirror image for s > t.
        """
        if start > target:
            last = len(self.birth) - 1
            return BirthDeathChain(self.death[::-1], self.birth[::-1]).mean_passage_time(last - start, last - target)
        below = np.cumsum(self.stationary())[:-1]
        return float((self._resistance() * below)[start:target].sum())

    def _resistance(self) -> np.ndarray:
        return 1.0 / (self.stationary()[:-1] * self.birth[:-1])

    def _require_order(self, a: int, b: int) -> None:
        if not 0 <= a < b < len(self.birth):
            msg = f"Expected 0 <= a < b < {len(self.birth)}, found a = {a}, b = {b}."
            raise ValueError(msg)
