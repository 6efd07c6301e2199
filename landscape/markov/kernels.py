"""Transition matrices on the graph of cells: down a potential, along a velocity, or undirected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from landscape._numbers import TINY
from landscape.markov.graph import CellGraph

# Differences of coordinates between neighbours that are in memory at once: 32 MB.
MAX_DIFFERENCES = 4_000_000
# Relative residual that conjugate gradients aim for, and the largest one that is accepted where rounding stops them.
FLOW_TOLERANCE, MAX_FLOW_RESIDUAL = 1e-8, 1e-5
# Limit of the iterations of conjugate gradients.
MAX_ITERATIONS = 20_000
# Arguments of the logistic function are clipped here, far beyond where it is 0 or 1 in double precision.
MAX_LOGIT = 60


def flow_potential(
    graph: CellGraph,
    source: NDArray[np.int64],
    sinks: tuple[NDArray[np.int64], ...],
    *,
    shares: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    r"""Potential of a steady flow along the graph from a source to sinks.

    .. math:: \sum_j \tilde K_{ij} (V_i - V_j) = b_i, \qquad \tilde K = Q^{-1/2} K Q^{-1/2}

    where :math:`b` sums to one over the source and to minus one over the sinks, and :math:`Q` are the degrees. In the
    limit of many cells this is :math:`\nabla\cdot(p \nabla V) = -b p`, the population balance of cells with density
    :math:`p` that drift down :math:`V`.

    Parameters
    ----------
    graph
        Graph of cells.
    source, sinks
        Indices of the cells of the source and of each sink.
    shares
        Share of the flow that leaves at each sink, sum 1; equal by default.

    Returns
    -------
    :math:`V`, shape ``(n,)``, with mean zero; NaN for cells that are not connected to the source.

    Raises
    ------
    ValueError
        If there is no sink, or the linear system does not converge.

    References
    ----------
    Weinreb et al. (2018), *PNAS* 115, E2467. https://doi.org/10.1073/pnas.1714723115
    """
    if not sinks:
        msg = "Expected at least one sink of the flow, found none; name terminal states or another root."
        raise ValueError(msg)
    cells = np.flatnonzero(graph.component == graph.component[source[0]])
    weights = graph.weights[cells][:, cells]
    root = sparse.diags(np.asarray(weights.sum(1)).ravel() ** -0.5)
    kernel = root @ weights @ root
    b = np.zeros(len(graph.component))
    b[source] += 1 / len(source)
    strength = np.full(len(sinks), 1 / len(sinks)) if shares is None else shares
    for sink, share in zip(sinks, strength, strict=True):
        b[sink] -= share / len(sink)
    b = b[cells]
    balance = laplacian(kernel)
    solution, info = poisson(balance, b, tolerance=FLOW_TOLERANCE)
    residual = float(np.linalg.norm(balance @ solution - b) / np.linalg.norm(b))
    if info or residual > MAX_FLOW_RESIDUAL:
        msg = f"The linear system of the flow along the graph did not converge (relative residual {residual:.1e})."
        raise ValueError(msg)
    potential = np.full(len(graph.component), np.nan)
    potential[cells] = solution - solution.mean()
    return potential


def laplacian(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """Graph Laplacian, degrees minus weights, of a graph without self-loops."""
    return sparse.diags(np.asarray(weights.sum(1)).ravel()) - weights


def poisson(
    balance: sparse.csr_matrix, source: NDArray[np.float64], *, tolerance: float
) -> tuple[NDArray[np.float64], int]:
    """Solve the Poisson equation of a graph by conjugate gradients.

    Parameters
    ----------
    balance
        :func:`laplacian` of the graph, shape ``(n, n)``.
    source
        Right-hand side, shape ``(n,)``; its mean is subtracted.
    tolerance
        Relative residual.

    Returns
    -------
    The solution and SciPy's status, zero where it converged.
    """
    return cg(
        balance, source - source.mean(), rtol=tolerance, maxiter=MAX_ITERATIONS, M=sparse.diags(1 / balance.diagonal())
    )


def potential_kernel(graph: CellGraph, potential: NDArray[np.float64], *, sharpness: float = 2.0) -> sparse.csr_matrix:
    r"""Transition matrix that prefers neighbours of lower potential.

    .. math:: P_{ij} \propto \frac{K_{ij}}{1 + e^{-2\beta (V_i - V_j)/\delta_i}}

    with :math:`\delta_i` the root mean square difference to the neighbours of :math:`i`: a typical step down is
    :math:`e^{2\beta}` times as likely as the same step up. A cell without a potential is absorbing.

    Parameters
    ----------
    graph
        Graph of cells.
    potential
        :math:`V`, shape ``(n,)``; NaN where unknown.
    sharpness
        :math:`\beta`.
    """
    edges = graph.weights.tocoo()
    fall = potential[edges.row] - potential[edges.col]
    known = np.isfinite(fall)
    row, col, weight, fall = edges.row[known], edges.col[known], edges.data[known], fall[known]
    n = len(potential)
    mean_square = np.bincount(row, weight * fall**2, n) / np.maximum(np.bincount(row, weight, n), TINY)
    scale = np.sqrt(np.maximum(mean_square, TINY))
    return _stochastic(row, col, weight * _logistic(2 * sharpness * fall / scale[row]), n)


def undirected_kernel(graph: CellGraph) -> sparse.csr_matrix:
    """Transition matrix of the undirected random walk on the graph, with which directed chains are compared."""
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

    with the states :math:`y`, their velocities :math:`v`, and :math:`\delta_i` the root mean square cosine over the
    neighbours, as in :func:`potential_kernel`. A cell without velocity moves as in the undirected random walk.

    Parameters
    ----------
    graph
        Graph of cells.
    coordinates, velocity
        :math:`y` and :math:`v`, shape ``(n, k)``.
    sharpness
        :math:`\beta`.
    """
    edges = graph.weights.tocoo()
    cosine = np.empty(edges.nnz)
    speed = np.linalg.norm(velocity, axis=1)
    batch = max(1, MAX_DIFFERENCES // coordinates.shape[1])
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
    return 1 / (1 + np.exp(-np.clip(h, -MAX_LOGIT, MAX_LOGIT)))


def _stochastic(
    row: NDArray[np.int64], col: NDArray[np.int64], weight: NDArray[np.float64], n: int
) -> sparse.csr_matrix:
    """Rows divided by their sums; a state without transitions stays where it is."""
    total = np.bincount(row, weight, n)
    isolated = np.flatnonzero(total == 0)
    row, col = np.r_[row, isolated], np.r_[col, isolated]
    weight = np.r_[weight, np.ones(len(isolated))]
    total[isolated] = 1.0
    return sparse.csr_matrix((weight / total[row], (row, col)), shape=(n, n))
