"""Directed chains of cells on the graph: down a potential, or along a velocity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from landscape.markov.graph import CellGraph

# Numbers in the differences of neighbours that are held at once: 32 MB.
BATCH_NUMBERS = 4_000_000


def flow_potential(
    graph: CellGraph, source: NDArray[np.int64], sinks: tuple[NDArray[np.int64], ...]
) -> NDArray[np.float64]:
    r"""Potential of a steady flow along the graph from a source to sinks of equal strength.

    .. math:: \sum_j \tilde K_{ij} (V_i - V_j) = b_i, \qquad \tilde K = Q^{-1/2} K Q^{-1/2}

    with :math:`b` one in total over the source, minus one in total over the sinks, and :math:`Q` the degrees. In the
    limit of many cells this is :math:`\nabla\cdot(p \nabla V) = -b p`, the balance of cells that drift down
    :math:`V` through the density :math:`p`.

    Parameters
    ----------
    graph
        Graph of cells; cells that the source does not reach get not-a-number.
    source, sinks
        Cells.

    References
    ----------
    Weinreb et al. (2018), *PNAS* 115, E2467. https://doi.org/10.1073/pnas.1714723115
    """
    if not sinks:
        msg = "Expected at least one end for the flow to go to, found none; give `terminal=` or another root."
        raise ValueError(msg)
    cells = np.flatnonzero(graph.component == graph.component[source[0]])
    weights = graph.weights[cells][:, cells]
    root = sparse.diags(np.asarray(weights.sum(1)).ravel() ** -0.5)
    kernel = root @ weights @ root
    b = np.zeros(len(graph.component))
    b[source] += 1 / len(source)
    for sink in sinks:
        b[sink] -= 1 / (len(sink) * len(sinks))
    b = b[cells]
    balance = laplacian(kernel)
    solution, info = poisson(balance, b, tolerance=1e-8)
    residual = float(np.linalg.norm(balance @ solution - b) / np.linalg.norm(b))
    if info or residual > 1e-5:
        msg = f"The flow along the graph did not converge (relative residual {residual:.1e})."
        raise ValueError(msg)
    potential = np.full(len(graph.component), np.nan)
    potential[cells] = solution - solution.mean()
    return potential


def laplacian(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """Degrees less weights, of a graph without self-loops."""
    return sparse.diags(np.asarray(weights.sum(1)).ravel()) - weights


def poisson(
    balance: sparse.csr_matrix, source: NDArray[np.float64], *, tolerance: float
) -> tuple[NDArray[np.float64], int]:
    """Solve a :func:`laplacian` for a source less its mean, by conjugate gradients: the solution and SciPy's status."""
    return cg(balance, source - source.mean(), rtol=tolerance, maxiter=20_000, M=sparse.diags(1 / balance.diagonal()))


def potential_kernel(graph: CellGraph, potential: NDArray[np.float64], *, sharpness: float = 2.0) -> sparse.csr_matrix:
    r"""Transition matrix that prefers neighbours of lower potential.

    .. math:: P_{ij} \propto \frac{K_{ij}}{1 + e^{-2\beta (V_i - V_j)/\delta_i}}

    with :math:`\delta_i` the root mean square of the differences to the neighbours of :math:`i`, so a typical step down
    is :math:`e^{2\beta}` times as likely as the same step up. A cell without potential stays where it is.

    Parameters
    ----------
    graph
        Graph of cells.
    potential
        Shape ``(n,)``; not-a-number where unknown.
    sharpness
        :math:`\beta`.
    """
    edges = graph.weights.tocoo()
    fall = potential[edges.row] - potential[edges.col]
    known = np.isfinite(fall)
    row, col, weight, fall = edges.row[known], edges.col[known], edges.data[known], fall[known]
    n = len(potential)
    mean_square = np.bincount(row, weight * fall**2, n) / np.maximum(np.bincount(row, weight, n), 1e-300)
    scale = np.sqrt(np.maximum(mean_square, 1e-300))
    return _stochastic(row, col, weight * _logistic(2 * sharpness * fall / scale[row]), n)


def undirected_kernel(graph: CellGraph) -> sparse.csr_matrix:
    """Transition matrix of a walk along the graph without direction: what chains are told from."""
    return potential_kernel(graph, np.zeros(len(graph.component)))


def velocity_kernel(
    graph: CellGraph,
    coordinates: NDArray[np.float64],
    velocity: NDArray[np.float64],
    *,
    sharpness: float = 2.0,
) -> sparse.csr_matrix:
    r"""Transition matrix that prefers neighbours in the direction of the velocity.

    .. math:: P_{ij} \propto \frac{K_{ij}}{1 + e^{-2\beta \cos(v_i,\, y_j - y_i)/\delta_i}}

    with :math:`\delta_i` the root mean square of the cosines to the neighbours, as in :func:`potential_kernel`. A cell
    without velocity moves to its neighbours without preference.

    Parameters
    ----------
    graph
        Graph of cells.
    coordinates, velocity
        Shape ``(n, k)``.
    sharpness
        :math:`\beta`.
    """
    edges = graph.weights.tocoo()
    cosine = np.empty(edges.nnz)
    speed = np.linalg.norm(velocity, axis=1)
    batch = max(1, BATCH_NUMBERS // coordinates.shape[1])
    for start in range(0, edges.nnz, batch):
        part = slice(start, start + batch)
        i, j = edges.row[part], edges.col[part]
        step = coordinates[j] - coordinates[i]
        length = np.linalg.norm(step, axis=1) * speed[i]
        cosine[part] = np.einsum("ek,ek->e", velocity[i], step) / np.where(length > 0, length, np.inf)
    n = len(speed)
    mean_square = np.bincount(edges.row, edges.data * cosine**2, n) / np.bincount(edges.row, edges.data, n)
    scale = np.sqrt(np.where(mean_square > 0, mean_square, 1.0))
    return _stochastic(edges.row, edges.col, edges.data * _logistic(2 * sharpness * cosine / scale[edges.row]), n)


def _logistic(h: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(h, -60, 60)))


def _stochastic(
    row: NDArray[np.int64], col: NDArray[np.int64], weight: NDArray[np.float64], n: int
) -> sparse.csr_matrix:
    total = np.bincount(row, weight, n)
    lonely = np.flatnonzero(total == 0)
    row, col = np.r_[row, lonely], np.r_[col, lonely]
    weight = np.r_[weight, np.ones(len(lonely))]
    total[lonely] = 1.0
    return sparse.csr_matrix((weight / total[row], (row, col)), shape=(n, n))
