"""Multilevel preconditioner for linear systems of Markov chains, by aggregation of states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

# Chains of at most this many states are factorised, which is faster than sweeps in spite of the fill-in.
COARSEST = 2_000
# Sweeps that relax the shape of slow vectors within aggregates; an aggregate of neighbours is crossed several times.
N_SHAPING = 10
# Largest ratio of aggregates to states for which a coarse chain is used. Above, states have so few transitions that
# sweeps alone suffice.
MAX_COARSENING = 0.8
# Aggregates whose mean shape is below this have relaxed to nothing, since their states are left at once; they get a
# constant shape. Shapes elsewhere are at least `MIN_SHAPE`, so that the coarse matrix stays regular.
VANISHED, MIN_SHAPE = 1e-200, 1e-12


class Multilevel:
    r"""Approximate inverse of a non-singular M-matrix such as :math:`I - Q` or its transpose.

    One application is a Gauss-Seidel sweep and a correction by a coarse chain,

    .. math:: x = L^{-1} b, \qquad x \leftarrow x + P\,(R A P)^{-1} R\,(b - A x)

    States are swept in the order of the solution of :math:`A t = 1`, which for absorption is the mean time to absorption:
    most states that a state depends on come before it, so that one sweep nearly solves the system of a strongly directed
    chain. Aggregates are the neighbourhoods of a maximal independent set. :math:`P` and :math:`R` are piecewise constant
    up to shapes within aggregates, obtained by sweeps on :math:`A r = 0` and :math:`A^\mathsf{T} l = 0`. With them the
    coarse chain is that of iterative aggregation and disaggregation and preserves the rates at which sets are left. The
    coarse system is treated in the same way until it is small enough to be factorised. Memory and time are linear in the
    number of transitions.

    Parameters
    ----------
    a
        Matrix of shape ``(n, n)`` with positive diagonal and no positive entries off it.

    References
    ----------
    Koury, McAllister & Stewart (1984), *SIAM J. Algebr. Discrete Methods* 5, 164. https://doi.org/10.1137/0605019
    De Sterck et al. (2010), *SIAM J. Sci. Comput.* 32, 40. https://doi.org/10.1137/080719157
    """

    def __init__(self, a: sparse.csr_array) -> None:
        n = a.shape[0]
        self._factor = self._coarse = None
        if n <= COARSEST:
            self._factor = linalg.splu(sparse.csc_array(a))
            return
        group, n_groups = aggregates(a)
        coarsens = n_groups <= MAX_COARSENING * n
        order = _order(a, group, n_groups) if coarsens else np.arange(n)
        self._order = order
        self._a = _permuted(a, order)
        # A triangular matrix in its natural order is its own factorisation. SuperLU solves for all columns at once.
        self._lower = linalg.splu(
            sparse.csc_array(sparse.tril(self._a)),
            permc_spec="NATURAL",
            diag_pivot_thresh=0.0,
            options={"Equil": False},
        )
        if coarsens:
            self._group = group[order]
            self._left, self._right = self._shapes(n_groups)
            self._coarse = Multilevel(coarse_matrix(self._a, self._group, n_groups, self._left, self._right))
            self._sums = sparse.csr_array((self._left, (self._group, np.arange(n))), shape=(n_groups, n))

    def solve(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Approximation of the inverse times ``b``, of shape ``(n, k)``."""
        if self._factor is not None:
            return np.ascontiguousarray(self._factor.solve(b))
        right = b[self._order]
        x = np.ascontiguousarray(self._lower.solve(right))
        if self._coarse is not None:
            correction = self._coarse.solve(self._sums @ (right - self._a @ x))
            x += self._right[:, None] * correction[self._group]
        found = np.empty_like(x)
        found[self._order] = x
        return found

    def _shapes(self, n_groups: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shapes of slow left and right vectors within aggregates, each with mean one over an aggregate."""
        n = self._a.shape[0]
        left, right = np.ones(n), np.ones(n)
        transposed = sparse.csr_array(self._a.T)
        for _ in range(N_SHAPING):
            right = right - self._lower.solve(self._a @ right)
            left = left - self._lower.solve(transposed @ left, trans="T")
            right, left = right / np.abs(right).max(), left / np.abs(left).max()
        return self._scaled(left, n_groups), self._scaled(right, n_groups)

    def _scaled(self, shape: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
        """Shape with mean one over every aggregate."""
        positive = np.maximum(shape, 0.0)
        size = np.bincount(self._group, minlength=n_groups)
        mean = np.bincount(self._group, positive, n_groups) / size
        known = mean > VANISHED
        scaled = positive / np.where(known, mean, 1.0)[self._group]
        return np.where(known[self._group], np.maximum(scaled, MIN_SHAPE), 1.0)


def aggregates(a: sparse.csr_array) -> tuple[NDArray[np.int64], int]:
    """Aggregate of each state, and the number of aggregates.

    A maximal independent set of states is found by Luby's algorithm: in every round, of states that are linked, the one
    with the largest random number is chosen. Every other state joins the neighbour in the set with the strongest link.

    References
    ----------
    Luby (1986), *SIAM J. Comput.* 15, 1036. https://doi.org/10.1137/0215074
    """
    links = abs(sparse.csr_array(a))
    links = sparse.csr_array(links + links.T)
    links.setdiag(0.0)
    links.eliminate_zeros()
    n = links.shape[0]
    number = np.random.default_rng(0).permutation(n).astype(np.float64)
    begin, empty = links.indptr[:-1], links.indptr[:-1] == links.indptr[1:]
    open_, chosen = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    while open_.any():
        value = np.where(open_, number, -1.0)
        highest = np.maximum.reduceat(np.r_[value[links.indices], -1.0], begin)
        highest[empty] = -1.0
        added = open_ & (number > highest)
        chosen |= added
        open_ &= ~added & ~(links @ added.astype(np.float64) > 0)
    members = np.flatnonzero(chosen)
    nearest = np.asarray(sparse.csr_array(links[:, members]).argmax(axis=1)).ravel()
    nearest[members] = np.arange(len(members))
    return nearest.astype(np.int64), len(members)


def coarse_matrix(
    a: sparse.csr_array, group: NDArray[np.int64], n_groups: int, left: NDArray[np.float64], right: NDArray[np.float64]
) -> sparse.csr_array:
    r"""Coarse matrix :math:`R A P`: entries weighted by their row and column and summed over pairs of aggregates."""
    entries = a.tocoo()
    row, col = entries.coords
    weighted = left[row] * entries.data * right[col]
    return sparse.csr_array(sparse.coo_array((weighted, (group[row], group[col])), shape=(n_groups, n_groups)))


def _order(a: sparse.csr_array, group: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """Order of states by :math:`A t = 1`, solved between aggregates and then by one Jacobi step between states."""
    n = a.shape[0]
    constant = np.ones(n)
    size = np.bincount(group, minlength=n_groups).astype(np.float64)
    time = Multilevel(coarse_matrix(a, group, n_groups, constant, constant)).solve(size[:, None])[group, 0]
    diagonal = a.diagonal()
    return np.argsort((1.0 - (a @ time - diagonal * time)) / diagonal, kind="stable")


def _permuted(a: sparse.csr_array, order: NDArray[np.int64]) -> sparse.csr_array:
    permuted = sparse.csr_array(a[order][:, order])
    permuted.sort_indices()
    return permuted
