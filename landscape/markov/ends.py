"""Where the manifold of cells ends: the corners that its diffusion components span (PCCA+)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from landscape.markov.diffusion_map import diffusion_components
from landscape.markov.graph import MIN_LENGTH, CellGraph, subgraph

logger = logging.getLogger(__name__)

# A corner nearer to the root than this share of the median distance is the root itself and no end.
NEAR_ROOT = 0.25


def simplex_memberships(vectors: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    r"""Memberships of cells in the corners of a simplex of diffusion components (inner simplex algorithm).

    Parameters
    ----------
    vectors
        Diffusion components, shape ``(n, r)``, the first one constant.

    Returns
    -------
    One cell at each corner, shape ``(r,)``, and memberships :math:`\chi`, shape ``(n, r)``: one at a corner, rows sum to
    one.

    References
    ----------
    Weber & Galliat (2002), *ZIB Report* 02-12; Roeblitz & Weber (2013), https://doi.org/10.1007/s11634-013-0134-6
    """
    n_corners = vectors.shape[1]
    corners = [int(np.argmax((vectors[:, 1:] ** 2).sum(1)))]
    residual = vectors - vectors[corners[0]]
    for _ in range(1, n_corners):
        corner = int(np.argmax((residual**2).sum(1)))
        corners.append(corner)
        axis = residual[corner] / np.linalg.norm(residual[corner])
        residual = residual - np.outer(residual @ axis, axis)
    return np.array(corners), vectors @ np.linalg.inv(vectors[corners])


def manifold_corners(
    graph: CellGraph, *, max_ends: int = 15, crispness: float = -0.5
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Corners of the manifold of cells: the largest simplex in which no membership is below ``crispness``.

    Parameters
    ----------
    graph
        Connected graph of cells.
    max_ends
        Largest number of corners.
    crispness
        Smallest membership that is allowed; 0 is a perfect simplex.

    Returns
    -------
    Eigenvalues and vectors of :func:`~landscape.markov.diffusion_map.diffusion_components`, the corners, and the
    memberships in them.
    """
    values, vectors = diffusion_components(graph, max_ends + 1)
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
        Smallest membership of a cell in a corner; 0 for a perfect simplex.
    transit
        Corners that are no ends: those on a path from the root to a farther corner, and the root itself.
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

    The slowest diffusion components span a simplex whose corners are candidates (PCCA+). The number of corners is the
    largest for which no membership is below ``crispness``. A corner :math:`k` is passed through, and no end, if a path
    from the root :math:`r` to a farther corner :math:`j` leads through it,

    .. math:: d(r, k) + d(k, j) \le (1 + \mathrm{detour})\, d(r, j)

    with distances along the graph in diffusion components scaled by :math:`\lambda/(1 - \lambda)`.

    Parameters
    ----------
    graph
        Graph of cells.
    root
        Cells of the root.
    n_cells
        Number of cells of an end: those with the largest membership.
    max_ends
        Largest number of corners.
    crispness, detour
        Smallest membership, and relative detour, as above.

    Returns
    -------
    Ends with all corners.

    References
    ----------
    Roeblitz & Weber (2013), *Adv. Data Anal. Classif.* 7, 147. https://doi.org/10.1007/s11634-013-0134-6
    """
    member = graph.component == graph.component[root[0]]
    cells = np.flatnonzero(member)
    inner = subgraph(graph, cells)
    values, vectors, corners, chi = manifold_corners(inner, max_ends=max_ends, crispness=crispness)
    places = np.searchsorted(cells, root[np.isin(root, cells)])
    slow = slice(1, len(corners))
    lengths = _lengths(inner, vectors[:, slow] * (values[slow] / (1 - values[slow])))
    # The lengths are symmetric; as a directed graph they are traversed once instead of twice.
    to_root = dijkstra(lengths, indices=places, min_only=True)
    ends, transit = [], []
    reach = np.median(to_root)
    for k, corner in enumerate(corners):
        farther = corners[to_root[corners] > to_root[corner]]
        # Distance that is left for the path from this corner onwards. Longer paths need not be computed.
        allowed = (1 + detour) * to_root[farther] - to_root[corner]
        onward = dijkstra(lengths, indices=corner, limit=allowed.max(initial=0.0))[farther]
        if (onward <= allowed).any() or to_root[corner] < NEAR_ROOT * reach:
            transit.append(int(cells[corner]))
        else:
            ends.append(cells[np.argsort(-chi[:, k], kind="stable")[:n_cells]])
    logger.info("found %d ends of the manifold (%d corners, crispness %.2f)", len(ends), len(corners), chi.min())
    return Ends(tuple(ends), cells[corners], float(chi.min()), np.array(transit, dtype=np.int64))


def _lengths(graph: CellGraph, coordinates: NDArray[np.float64]) -> sparse.csr_matrix:
    """Lengths of the graph's edges in given coordinates."""
    edges = graph.weights.tocoo()
    length = np.linalg.norm(coordinates[edges.row] - coordinates[edges.col], axis=1)
    return sparse.csr_matrix((np.maximum(length, MIN_LENGTH), (edges.row, edges.col)), shape=edges.shape)
