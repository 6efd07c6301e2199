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
# A detour is compared with the way to the farther end, and with no more than this multiple of the way to the nearer one.
SHORT_ARM = 1.5


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
        Cells of each end, one array per end, from the farthest one on; the arrays are disjoint.
    shares
        Share of a steady flow from the root that leaves at each end, shape ``(n_ends,)``, sum 1.
    corners
        All corners of the simplex.
    crispness
        Smallest membership of a cell in a corner; 0 for a perfect simplex.
    transit
        Corners that are no ends: those on a path from the root to a farther end, and the root itself.
    """

    terminal: tuple[NDArray[np.int64], ...]
    shares: NDArray[np.float64]
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
    largest for which no membership is below ``crispness``. From the farthest one on, a corner :math:`k` is passed through,
    and no end, if the way from the root :math:`r` to an end :math:`j` hardly grows when it leads through it,

    .. math:: d(r, k) + d(k, j) - d(r, j) \le \mathrm{detour} \cdot \min\{d(r, j), 1.5\, d(r, k)\}

    with distances along the graph in diffusion components scaled by :math:`\lambda/(1 - \lambda)`. On a tree half of the left
    side is the part of its way that the corner has for itself. With the default an end has at least a tenth of its way for
    itself beside an arm of its own length, and at most 15 % beside any longer one: the length of the other arm, as of a
    lineage with many cells, does not decide whether a short one is there.

    Ends that have most of their way in common share one outflow, so that it does not matter in how many corners a lineage
    ends: with the common part :math:`g_{jk} = (d(r, j) + d(r, k) - d(j, k)) / 2` of two ways (Gromov product),

    .. math:: w_k \propto \Big(\sum_j g_{jk} / \sqrt{d(r, j)\, d(r, k)}\Big)^{-1}

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
    sets = _disjoint(chi, n_cells)
    slow = slice(1, None)
    lengths = _lengths(inner, vectors[:, slow] * (values[slow] / (1 - values[slow])))
    to_root = dijkstra(lengths, indices=np.searchsorted(cells, root[np.isin(root, cells)]), min_only=True)
    reach, apart = _between(lengths, to_root, sets)
    ends: list[int] = []
    for k in np.argsort(-reach, kind="stable"):
        if reach[k] < NEAR_ROOT * np.median(to_root):
            break
        extra = reach[k] + apart[k, ends] - reach[ends]
        if not (extra <= detour * np.minimum(reach[ends], SHORT_ARM * reach[k])).any():
            ends.append(int(k))
    transit = np.setdiff1d(np.arange(len(corners)), ends)
    logger.info("found %d ends of the manifold (%d corners, crispness %.2f)", len(ends), len(corners), chi.min())
    return Ends(
        tuple(cells[sets[k]] for k in ends),
        outflow(reach[ends], apart[np.ix_(ends, ends)]),
        cells[corners],
        float(chi.min()),
        cells[corners[transit]],
    )


def _disjoint(chi: NDArray[np.float64], n_cells: int) -> list[NDArray[np.int64]]:
    """Cells with the largest membership in each corner, each cell in the first corner that has it."""
    taken = np.zeros(len(chi), dtype=bool)
    found = []
    for memberships in chi.T:
        members = np.argsort(-memberships, kind="stable")[:n_cells]
        found.append(members[~taken[members]])
        taken[members] = True
    return found


def _between(
    lengths: sparse.csr_matrix, to_root: NDArray[np.float64], sets: list[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median distances of sets of cells to the root, shape ``(k,)``, and to each other, shape ``(k, k)``."""
    reach = np.array([np.median(to_root[members]) if len(members) else 0.0 for members in sets])
    apart = np.zeros((len(sets), len(sets)))
    for k, members in enumerate(sets):
        if len(members):
            # The lengths are symmetric; as a directed graph they are traversed once instead of twice.
            away = dijkstra(lengths, indices=members, min_only=True)
            apart[k] = [np.median(away[others]) if len(others) else 0.0 for others in sets]
    apart = (apart + apart.T) / 2
    np.fill_diagonal(apart, 0.0)
    return reach, apart


def outflow(reach: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the flow that leaves at each end; ends with a common way share it.

    Parameters
    ----------
    reach, apart
        Distances of the ends to the root, shape ``(k,)``, and to each other, shape ``(k, k)``.
    """
    common = (reach[:, None] + reach[None] - apart) / 2
    alike = np.clip(common / np.sqrt(np.outer(reach, reach)), 0, 1)
    np.fill_diagonal(alike, 1.0)
    shares = 1 / alike.sum(1)
    return shares / shares.sum()


def _lengths(graph: CellGraph, coordinates: NDArray[np.float64]) -> sparse.csr_matrix:
    """Lengths of the graph's edges in given coordinates."""
    edges = graph.weights.tocoo()
    length = np.linalg.norm(coordinates[edges.row] - coordinates[edges.col], axis=1)
    return sparse.csr_matrix((np.maximum(length, MIN_LENGTH), (edges.row, edges.col)), shape=edges.shape)
