"""Terminal states of a directed chain of cells, found without a start."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape.markov.ends import manifold_corners
from landscape.markov.graph import CellGraph, subgraph
from landscape.markov.kernels import undirected_kernel
from landscape.markov.linear_solver import solve

logger = logging.getLogger(__name__)


# Logarithms of ratios of visits below this are rounding errors of the linear system.
MIN_GATHERING = 0.01
# Memberships between which a cell is on the border of a corner.
BORDER = (0.2, 0.8)
# Fewest steps of a horizon, which must be above 1.
MIN_HORIZON = 2.0
# Smallest spectral gap that rounding leaves meaningful.
MIN_GAP = 1e-12


@dataclass(frozen=True)
class TerminalStates:
    r"""Corners of the manifold of cells that a directed chain visits more often than an undirected one.

    Attributes
    ----------
    cells
        Cells of each terminal state, one array per state; the arrays are disjoint.
    gathering
        Mean over the cells of each state of :math:`\ln(\pi_i / \pi_{0,i})`, the logarithm of how much more often the
        directed chain visits a cell than the undirected random walk; positive.
    arrival
        Net share of the flow across the border of each state that leads into it, between -1 and 1: 1 where all flow leads
        in, 1/3 where twice as much leads in as out, 0 where cells pass through.
    corners
        One cell for every corner of the manifold, terminal or not.
    horizon
        Mean number of steps of the chain: the slowest relaxation time of the undirected random walk.
    """

    cells: tuple[NDArray[np.int64], ...]
    gathering: NDArray[np.float64]
    arrival: NDArray[np.float64]
    corners: NDArray[np.int64]
    horizon: float


def expected_visits(
    chain: sparse.csr_matrix, start: NDArray[np.float64], *, horizon: float, tolerance: float = 1e-6
) -> NDArray[np.float64]:
    r"""Expected share of visits to each state, for a chain that is restarted every ``horizon`` steps in the mean.

    .. math:: \pi = \epsilon\, \pi_0 \big[I - (1 - \epsilon) P\big]^{-1}, \qquad \epsilon = 1 / \text{horizon}

    Parameters
    ----------
    chain
        Row-stochastic matrix :math:`P`, shape ``(n, n)``.
    start
        :math:`\pi_0`, shape ``(n,)``, sum 1.
    horizon
        Mean number of steps between restarts, more than 1.
    tolerance
        Residual of the linear system, relative to its right-hand side.

    Returns
    -------
    :math:`\pi`, shape ``(n,)``, sum 1.

    Raises
    ------
    ValueError
        If the horizon is not above 1, or the linear system does not converge.

    References
    ----------
    Page, Brin, Motwani, Winograd (1999), *Stanford InfoLab* 1999-66.
    """
    if not horizon > 1:
        msg = f"Expected a `horizon` above 1 step, found {horizon}."
        raise ValueError(msg)
    restart = 1 / horizon
    n = chain.shape[0]
    system = sparse.csr_array(sparse.eye_array(n) - (1 - restart) * sparse.csr_array(chain).T)
    found = solve(system, (restart * start)[:, None], tolerance=tolerance)
    if not found.converged:
        msg = f"Expected visits of the chain did not converge (residual {found.residual:.1e}, {found.method})."
        raise ValueError(msg)
    # A state is visited at least as often as the chain restarts there.
    return np.maximum(found.x[:, 0], restart * start)


def find_terminal_states(
    graph: CellGraph,
    chain: sparse.csr_matrix,
    *,
    n_cells: int = 20,
    max_ends: int = 15,
    crispness: float = -0.5,
) -> TerminalStates:
    r"""Find the corners of the manifold of cells that are terminal states of a directed chain.

    The corners are those of :func:`find_ends`. The chain :math:`P` starts in the stationary distribution :math:`\pi_0` of
    the undirected random walk, and :math:`\pi` are its :func:`expected_visits` over a horizon of
    :math:`1/(1 - \lambda_2)` steps, the slowest relaxation time of that walk. A corner is a terminal state if its cells
    are visited more often than under :math:`\pi_0`,

    .. math:: \frac{1}{|C_k|} \sum_{i \in C_k} \ln \frac{\pi_i}{\pi_{0,i}} > 0

    which does not hold for a start or where cells only pass through. ``arrival`` measures whether cells also stay: with
    the memberships :math:`\chi` and the undirected random walk :math:`K`,

    .. math:: A_k = \frac{\sum_{i \in \partial k} [(P - K) \chi_k]_i}{\sum_{i \in \partial k} |[(P - K) \chi_k]_i|}

    over the border of the corner, where :math:`0.2 < \chi_k < 0.8`. Where cells pass through, the flow leads in on one
    side of it and out on the other.

    Parameters
    ----------
    graph
        Graph of cells. Only its largest component is searched.
    chain
        Row-stochastic matrix :math:`P` on the same cells, shape ``(n, n)``.
    n_cells
        Number of cells of a terminal state: those with the largest membership.
    max_ends
        Largest number of corners.
    crispness
        Smallest membership up to which corners are added.

    Returns
    -------
    Terminal states, in the order in which the corners are found.
    """
    cells = np.flatnonzero(graph.component == 0)
    inner = subgraph(graph, cells)
    values, _, corners, chi = manifold_corners(inner, max_ends=max_ends, crispness=crispness)
    directed, stationary = _within(chain, cells), _stationary(inner)
    horizon = _relaxation_time(values)
    log_ratio = np.log(expected_visits(directed, stationary, horizon=horizon) / stationary)
    flow = directed @ chi - undirected_kernel(inner) @ chi
    taken = np.zeros(len(cells), dtype=bool)
    found: list[tuple[NDArray[np.int64], float, float]] = []
    for k in range(len(corners)):
        members = np.argsort(-chi[:, k], kind="stable")[:n_cells]
        members = members[~taken[members]]
        if not len(members) or not log_ratio[members].mean() > MIN_GATHERING:
            continue
        taken[members] = True
        border = flow[(chi[:, k] > BORDER[0]) & (chi[:, k] < BORDER[1]), k]
        total = np.abs(border).sum()
        arrival = float(border.sum() / total) if total > 0 else 0.0
        found.append((cells[members], float(log_ratio[members].mean()), arrival))
    logger.info("%d of %d corners of the manifold are terminal states of the chain", len(found), len(corners))
    return TerminalStates(
        cells=tuple(members for members, _, _ in found),
        gathering=np.array([g for _, g, _ in found]),
        arrival=np.array([a for _, _, a in found]),
        corners=cells[corners],
        horizon=horizon,
    )


def _stationary(graph: CellGraph) -> NDArray[np.float64]:
    """Stationary distribution of the undirected random walk, proportional to the degrees."""
    degree = np.asarray(graph.weights.sum(1)).ravel()
    return degree / degree.sum()


def _relaxation_time(values: NDArray[np.float64]) -> float:
    """Slowest relaxation time of the undirected random walk, in steps."""
    return max(MIN_HORIZON, float(1 / max(1 - values[1], MIN_GAP)))


def _within(chain: sparse.csr_matrix, cells: NDArray[np.int64]) -> sparse.csr_matrix:
    """Chain restricted to some cells, rows divided by their sums."""
    inside = sparse.csr_matrix(chain)[cells][:, cells]
    kept = np.asarray(inside.sum(1)).ravel()
    # A cell whose transitions all lead out of the component stays where it is.
    return sparse.diags(1 / np.where(kept > 0, kept, 1.0)) @ inside + sparse.diags((kept <= 0).astype(float))


def with_absorbing(chain: sparse.csr_matrix, sets: tuple[NDArray[np.int64], ...]) -> sparse.csr_matrix:
    """Chain with absorbing sets: within a set every cell is followed by any of the set with equal probability.

    The velocity of the cells of a set then points to their mean state, around which they fluctuate.

    Parameters
    ----------
    chain
        Row-stochastic matrix, shape ``(n, n)``.
    sets
        Cells of each set.

    Returns
    -------
    Transition matrix of shape ``(n, n)``; ``chain`` itself without any set.
    """
    if not sets:
        return chain
    n = chain.shape[0]
    member = np.concatenate(sets)
    transient = np.ones(n)
    transient[member] = 0.0
    row = np.concatenate([np.repeat(cells, len(cells)) for cells in sets])
    col = np.concatenate([np.tile(cells, len(cells)) for cells in sets])
    weight = np.concatenate([np.full(len(cells) ** 2, 1 / len(cells)) for cells in sets])
    inside = sparse.csr_matrix((weight, (row, col)), shape=(n, n))
    return (sparse.diags(transient) @ chain + inside).tocsr()
