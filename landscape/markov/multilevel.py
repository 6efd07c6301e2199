"""Preconditioner for linear systems of Markov chains: sweeps along the flow, and a coarse chain of groups of states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

# A chain of so few states is factorised: there the fill-in of neighbour graphs costs less than sweeps.
COARSEST = 2_000
# Sweeps that shape the weights within groups; they cross a group of neighbours several times.
N_SHAPING = 10
# Groups that are hardly fewer than states are no help: links are so few then that sweeps do.
LEAST_COARSENING = 0.8


class Multilevel:
    r"""Approximate inverse of a non-singular M-matrix such as :math:`I - Q` or its transpose.

    One application is a Gauss-Seidel sweep and a correction by a coarse chain,

    .. math:: x = L^{-1} b, \qquad x \leftarrow x + P\,(R A P)^{-1} R\,(b - A x)

    States are swept in the order of :math:`A t = 1`, which for absorption is the mean time left: whatever a state depends
    on comes mostly before it, so that for a strongly directed chain one sweep nearly solves the system. The groups are
    states around a maximal independent set. :math:`P` and :math:`R` are constant over groups but for shapes to which
    sweeps on :math:`A r = 0` and :math:`A^\mathsf{T} l = 0` relax: with them the coarse chain is the one of aggregation
    and disaggregation, and keeps how rarely a set is left. The coarse system is treated in the same way until it is small
    enough to be factorised. Memory and time are linear in the number of links.

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
        group, n_groups = groups(a)
        help_expected = n_groups <= LEAST_COARSENING * n
        order = _order(a, group, n_groups) if help_expected else np.arange(n)
        self._order = order
        self._a = _permuted(a, order)
        # In its natural order a triangular matrix is its own factorisation, and SuperLU's solves take many columns at once.
        self._lower = linalg.splu(
            sparse.csc_array(sparse.tril(self._a)),
            permc_spec="NATURAL",
            diag_pivot_thresh=0.0,
            options={"Equil": False},
        )
        if help_expected:
            self._group = group[order]
            self._left, self._right = self._shapes(n_groups)
            self._coarse = Multilevel(coarse(self._a, self._group, n_groups, self._left, self._right))
            self._sums = sparse.csr_array((self._left, (self._group, np.arange(n))), shape=(n_groups, n))

    def solve(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Approximation of the inverse times ``b``, of shape ``(n, k)``."""
        if self._factor is not None:
            return np.ascontiguousarray(self._factor.solve(b))
        right = b[self._order]
        x = np.ascontiguousarray(self._lower.solve(right))
        if self._coarse is not None:
            rest = self._coarse.solve(self._sums @ (right - self._a @ x))
            x += self._right[:, None] * rest[self._group]
        found = np.empty_like(x)
        found[self._order] = x
        return found

    def _shapes(self, n_groups: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shapes of slow left and right vectors within groups, each with mean one over a group."""
        n = self._a.shape[0]
        left, right = np.ones(n), np.ones(n)
        transposed = sparse.csr_array(self._a.T)
        for _ in range(N_SHAPING):
            right = right - self._lower.solve(self._a @ right)
            left = left - self._lower.solve(transposed @ left, trans="T")
            right, left = right / np.abs(right).max(), left / np.abs(left).max()
        return self._scaled(left, n_groups), self._scaled(right, n_groups)

    def _scaled(self, shape: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
        # A group that relaxes to nothing, since its states are left at once, keeps a flat shape.
        positive = np.maximum(shape, 0.0)
        size = np.bincount(self._group, minlength=n_groups)
        mean = np.bincount(self._group, positive, n_groups) / size
        known = mean > 1e-200
        scaled = positive / np.where(known, mean, 1.0)[self._group]
        return np.where(known[self._group], np.maximum(scaled, 1e-12), 1.0)


def groups(a: sparse.csr_array) -> tuple[NDArray[np.int64], int]:
    """Group of each state, and the number of groups: states joined to the strongest of their neighbours in an independent set.

    The set is found by Luby's rounds: of states that are linked, the one with the largest random number is taken.
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
        most = np.maximum.reduceat(np.r_[value[links.indices], -1.0], begin)
        most[empty] = -1.0
        taken = open_ & (number > most)
        chosen |= taken
        open_ &= ~taken & ~(links @ taken.astype(np.float64) > 0)
    members = np.flatnonzero(chosen)
    nearest = np.asarray(sparse.csr_array(links[:, members]).argmax(axis=1)).ravel()
    nearest[members] = np.arange(len(members))
    return nearest.astype(np.int64), len(members)


def coarse(
    a: sparse.csr_array, group: NDArray[np.int64], n_groups: int, left: NDArray[np.float64], right: NDArray[np.float64]
) -> sparse.csr_array:
    r"""Coarse matrix :math:`R A P`: entries weighted by their row and column and summed over pairs of groups."""
    entries = a.tocoo()
    row, col = entries.coords
    weighted = left[row] * entries.data * right[col]
    return sparse.csr_array(sparse.coo_array((weighted, (group[row], group[col])), shape=(n_groups, n_groups)))


def _order(a: sparse.csr_array, group: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """Order of :math:`A t = 1`, solved between groups and then once from state to state."""
    n = a.shape[0]
    flat = np.ones(n)
    size = np.bincount(group, minlength=n_groups).astype(np.float64)
    time = Multilevel(coarse(a, group, n_groups, flat, flat)).solve(size[:, None])[group, 0]
    diagonal = a.diagonal()
    return np.argsort((1.0 - (a @ time - diagonal * time)) / diagonal, kind="stable")


def _permuted(a: sparse.csr_array, order: NDArray[np.int64]) -> sparse.csr_array:
    permuted = sparse.csr_array(a[order][:, order])
    permuted.sort_indices()
    return permuted
