"""The graph of cells: neighbours, slow components, and ends of the manifold."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra, reverse_cuthill_mckee
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellGraph:
    """Neighbours of cells.

    Attributes
    ----------
    weights
        Symmetric similarities, shape ``(n, n)``.
    distances
        Distances of the same pairs.
    n_components
        Number of connected components.
    component
        Component of each cell, shape ``(n,)``, the largest first.
    """

    weights: sparse.csr_matrix
    distances: sparse.csr_matrix
    n_components: int
    component: NDArray[np.int64]


def neighbor_graph(coordinates: NDArray[np.float64], *, n_neighbors: int = 30) -> CellGraph:
    r"""Symmetric graph of nearest neighbours with a Gaussian kernel of local width.

    .. math:: K_{ij} = e^{-|z_i - z_j|^2 / (\sigma_i \sigma_j)}

    with :math:`\sigma_i` the distance of cell :math:`i` to its ``n_neighbors / 3``-th neighbour; pairs that are
    neighbours one way only count half.

    Parameters
    ----------
    coordinates
        Shape ``(n, k)``, such as the latent variables.
    n_neighbors
        Neighbours of each cell without itself, less than :math:`n`.

    Raises
    ------
    ValueError
        If a coordinate is not finite or there are no more cells than neighbours.

    References
    ----------
    Zelnik-Manor & Perona (2004), *NeurIPS* 17, 1601.
    """
    n = len(coordinates)
    if not np.isfinite(coordinates).all():
        msg = f"Expected finite coordinates, found {np.count_nonzero(~np.isfinite(coordinates))} that are not."
        raise ValueError(msg)
    if n <= n_neighbors:
        msg = f"Expected more cells than `n_neighbors={n_neighbors}`, found {n}; lower `n_neighbors`."
        raise ValueError(msg)
    distance, index = _nearest(coordinates, n_neighbors)
    width = np.maximum(distance[:, max(n_neighbors // 3, 1) - 1], 1e-12)
    weight = np.exp(-(distance**2) / (width[:, None] * width[index]))
    rows = np.repeat(np.arange(n), n_neighbors)
    one_way = sparse.csr_matrix((weight.ravel(), (rows, index.ravel())), shape=(n, n))
    weights = ((one_way + one_way.T) / 2).tocsr()
    lengths = sparse.csr_matrix((np.maximum(distance, 1e-12).ravel(), (rows, index.ravel())), shape=(n, n))
    count, component = connected_components(weights, directed=False)
    order = np.argsort(-np.bincount(component), kind="stable")
    if count > 1:
        logger.warning("the graph of cells has %d components of sizes %s", count, np.bincount(component)[order][:5])
    return CellGraph(weights, lengths.maximum(lengths.T).tocsr(), int(count), np.argsort(order)[component])


def _nearest(coordinates: NDArray[np.float64], n_neighbors: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances and indices of the nearest neighbours of each cell, without itself, both of shape ``(n, n_neighbors)``.

    Cells are put in the order of the leaves of a tree first: neighbours then lie near each other in memory, which for
    100,000 cells is four times as fast.
    """
    order = cKDTree(coordinates).indices
    tree = cKDTree(coordinates[order])
    distance, index = tree.query(coordinates[order], n_neighbors + 1)
    # Where several cells are at one place, a cell need not be its own first neighbour, or be among them at all.
    itself = index == np.arange(len(order))[:, None]
    itself[~itself.any(1), -1] = True
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    shape = (len(order), n_neighbors)
    return distance[~itself].reshape(shape)[back], order[index[~itself]].reshape(shape)[back]


def slow_components(graph: CellGraph, n_components: int = 15) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Slowest eigenvectors of diffusion on the graph, freed of the density of cells.

    The kernel is divided by its degrees on both sides (:math:`\alpha = 1`), so that its limit is the
    Laplace-Beltrami operator of the manifold.

    Parameters
    ----------
    graph
        Connected graph of cells.
    n_components
        Number of components, the constant one included.

    Returns
    -------
    Eigenvalues, shape ``(n_components,)``, the largest first; and right eigenvectors, shape ``(n, n_components)``, the
    first one constant.

    References
    ----------
    Coifman & Lafon (2006), *Appl. Comput. Harmon. Anal.* 21, 5. https://doi.org/10.1016/j.acha.2006.04.006
    """
    inverse = sparse.diags(1 / np.asarray(graph.weights.sum(1)).ravel())
    kernel = inverse @ graph.weights @ inverse
    root = sparse.diags(np.asarray(kernel.sum(1)).ravel() ** -0.5)
    n = graph.weights.shape[0]
    symmetric = sparse.csr_matrix(root @ kernel @ root)
    # Neighbours that lie near each other in memory halve the cost of a product.
    near = reverse_cuthill_mckee(symmetric, symmetric_mode=True)
    values, found = eigsh(symmetric[near][:, near], k=min(n_components, n - 2), which="LA", v0=np.ones(n))
    order = np.argsort(-values)
    vectors = np.empty_like(found)
    vectors[near] = found[:, order]
    return values[order], vectors / vectors[:, [0]]


def simplex_memberships(vectors: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    r"""Memberships of cells in the corners of the simplex that slow eigenvectors span (inner simplex algorithm).

    Parameters
    ----------
    vectors
        Eigenvectors of shape ``(n, r)``, the first one constant.

    Returns
    -------
    The corners, shape ``(r,)``, and memberships :math:`\chi` of shape ``(n, r)``: one at a corner, rows sum to one.

    References
    ----------
    Weber & Galliat (2002), *ZIB Report* 02-12; Roeblitz & Weber (2013), https://doi.org/10.1007/s11634-013-0134-6
    """
    n_corners = vectors.shape[1]
    corners = [int(np.argmax((vectors[:, 1:] ** 2).sum(1)))]
    rest = vectors - vectors[corners[0]]
    for _ in range(1, n_corners):
        corner = int(np.argmax((rest**2).sum(1)))
        corners.append(corner)
        axis = rest[corner] / np.linalg.norm(rest[corner])
        rest = rest - np.outer(rest @ axis, axis)
    return np.array(corners), vectors @ np.linalg.inv(vectors[corners])


def manifold_corners(
    graph: CellGraph, *, max_ends: int = 15, crispness: float = -0.5
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Corners of the simplex that the slow components span: the most for which no membership is below ``crispness``.

    Returns
    -------
    Eigenvalues and eigenvectors of :func:`slow_components`, the corners, and the memberships in them.
    """
    values, vectors = slow_components(graph, max_ends + 1)
    corners, chi = simplex_memberships(vectors[:, :2])
    for r in range(3, vectors.shape[1] + 1):
        candidates, memberships = simplex_memberships(vectors[:, :r])
        if memberships.min() >= crispness:
            corners, chi = candidates, memberships
    return values, vectors, corners, chi


