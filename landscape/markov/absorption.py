"""Absorption probabilities, absorption times and stationary distribution of a Markov chain."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from landscape.markov.linear_solver import solve
from landscape.markov.transition_matrix import Absorbing, absorbing_sets, can_reach, row_stochastic

logger = logging.getLogger(__name__)

# Relative error of mean times up to which they are said to have converged, and the rounding of a number.
ROUNDED, EPSILON = 1e-3, float(np.finfo(float).eps)

# Residual of the linear system in units of the tolerance of the row sums: near-singular systems amplify it.
RESIDUAL_SHARE = 1e-4
# Steps of a power iteration: enough to tell a state with much stationary weight from one with little.
N_POWER_STEPS = 50


@dataclass(frozen=True)
class Absorption:
    """Absorption probabilities of a chain.

    Attributes
    ----------
    probabilities
        Probability of being absorbed in each set, shape ``(n, k)``. NaN for states from which no set can be reached.
    unabsorbed
        Probability of entering states from which no set can be reached, shape ``(n,)``. Rows of ``probabilities`` sum
        to one minus this.
    names
        Names of the sets, in the order of the columns.
    n_unreachable
        Number of states from which no set can be reached.
    residual
        Largest residual of the linear system, relative to its right-hand side.
    row_sum_error
        Largest difference of ``probabilities.sum(1) + unabsorbed`` from 1 before rows are scaled to that sum. Each
        column is solved on its own, so this shows the size of the error; it is no bound, because errors of opposite
        sign cancel in a sum.
    n_iterations, method
        Iterations and method of :func:`landscape.markov.linear_solver.solve`.
    converged
        Whether the residual and the row sums are within tolerance.
    """

    probabilities: NDArray[np.float64]
    unabsorbed: NDArray[np.float64]
    names: tuple[str, ...]
    n_unreachable: int
    residual: float
    row_sum_error: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class AbsorptionTime:
    """Mean number of steps to a set.

    Attributes
    ----------
    time
        Mean number of steps, shape ``(n,)``; NaN for states that reach the set with probability below one.
    n_undefined
        Number of those states.
    residual, n_iterations, method, converged
        As in :class:`landscape.markov.linear_solver.LinearSolution`.
    """

    time: NDArray[np.float64]
    n_undefined: int
    residual: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class Stationary:
    r"""Stationary distribution of a chain.

    Attributes
    ----------
    distribution
        :math:`\pi`, shape ``(n,)``, sum 1.
    residual
        Largest entry of :math:`|\pi P - \pi|`.
    n_iterations, method, converged
        As in :class:`landscape.markov.linear_solver.LinearSolution`.
    """

    distribution: NDArray[np.float64]
    residual: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class Classes:
    """Communicating classes of a chain.

    Attributes
    ----------
    labels
        Class of each state, shape ``(n,)``.
    closed
        Whether the chain stays in a class for good once there, one value per class.
    """

    labels: NDArray[np.int64]
    closed: NDArray[np.bool_]

    @property
    def n_closed(self) -> int:
        """Number of closed classes; the stationary distribution is unique where it is 1."""
        return int(self.closed.sum())


def absorption_probabilities(
    transitions: sparse.csr_array | sparse.csr_matrix, absorbing: Absorbing, *, tolerance: float = 1e-6
) -> Absorption:
    r"""Probability that a Markov chain is absorbed in each of several sets.

    .. math:: (I - Q)\, B = R

    with :math:`Q` the transitions among the states outside all sets from which some set can be reached, and
    :math:`R` those into each set. No dense matrix of size ``n x n`` is formed. The probability of entering states from
    which no set can be reached is returned as ``unabsorbed``. Where the chain flows away from the sets and reaches them
    rarely, the system is nearly singular, and all columns of a row have nearly the same relative error. Rows are
    therefore divided by their sum (``unabsorbed`` included), which is exactly one; ``row_sum_error`` is how far the sum
    was from one before.

    Parameters
    ----------
    transitions
        Row-stochastic sparse matrix, shape ``(n, n)``.
    absorbing
        Indices or mask of each set by its name, or one label per state with ``None``, NaN or ``""`` for states in no
        set.
    tolerance
        Largest ``row_sum_error`` that counts as converged. The linear system is solved to a residual ten thousand times
        smaller.

    Returns
    -------
    Absorption probabilities with the residual of the linear system. ``converged`` says whether the residual and the
    row sums are within the tolerance.

    Raises
    ------
    TypeError
        If the matrix is not sparse.
    ValueError
        If rows do not sum to 1, entries are negative, or a set is empty, out of range or overlaps another.
    """
    matrix = row_stochastic(transitions)
    sets = absorbing_sets(absorbing, matrix.shape[0])
    n, names = matrix.shape[0], tuple(sets)
    ends = np.full(n, -1)
    for k, members in enumerate(sets.values()):
        ends[members] = k
    reaching = can_reach(matrix, np.flatnonzero(ends >= 0))
    inside = np.flatnonzero(reaching & (ends < 0))
    out = matrix[inside]
    right = np.column_stack([out @ (ends == k).astype(float) for k in range(len(names))])
    leak = out @ (~reaching).astype(float)
    leaking = bool(leak.any())
    system = sparse.csr_array(sparse.eye_array(len(inside)) - out[:, inside])
    answer = solve(system, np.column_stack([right, leak]) if leaking else right, tolerance=RESIDUAL_SHARE * tolerance)

    total = answer.x.sum(1)
    found = answer.x / np.where(total > 0, total, 1.0)[:, None] if answer.converged else answer.x
    probabilities = np.full((n, len(names)), np.nan)
    unabsorbed = np.where(reaching, 0.0, 1.0)
    probabilities[ends >= 0] = np.eye(len(names))[ends[ends >= 0]]
    probabilities[inside] = found[:, : len(names)]
    if leaking:
        unabsorbed[inside] = found[:, -1]
    error = float(np.abs(total - 1).max(initial=0.0))
    if error > tolerance:
        logger.warning(
            "the absorbing sets are reached rarely: absorption probabilities are accurate to %.1e only", error
        )
    return Absorption(
        probabilities=probabilities,
        unabsorbed=unabsorbed,
        names=names,
        n_unreachable=int((~reaching).sum()),
        residual=answer.residual,
        row_sum_error=error,
        n_iterations=answer.n_iterations,
        method=answer.method,
        converged=answer.converged and error <= tolerance,
    )


def mean_absorption_time(
    transitions: sparse.csr_array | sparse.csr_matrix,
    absorbing: Sequence[int] | NDArray,
    *,
    tolerance: float = 1e-8,
) -> AbsorptionTime:
    r"""Mean number of steps to a set, :math:`(I - Q)\, t = 1`.

    Parameters
    ----------
    transitions
        Row-stochastic sparse matrix, shape ``(n, n)``.
    absorbing
        Indices or mask of the set.
    tolerance
        Relative residual of the linear system.

    Returns
    -------
    Mean times, NaN for states that may never reach the set, and the number of those.

    Raises
    ------
    TypeError, ValueError
        As :func:`absorption_probabilities`.
    """
    matrix = row_stochastic(transitions)
    n = matrix.shape[0]
    members = absorbing_sets({"target": absorbing}, n)["target"]
    # A state that can enter a closed class without the target has no finite mean. Paths end at the target, so that
    # transitions out of it do not count.
    stop = np.ones(n)
    stop[members] = 0.0
    stopped = sparse.csr_array(sparse.diags_array(stop) @ matrix)
    traps = np.flatnonzero(~can_reach(stopped, members))
    defined = ~can_reach(stopped, traps) if len(traps) else np.ones(n, bool)
    inside = np.flatnonzero(defined & (stop > 0))
    system = sparse.csr_array(sparse.eye_array(len(inside)) - matrix[inside][:, inside])
    answer = solve(system, np.ones((len(inside), 1)), tolerance=tolerance)
    time = np.full(n, np.nan)
    time[members], time[inside] = 0.0, answer.x[:, 0]
    # The norm of the inverse is the largest time, so that this times the rounding of a number bounds the relative error.
    # Every path takes a step at least; a time below shows that rounding has reached all digits.
    known = time[inside]
    exact = bool((known >= 1 - ROUNDED).all() and 2 * np.abs(known).max(initial=0.0) * EPSILON <= ROUNDED)
    converged = answer.converged and exact
    return AbsorptionTime(time, int((~defined).sum()), answer.residual, answer.n_iterations, answer.method, converged)


def committor_chain(
    transitions: sparse.csr_array | sparse.csr_matrix,
    start: Sequence[int] | NDArray,
    end: Sequence[int] | NDArray,
    *,
    tolerance: float = 1e-6,
) -> Absorption:
    r"""Forward committor :math:`q^+`: probability of reaching ``end`` before ``start``.

    The second column of :func:`absorption_probabilities` with the sets named ``"start"`` and ``"end"``.
    """
    return absorption_probabilities(transitions, {"start": start, "end": end}, tolerance=tolerance)


def stationary_distribution(
    transitions: sparse.csr_array | sparse.csr_matrix, *, tolerance: float = 1e-10
) -> Stationary:
    r"""Stationary distribution :math:`\pi P = \pi` of a chain with one closed class.

    The weight of one state of that class is fixed and the others are solved for. Transient states get exactly zero.

    Parameters
    ----------
    transitions
        Row-stochastic sparse matrix, shape ``(n, n)``.
    tolerance
        Relative residual of the linear system.

    Raises
    ------
    ValueError
        If there are several closed classes, so that the distribution is not unique.
    """
    matrix = row_stochastic(transitions)
    n = matrix.shape[0]
    classes = communicating_classes(matrix)
    if classes.n_closed != 1:
        msg = (
            f"Expected one closed class, found {classes.n_closed}, so the stationary distribution is not unique; "
            "take the rows and columns of one class of `communicating_classes`."
        )
        raise ValueError(msg)
    members = np.flatnonzero(classes.labels == np.flatnonzero(classes.closed)[0])
    inner = sparse.csr_array(matrix[members][:, members])
    # The system is well conditioned if the fixed state has much stationary weight, which a short power iteration finds.
    weight = np.full(len(members), 1 / len(members))
    for _ in range(N_POWER_STEPS):
        weight = weight @ inner
    fixed = int(weight.argmax())
    others = np.delete(np.arange(len(members)), fixed)
    system = sparse.csr_array((sparse.eye_array(len(others)) - inner[others][:, others]).T)
    entering = inner[[fixed]][:, others].toarray().T
    answer = solve(system, entering, tolerance=tolerance)
    inside = np.ones(len(members))
    inside[others] = np.maximum(answer.x[:, 0], 0.0)
    distribution = np.zeros(n)
    distribution[members] = inside / inside.sum()
    residual = float(np.abs(distribution @ matrix - distribution).max())
    return Stationary(distribution, residual, answer.n_iterations, answer.method, answer.converged)


def communicating_classes(transitions: sparse.csr_array | sparse.csr_matrix) -> Classes:
    """Strongly connected components of the transition graph, and which of them are closed."""
    matrix = row_stochastic(transitions)
    n_classes, labels = csgraph.connected_components(matrix, directed=True, connection="strong")
    edges = matrix.tocoo()
    source, target = labels[edges.row], labels[edges.col]
    closed = np.ones(n_classes, bool)
    closed[source[source != target]] = False
    return Classes(labels.astype(np.int64), closed)
