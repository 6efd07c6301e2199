"""Checks of transition matrices and of the sets of states that absorb them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Absorbing = Mapping[str, Sequence[int] | NDArray] | Sequence | NDArray
# Rows of matrices in float32, such as CellRank's, sum to 1 only up to their rounding.
ROW_SUM_TOLERANCE = 1e-5


def row_stochastic(transitions: sparse.csr_array | sparse.csr_matrix) -> sparse.csr_array:
    """Checked copy of a transition matrix in float64, without stored zeros and with rows scaled to sum to 1.

    Raises
    ------
    TypeError
        If it is not sparse.
    ValueError
        If it is not square, has entries that are negative or not finite, or rows that do not sum to 1.
    """
    if not sparse.issparse(transitions):
        msg = f"Expected `transitions` to be a scipy sparse matrix, found {type(transitions).__name__}."
        raise TypeError(msg)
    if transitions.shape[0] != transitions.shape[1] or transitions.shape[0] == 0:
        msg = f"Expected `transitions` of shape (n, n), found {transitions.shape}."
        raise ValueError(msg)
    matrix = sparse.csr_array(transitions, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if bad := int((~np.isfinite(matrix.data)).sum()):
        msg = f"Expected finite transition probabilities, found {bad} that are NaN or infinite."
        raise ValueError(msg)
    if (matrix.data < 0).any():
        msg = f"Expected transition probabilities of at least 0, found {matrix.data.min():.3g}."
        raise ValueError(msg)
    sums = np.asarray(matrix.sum(1)).ravel()
    off = np.abs(sums - 1)
    if (off > ROW_SUM_TOLERANCE).any():
        worst = int(off.argmax())
        msg = (
            f"Expected rows of `transitions` to sum to 1, found {int((off > ROW_SUM_TOLERANCE).sum())} that do not, "
            f"such as row {worst} with {sums[worst]:.6g}; divide each row by its sum."
        )
        raise ValueError(msg)
    matrix.data /= np.repeat(sums, np.diff(matrix.indptr))
    return matrix


def absorbing_sets(absorbing: Absorbing, n: int) -> dict[str, NDArray[np.int64]]:
    """Indices of each named absorbing set.

    Parameters
    ----------
    absorbing
        Indices or mask of each set by its name, or one label per state with ``None``, NaN or ``""`` outside all sets.
    n
        Number of states.

    Raises
    ------
    ValueError
        If there is no set, or a set is empty, out of range or overlaps another.
    """
    if isinstance(absorbing, Mapping):
        given: Iterable = absorbing.items()
    else:
        labels = np.asarray(absorbing, dtype=object)
        if labels.shape != (n,):
            msg = f"Expected one label for each of the {n} states, found shape {labels.shape}."
            raise ValueError(msg)
        kept = [i for i, v in enumerate(labels) if not (v is None or v == "" or v != v)]  # NaN is not itself
        names = sorted({str(labels[i]) for i in kept})
        text = labels.astype(str)
        mask = np.zeros(n, bool)
        mask[kept] = True
        given = ((name, np.flatnonzero(mask & (text == name))) for name in names)
    sets: dict[str, NDArray[np.int64]] = {}
    taken = np.full(n, -1)
    for k, (name, members) in enumerate(given):
        index = np.asarray(members)
        if index.dtype == bool and index.shape != (n,):
            msg = f"Expected a mask of {n} states for {name!r}, found shape {index.shape}."
            raise ValueError(msg)
        index = np.unique(np.flatnonzero(index) if index.dtype == bool else index)
        if len(index) == 0:
            msg = f"The absorbing set {name!r} is empty; leave it out or give it states."
            raise ValueError(msg)
        if index.dtype.kind not in "iu" or index[0] < 0 or index[-1] >= n:
            msg = f"Expected indices between 0 and {n - 1} in {name!r}, found {index[0]} to {index[-1]}."
            raise ValueError(msg)
        if (taken[index] >= 0).any():
            other = list(sets)[taken[index].max()]
            msg = f"The absorbing sets {other!r} and {name!r} share {int((taken[index] >= 0).sum())} states."
            raise ValueError(msg)
        taken[index] = k
        sets[str(name)] = index.astype(np.int64)
    if not sets:
        msg = "Expected at least one absorbing set, found none."
        raise ValueError(msg)
    return sets


def can_reach(matrix: sparse.csr_array, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each state can reach any of the targets, by breadth-first search on the reversed edges."""
    n = matrix.shape[0]
    back = matrix.T.tocsr()
    # One further node with an edge to every target makes all targets the start of one search.
    source = sparse.csr_array((np.ones(len(targets)), (np.zeros(len(targets), int), targets)), shape=(1, n))
    joined = sparse.block_array([[back, None], [source, sparse.csr_array((1, 1))]], format="csr")
    order = csgraph.breadth_first_order(joined, n, directed=True, return_predecessors=False)
    found = np.zeros(n + 1, bool)
    found[order] = True
    return found[:n]