@dataclass(frozen=True)
class Ends:
    """Ends of the manifold of cells.

    Attributes
    ----------
    terminal
        Cells of each end, one array per end.
    corners
        All corners of the simplex.
    crispness
        Smallest membership; 0 for a perfect simplex.
    transit
        Corners that lie on the way to another one, or at the root.
    """

    terminal: tuple[NDArray[np.int64], ...]
    corners: NDArray[np.int64]
    crispness: float
    transit: NDArray[np.int64]


def find_ends(
    graph: CellGraph,
    root: NDArray[np.int64],
    *,
    n_cells: int = 20,
    max_ends: int = 15,
    crispness: float = -0.5,
    detour: float = 0.2,
) -> Ends:
    r"""Find where the manifold of cells ends, away from its root.

    The slow eigenvectors of diffusion span a simplex whose corners are the ends (PCCA+). The number of corners is
    the largest for which no membership falls below ``crispness``. A corner :math:`k` is no end but a passage if the
    way from the root :math:`r` to a corner :math:`j` farther off leads through it,

    .. math:: d(r, k) + d(k, j) \le (1 + \mathrm{detour})\, d(r, j)

    in distances along the graph, measured in the slow eigenvectors times :math:`\lambda/(1 - \lambda)`.

    Parameters
    ----------
    graph
        Graph of cells.
    root
        Cells of the root.
    n_cells
        Cells that make up an end: those with the largest membership.
    max_ends
        Largest number of corners.
    crispness, detour
        As above.
    """
    member = graph.component == graph.component[root[0]]
    cells = np.flatnonzero(member)
    inner = restricted(graph, cells)
    values, vectors, corners, chi = manifold_corners(inner, max_ends=max_ends, crispness=crispness)
    places = np.searchsorted(cells, root[np.isin(root, cells)])
    slow = slice(1, len(corners))
    lengths = _lengths(inner, vectors[:, slow] * (values[slow] / (1 - values[slow])))
    # The lengths are symmetric, and taken as directed they are walked through once, not twice.
    to_root = dijkstra(lengths, indices=places, min_only=True)
    ends, transit = [], []
    reach = np.median(to_root)
    for k, corner in enumerate(corners):
        farther = corners[to_root[corners] > to_root[corner]]
        # How much of a detour a way through this corner may have left; no way that is longer needs to be known.
        allowed = (1 + detour) * to_root[farther] - to_root[corner]
        onward = dijkstra(lengths, indices=corner, limit=allowed.max(initial=0.0))[farther]
        if (onward <= allowed).any() or to_root[corner] < 0.25 * reach:
            transit.append(int(cells[corner]))
        else:
            ends.append(cells[np.argsort(-chi[:, k], kind="stable")[:n_cells]])
    logger.info("found %d ends of the manifold (%d corners, crispness %.2f)", len(ends), len(corners), chi.min())
    return Ends(tuple(ends), cells[corners], float(chi.min()), np.array(transit, dtype=np.int64))


def _lengths(graph: CellGraph, coordinates: NDArray[np.float64]) -> sparse.csr_matrix:
    """Lengths of the graph's edges in given coordinates."""
    edges = graph.weights.tocoo()
    length = np.linalg.norm(coordinates[edges.row] - coordinates[edges.col], axis=1)
    return sparse.csr_matrix((np.maximum(length, 1e-12), (edges.row, edges.col)), shape=edges.shape)


def restricted(graph: CellGraph, cells: NDArray[np.int64]) -> CellGraph:
    """Graph of some of the cells, those of one component."""
    if len(cells) == len(graph.component):
        return graph
    weights, distances = (m[cells][:, cells].tocsr() for m in (graph.weights, graph.distances))
    return CellGraph(weights, distances, 1, np.zeros(len(cells), dtype=np.int64))
