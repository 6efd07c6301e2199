"""Where a directed chain of cells gathers: its ends, found without naming a start."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape.markov.graph import CellGraph, manifold_corners, restricted
from landscape.markov.kernels import undirected_kernel
from landscape.markov.linear_solver import solve

logger = logging.getLogger(__name__)


# A difference of visits that is below this is rounding of the linear system.
LEAST_GAIN = 0.01
# Memberships between which a cell lies on the border of a corner.
BORDER = (0.2, 0.8)


@dataclass(frozen=True)
class TerminalStates:
    """Corners of the manifold at which a directed chain gathers.

    Attributes
    ----------
    cells
        Cells of each sink, disjoint, one array per sink.
    gathering
        Mean logarithm of how much more often than an undirected walk the chain visits the cells of each sink; positive.
    arrival
        How much more of the border leads in than out, between -1 and 1: 1 where all of it leads in, 1/3 where twice as
        much leads in as out, 0 where cells pass.
    corners
        One cell for every corner of the manifold, sinks among them.
    horizon
        Steps for which the chain was followed: the slowest relaxation time of the undirected walk.
    """

    cells: tuple[NDArray[np.int64], ...]
    gathering: NDArray[np.float64]
    arrival: NDArray[np.float64]
    corners: NDArray[np.int64]
    horizon: float


def expected_visits(
    chain: sparse.csr_matrix, start: NDArray[np.float64], *, horizon: float, tolerance: float = 1e-6
) -> NDArray[np.float64]:
    r"""Share of its visits that a chain makes to each state when it starts anew every ``horizon`` steps in the mean.

    .. math:: \pi = \epsilon\, \pi_0 \big[I - (1 - \epsilon) P\big]^{-1}, \qquad \epsilon = 1 / \text{horizon}

    Parameters
    ----------
    chain
        Row-stochastic matrix :math:`P`, shape ``(n, n)``.
    start
        :math:`\pi_0`, shape ``(n,)``, sum 1.
    horizon
        Mean number of steps, more than 1.
    tolerance
        Residual of the linear system, relative to its right-hand side.

    Raises
    ------
    ValueError
        If the horizon is not above 1, or the system is not solved.

    References
    ----------
    Page, Brin, Motwani, Winograd (1999), *Stanford InfoLab* 1999-66.
    """
    if not horizon > 1:
        msg = f"Expected a `horizon` above 1 step, found {horizon}."
        raise ValueError(msg)
    stop = 1 / horizon
    n = chain.shape[0]
    system = sparse.csr_array(sparse.eye_array(n) - (1 - stop) * sparse.csr_array(chain).T)
    found = solve(system, (stop * start)[:, None], tolerance=tolerance)
    if not found.converged:
        msg = f"Visits of the chain did not converge (residual {found.residual:.1e}, {found.method})."
        raise ValueError(msg)
    # Every state is visited at least as often as the chain starts there.
    return np.maximum(found.x[:, 0], stop * start)


def find_terminal_states(
    graph: CellGraph,
    chain: sparse.csr_matrix,
    *,
    n_cells: int = 20,
    max_ends: int = 15,
    crispness: float = -0.5,
) -> TerminalStates:
    r"""Find the corners of the manifold of cells at which a directed chain gathers.

    The corners are those of :func:`find_ends`; the direction tells which of them are ends. The chain :math:`P` and the
    undirected walk start where the walk is at rest, :math:`\pi_0`, and are followed for as long as the walk needs to
    cross the manifold, :math:`1/(1 - \lambda_2)` steps. A corner is a sink if its cells are visited more often than
    :math:`\pi_0` says,

    .. math:: \frac{1}{|C_k|} \sum_{i \in C_k} \ln \frac{\pi_i}{\pi_{0,i}} > 0

    which a start and a passage are not. Whether the direction also says that cells stay is told by ``arrival``: with the
    memberships :math:`\chi` and the undirected walk :math:`K`,

    .. math:: A_k = \frac{\sum_{i \in \partial k} [(P - K) \chi_k]_i}{\sum_{i \in \partial k} |[(P - K) \chi_k]_i|}

    over the border of the corner, where :math:`0.2 < \chi_k < 0.8`. Where cells pass, one side of it leads in and the
    other out.

    Parameters
    ----------
    graph
        Graph of cells. TerminalStates are looked for in its largest component.
    chain
        Row-stochastic matrix on the same cells.
    n_cells
        Cells that make up a sink: those with the largest membership.
    max_ends
        Largest number of corners.
    crispness
        Smallest membership up to which corners are added.
    """
    cells = np.flatnonzero(graph.component == 0)
    inner = restricted(graph, cells)
    values, _, corners, chi = manifold_corners(inner, max_ends=max_ends, crispness=crispness)
    directed, rest = _within(chain, cells), _rest(inner)
    horizon = _crossing(values)
    gain = np.log(expected_visits(directed, rest, horizon=horizon) / rest)
    push = directed @ chi - undirected_kernel(inner) @ chi
    taken = np.zeros(len(cells), dtype=bool)
    sinks: list[tuple[NDArray[np.int64], float, float]] = []
    for k in range(len(corners)):
        members = np.argsort(-chi[:, k], kind="stable")[:n_cells]
        members = members[~taken[members]]
        if not len(members) or not gain[members].mean() > LEAST_GAIN:
            continue
        taken[members] = True
        border = push[(chi[:, k] > BORDER[0]) & (chi[:, k] < BORDER[1]), k]
        passing = np.abs(border).sum()
        arrival = float(border.sum() / passing) if passing > 0 else 0.0
        sinks.append((cells[members], float(gain[members].mean()), arrival))
    logger.info("the chain gathers at %d of %d corners of the manifold", len(sinks), len(corners))
    return TerminalStates(
        cells=tuple(members for members, _, _ in sinks),
        gathering=np.array([g for _, g, _ in sinks]),
        arrival=np.array([a for _, _, a in sinks]),
        corners=cells[corners],
        horizon=horizon,
    )


def _rest(graph: CellGraph) -> NDArray[np.float64]:
    """Distribution at which the undirected walk along the graph rests."""
    degree = np.asarray(graph.weights.sum(1)).ravel()
    return degree / degree.sum()


def _crossing(values: NDArray[np.float64]) -> float:
    """Steps that the undirected walk needs to cross the manifold: its slowest relaxation time."""
    return max(2.0, float(1 / max(1 - values[1], 1e-12)))


def _within(chain: sparse.csr_matrix, cells: NDArray[np.int64]) -> sparse.csr_matrix:
    inside = sparse.csr_matrix(chain)[cells][:, cells]
    kept = np.asarray(inside.sum(1)).ravel()
    # A cell whose steps all lead out of the component stays.
    return sparse.diags(1 / np.where(kept > 0, kept, 1.0)) @ inside + sparse.diags((kept <= 0).astype(float))


def with_absorbing(chain: sparse.csr_matrix, sets: tuple[NDArray[np.int64], ...]) -> sparse.csr_matrix:
    """Chain that stays in each of the sets once there, at any of its cells with equal probability.

    The velocity of a set's cells then leads to their mean state: they rest there in the mean and fluctuate around it.
    """
    if not sets:
        return chain
    n = chain.shape[0]
    member = np.concatenate(sets)
    open_rows = np.ones(n)
    open_rows[member] = 0.0
    row = np.concatenate([np.repeat(cells, len(cells)) for cells in sets])
    col = np.concatenate([np.tile(cells, len(cells)) for cells in sets])
    weight = np.concatenate([np.full(len(cells) ** 2, 1 / len(cells)) for cells in sets])
    inside = sparse.csr_matrix((weight, (row, col)), shape=(n, n))
    return (sparse.diags(open_rows) @ chain + inside).tocsr()
