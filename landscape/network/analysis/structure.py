"""Structure of a network: feedback, modules, asymmetry, and null models with the same degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from landscape._random import RandomLike, generator
from landscape.network.data.arrays import FloatArray

#: A node moves only if the modularity, of order 1, increases by more than rounding.
MIN_GAIN = 1e-12


@dataclass(frozen=True)
class Modules:
    """A partition of the nodes.

    Attributes
    ----------
    label
        Module of every node.
    modularity
        Signed modularity of the partition.
    converged
        Whether no move of a single node increases it.
    n_steps
        Number of sweeps over the nodes.
    """

    label: NDArray[np.int64]
    modularity: float
    converged: bool
    n_steps: int


@dataclass(frozen=True)
class DegreeNull:
    """A statistic against its null distribution.

    Attributes
    ----------
    observed
        Statistic of the network.
    values
        Statistic of every rewired network.
    p_value
        One-sided p value: share of networks, the observed one included, whose statistic is at least as large.
    """

    observed: float
    values: FloatArray
    p_value: float


def regulator_submatrix(weights: ArrayLike, regulators: ArrayLike) -> FloatArray:
    """Weights between regulators, shape ``(p, p)``, ``[regulator, target]``."""
    return np.asarray(weights, dtype=np.float64)[:, np.asarray(regulators, dtype=np.int64)]


def strongly_connected(adjacency: ArrayLike) -> list[NDArray[np.int64]]:
    """Strongly connected components, the largest first; single nodes only if they regulate themselves.

    Feedback exists only inside these components, and with it several attractors or oscillations.
    """
    matrix = sparse.csr_matrix(_square(adjacency) != 0)
    _, label = connected_components(matrix, directed=True, connection="strong")
    own = matrix.diagonal() != 0
    sets = [np.flatnonzero(label == which) for which in np.unique(label)]
    sets = [nodes for nodes in sets if len(nodes) > 1 or own[nodes[0]]]
    return sorted(sets, key=lambda nodes: (-len(nodes), int(nodes[0])))


def antisymmetric_share(adjacency: ArrayLike) -> float:
    r"""Share of the antisymmetric part, :math:`\lVert W - W^\top \rVert_F / (2 \lVert W \rVert_F)` off the diagonal.

    0 for a symmetric network, which has an energy; :math:`1 / \sqrt 2` if no edge has a reverse; 1 for an antisymmetric one.
    """
    matrix = _square(adjacency).copy()
    np.fill_diagonal(matrix, 0.0)
    size = np.linalg.norm(matrix)
    return float(np.linalg.norm(matrix - matrix.T) / (2 * size)) if size > 0 else 0.0


def signed_modularity(adjacency: ArrayLike, label: ArrayLike) -> float:
    r"""Modularity of a directed network with negative edges.

    .. math:: Q = \frac{1}{w^+ + w^-} \sum_{ij} \left( W_{ij}
        - \frac{s_i^{+,out} s_j^{+,in}}{w^+} + \frac{s_i^{-,out} s_j^{-,in}}{w^-} \right) \delta(c_i, c_j)

    with the sums :math:`w^\pm` of the magnitudes of positive and negative weights, and the strengths :math:`s^\pm` of nodes
    [1]_.

    References
    ----------
    .. [1] Gomez, Jensen and Arenas (2009), *Phys Rev E* 80, 016114. https://doi.org/10.1103/PhysRevE.80.016114
    """
    matrix = _square(adjacency)
    group = np.asarray(label)
    if group.shape != (len(matrix),):
        msg = f"Expected {len(matrix)} labels, found shape {group.shape}."
        raise ValueError(msg)
    gain = _modularity_matrix(matrix)
    same = group[:, None] == group
    return float(gain[same].sum())


def modules(adjacency: ArrayLike, *, rng: RandomLike = 0, n_starts: int = 10, max_sweeps: int = 200) -> Modules:
    """Partition of high signed modularity, by the local phase of the Louvain algorithm.

    Every node in turn moves to the module that increases the modularity most. The best of ``n_starts`` random orders of the
    nodes is returned.

    Parameters
    ----------
    adjacency
        Weights ``[regulator, target]``.
    rng
        Seed or generator.
    n_starts
        Number of random orders.
    max_sweeps
        Largest number of sweeps over the nodes.

    Raises
    ------
    ValueError
        If ``n_starts`` is below 1.
    """
    gain = _modularity_matrix(_square(adjacency))
    both = gain + gain.T
    random = generator(rng)
    best: Modules | None = None
    for _ in range(n_starts):
        label = np.arange(len(gain))
        moved, sweep = True, 0
        while moved and sweep < max_sweeps:
            moved, sweep = False, sweep + 1
            for node in random.permutation(len(gain)):
                change = np.bincount(label, weights=both[node], minlength=len(gain))
                change[label[node]] -= both[node, node]
                empty = np.setdiff1d(np.arange(len(gain)), label, assume_unique=False)
                options = np.append(np.unique(label), empty[:1])
                target = options[np.argmax(change[options])]
                if change[target] > change[label[node]] + MIN_GAIN:
                    label[node], moved = target, True
        found = np.unique(label, return_inverse=True)[1]
        value = float(gain[found[:, None] == found].sum())
        if best is None or value > best.modularity:
            best = Modules(found, value, not moved, sweep)
    if best is None:
        msg = f"Expected `n_starts` of at least 1, found {n_starts}."
        raise ValueError(msg)
    return best


def degree_null(
    adjacency: ArrayLike, statistic: object, *, n_networks: int = 100, n_swaps: int = 10, rng: RandomLike = 0
) -> DegreeNull:
    """Compare a statistic with that of random networks with the same degrees and signs.

    Parameters
    ----------
    adjacency
        Weights ``[regulator, target]``.
    statistic
        ``statistic(adjacency) -> float``.
    n_networks
        Number of random networks.
    n_swaps
        Swaps tried per edge: edges ``a -> b`` and ``c -> d`` of the same sign become ``a -> d`` and ``c -> b``.
    rng
        Seed or generator.
    """
    if not callable(statistic):
        msg = f"Expected `statistic` to be a function, found {type(statistic).__name__}."
        raise TypeError(msg)
    matrix = _square(adjacency)
    random = generator(rng)
    observed = float(statistic(matrix))
    values = np.array([float(statistic(_rewired(matrix, n_swaps, random))) for _ in range(n_networks)])
    return DegreeNull(observed, values, float((1 + (values >= observed).sum()) / (1 + n_networks)))


def _rewired(matrix: FloatArray, n_swaps: int, rng: np.random.Generator) -> FloatArray:
    result = matrix.copy()
    rows, columns = np.nonzero(result)
    for first, second in rng.integers(len(rows), size=(n_swaps * len(rows), 2)) if len(rows) else ():
        a, b, c, d = rows[first], columns[first], rows[second], columns[second]
        one, other = result[a, b], result[c, d]
        loops = a in (b, d) or c in (b, d)
        if loops or one * other <= 0 or result[a, d] or result[c, b]:
            continue
        result[a, b] = result[c, d] = 0.0
        result[a, d], result[c, b] = one, other
        columns[first], columns[second] = d, b
    return result


def _modularity_matrix(matrix: FloatArray) -> FloatArray:
    total = np.abs(matrix).sum()
    if total == 0:
        return np.zeros_like(matrix)
    expected = np.zeros_like(matrix)
    for sign in (1.0, -1.0):
        part = np.maximum(sign * matrix, 0.0)
        if part.sum() > 0:
            expected += sign * np.outer(part.sum(axis=1), part.sum(axis=0)) / part.sum()
    return (matrix - expected) / total


def _square(adjacency: Any) -> FloatArray:
    matrix = adjacency.toarray() if sparse.issparse(adjacency) else np.asarray(adjacency, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        msg = f"Expected a square matrix of regulators, found shape {matrix.shape}; take `landscape.network.regulator_submatrix(weights, regulators)`."
        raise ValueError(msg)
    return np.asarray(matrix, dtype=np.float64)
