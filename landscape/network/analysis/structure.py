"""What a network looks like as a whole: modules, loops, asymmetry, hubs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from landscape._random import RandomLike, generator
from landscape.network.data.expression import FloatArray


@dataclass(frozen=True)
class Modules:
    """A partition of the nodes and its signed modularity; ``converged`` if no move of one node improves it."""

    label: NDArray[np.int64]
    modularity: float
    converged: bool
    n_steps: int


@dataclass(frozen=True)
class DegreeNull:
    """A statistic of the network and of ``values.size`` rewired ones; ``p_value`` is one-sided, of values at least as high."""

    observed: float
    values: FloatArray
    p_value: float


def square(weights: ArrayLike, regulators: ArrayLike) -> FloatArray:
    """Weights among the regulators, shape ``(p, p)``, ``[regulator, target]``."""
    return np.asarray(weights, dtype=np.float64)[:, np.asarray(regulators, dtype=np.int64)]


def strongly_connected(adjacency: ArrayLike) -> list[NDArray[np.int64]]:
    """Sets of nodes that reach one another, largest first; single nodes only if they regulate themselves.

    Feedback, and with it several attractors or oscillation, exists only inside these sets.
    """
    matrix = sparse.csr_matrix(_square(adjacency) != 0)
    _, label = connected_components(matrix, directed=True, connection="strong")
    own = matrix.diagonal() != 0
    sets = [np.flatnonzero(label == which) for which in np.unique(label)]
    sets = [nodes for nodes in sets if len(nodes) > 1 or own[nodes[0]]]
    return sorted(sets, key=lambda nodes: (-len(nodes), int(nodes[0])))


def asymmetry(adjacency: ArrayLike) -> float:
    r"""Share of the antisymmetric part, :math:`\lVert W - W^\top \rVert_F / (2 \lVert W \rVert_F)` off the diagonal.

    0 for a symmetric network, which has an energy, :math:`1 / \sqrt 2` where no edge has a reverse, 1 for an antisymmetric one.
    """
    matrix = _square(adjacency).copy()
    np.fill_diagonal(matrix, 0.0)
    size = np.linalg.norm(matrix)
    return float(np.linalg.norm(matrix - matrix.T) / (2 * size)) if size > 0 else 0.0


def signed_modularity(adjacency: ArrayLike, label: ArrayLike) -> float:
    r"""Modularity of a directed network with negative edges.

    .. math:: Q = \frac{1}{w^+ + w^-} \sum_{ij} \left( W_{ij}
        - \frac{s_i^{+,out} s_j^{+,in}}{w^+} + \frac{s_i^{-,out} s_j^{-,in}}{w^-} \right) \delta(c_i, c_j)

    with :math:`w^\pm` the sums of positive and negative weights (magnitudes) and :math:`s^\pm` the strengths of nodes.

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
    """Partition of high signed modularity: nodes move, one at a time, to the module that gains most (Louvain's local phase).

    The best of ``n_starts`` orders of nodes is returned.
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
                pull = np.bincount(label, weights=both[node], minlength=len(gain))
                pull[label[node]] -= both[node, node]
                empty = np.setdiff1d(np.arange(len(gain)), label, assume_unique=False)
                options = np.append(np.unique(label), empty[:1])
                target = options[np.argmax(pull[options])]
                if pull[target] > pull[label[node]] + 1e-12:
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
    """A statistic against networks with the same degrees and signs but other partners.

    Parameters
    ----------
    adjacency
        Weights ``[regulator, target]``.
    statistic
        ``statistic(adjacency) -> float``.
    n_networks
        Rewired networks.
    n_swaps
        Swaps of targets tried per edge: edges ``a -> b`` and ``c -> d`` of one sign become ``a -> d`` and ``c -> b``.
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
        msg = f"Expected a square matrix of regulators, found shape {matrix.shape}; cut it with `square(weights, regulators)`."
        raise ValueError(msg)
    return np.asarray(matrix, dtype=np.float64)
