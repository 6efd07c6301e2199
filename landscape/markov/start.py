"""The start of a directed chain, where no source names it, and a chain that leads on from there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape.markov.ends import find_ends
from landscape.markov.graph import MIN_LENGTH, CellGraph
from landscape.markov.kernels import flow_potential, laplacian, poisson, potential_kernel, undirected_kernel

# Weight of the flow to the ends in a chain that is led on from its start; the rest is that of the chain itself.
FLOW_SHARE = 0.5
# Fewest cells of a start.
MIN_CELLS = 20
# Relative residual of the projection; only the order of its lowest values is used.
TOLERANCE = 1e-6


def find_start(
    graph: CellGraph, transitions: sparse.csr_matrix, coordinates: NDArray[np.float64], *, share: float = 0.02
) -> NDArray[np.int64]:
    r"""Cells where a directed chain starts.

    The mean steps of the chain beyond those of the undirected chain :math:`P_0`, :math:`u = (P - P_0) z`, are projected
    on gradients along the graph,

    .. math:: \min_\psi \sum_{ij} K_{ij} \Big(\psi_j - \psi_i -
              \frac{(u_i + u_j) \cdot (z_j - z_i)}{2 |z_j - z_i|}\Big)^2,

    a least-squares problem over the directions of all cells. The start is where :math:`\psi` is lowest.

    Parameters
    ----------
    graph
        Graph of cells; the start is looked for in its largest component.
    transitions
        :math:`P`, shape ``(n, n)``.
    coordinates
        :math:`z`, shape ``(n, k)``.
    share
        Share of the cells that make up the start, twenty cells at least.

    Returns
    -------
    Indices of the cells.

    Raises
    ------
    ValueError
        If the linear system does not converge.

    References
    ----------
    Jiang et al. (2011), *Math. Program.* 127, 203. https://doi.org/10.1007/s10107-010-0419-x
    """
    n = len(coordinates)
    steps = transitions @ coordinates - undirected_kernel(graph) @ coordinates
    inside = graph.component == 0
    edges = graph.weights.tocoo()
    displacement = coordinates[edges.col] - coordinates[edges.row]
    length = np.maximum(np.linalg.norm(displacement, axis=1), MIN_LENGTH)
    along = edges.data * 0.5 * ((steps[edges.row] + steps[edges.col]) * displacement).sum(1) / length
    source = 0.5 * (np.bincount(edges.col, along, n) - np.bincount(edges.row, along, n))
    weights = graph.weights[inside][:, inside]
    potential, info = poisson(laplacian(weights), source[inside], tolerance=TOLERANCE)
    if info:
        msg = (
            "The direction could not be projected on gradients of the graph: the linear system did not converge; add a "
            "root with `landscape.dynamics.from_root`."
        )
        raise ValueError(msg)
    return np.flatnonzero(inside)[np.argsort(potential, kind="stable")[: max(MIN_CELLS, int(share * n))]]


def with_flow_to_ends(graph: CellGraph, transitions: sparse.csr_matrix, start: NDArray[np.int64]) -> sparse.csr_matrix:
    """Mean of a chain and of the steady flow from a start to the ends of the manifold.

    Where local directions are uncertain, a chain of them alone leaves its start slowly.

    Parameters
    ----------
    graph
        Graph of cells.
    transitions
        Directed chain, shape ``(n, n)``, rows summing to one.
    start
        Cells of the start.

    Returns
    -------
    Transition matrix of shape ``(n, n)``.
    """
    ends = find_ends(graph, start)
    flow = potential_kernel(graph, flow_potential(graph, start, ends.terminal, shares=ends.shares))
    return ((1 - FLOW_SHARE) * transitions + FLOW_SHARE * flow).tocsr()
