"""Markov chain of cells: where it is absorbed, how long that takes, where it stays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from landscape.markov.linear_solver import solve
from landscape.markov.transitions import Absorbing, absorbing_sets, reaches, row_stochastic

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Absorption:
    """Where a chain ends.

    Attributes
    ----------
    probabilities
        Probability of ending in each set, shape ``(n, k)``. NaN for states from which no set can be reached.
    lost
        Probability of ending where no set can be reached from, shape ``(n,)``. Rows of ``probabilities`` sum to
        one minus it.
    names
        Names of the sets, in the order of the columns.
    n_unreachable
        Number of states from which no set can be reached.
    residual
        Largest residual of the linear system, relative to its right-hand side.
    row_sum_error
        Largest distance of ``probabilities.sum(1) + lost`` from 1 before the sum is taken out. Each column is solved on
        its own, so this shows the size of the error; it is no bound, because errors of opposite sign cancel in a sum.
    n_iterations, method
        How the system was solved.
    converged
        Whether the residual and the row sums are within tolerance.
    """

    probabilities: NDArray[np.float64]
    lost: NDArray[np.float64]
    names: tuple[str, ...]
    n_unreachable: int
    residual: float
    row_sum_error: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class AbsorptionTime:
    """Mean number of steps to a set, shape ``(n,)``: NaN where it is reached with probability below one.

    ``n_undefined`` counts those states; ``residual``, ``n_iterations``, ``method`` and ``converged`` say how the
    system was solved.
    """

    time: NDArray[np.float64]
    n_undefined: int
    residual: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class Stationary:
    """Stationary distribution, shape ``(n,)``, sum 1; ``residual`` is the largest entry of ``pi P - pi``."""

    distribution: NDArray[np.float64]
    residual: float
    n_iterations: int
    method: str
    converged: bool


@dataclass(frozen=True)
class Classes:
    """Communicating classes: ``labels`` of shape ``(n,)``, and whether each class is ``closed`` (never left)."""

    labels: NDArray[np.int64]
    closed: NDArray[np.bool_]

    @property
    def n_closed(self) -> int:
        """Number of closed classes; the stationary distribution is unique where it is 1."""
        return int(self.closed.sum())


def absorption_probabilities(
    transitions: sparse.csr_array | sparse.csr_matrix, absorbing: Absorbing, *, tolerance: float = 1e-6
) -> Absorption:
    r"""Probability that a Markov chain ends in each of several sets.

    .. math:: (I - Q)\, B = R

    with :math:`Q` the transitions among the states outside all sets from which some set can be reached, and
    :math:`R` those into each set. Nothing of size ``n x n`` is made dense. A row that leaks into a region without
    a set keeps the leak as ``lost`` instead of being scaled up. Where a chain flows away from the sets and reaches them
    rarely, the system is nearly singular: all columns of a row then err by nearly the same factor, which their sum of one
    (``lost`` included) shows and takes out; ``row_sum_error`` says how far off it was.

    Parameters
    ----------
    transitions
        Row-stochastic sparse matrix, shape ``(n, n)``.
    absorbing
        Indices (or a mask) of each set by its name; or one label per state with ``None``, NaN or ``""`` for states
        in no set.
    tolerance
        Bound on the row sums' error; the linear system is solved ten thousand times more accurately.

    Returns
    -------
    Probabilities, what is lost, and how well the system was solved; ``converged`` says whether the residual and
    the row sums meet the tolerance.

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
    reaching = reaches(matrix, np.flatnonzero(ends >= 0))
    inside = np.flatnonzero(reaching & (ends < 0))
    out = matrix[inside]
    right = np.column_stack([out @ (ends == k).astype(float) for k in range(len(names))])
    leak = out @ (~reaching).astype(float)
    leaking = bool(leak.any())
    system = sparse.csr_array(sparse.eye_array(len(inside)) - out[:, inside])
    answer = solve(system, np.column_stack([right, leak]) if leaking else right, tolerance=1e-4 * tolerance)

    total = answer.x.sum(1)
    found = answer.x / np.where(total > 0, total, 1.0)[:, None] if answer.converged else answer.x
    probabilities = np.full((n, len(names)), np.nan)
    lost = np.where(reaching, 0.0, 1.0)
    probabilities[ends >= 0] = np.eye(len(names))[ends[ends >= 0]]
    probabilities[inside] = found[:, : len(names)]
    if leaking:
        lost[inside] = found[:, -1]
    error = float(np.abs(total - 1).max(initial=0.0))
    if error > tolerance:
        logger.warning("the sets are reached rarely: probabilities of absorption are known to %.1e only", error)
    return Absorption(
        probabilities=probabilities,
        lost=lost,
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
    Times with NaN, and their count, for states that may never reach the set.

    Raises
    ------
    TypeError, ValueError
        As :func:`absorption_probabilities`.
    """
    matrix = row_stochastic(transitions)
    n = matrix.shape[0]
    members = absorbing_sets({"target": absorbing}, n)["target"]
    # A state that can reach a trap first has no finite mean. Walks end at the target, so links out of it do not count.
    stop = np.ones(n)
    stop[members] = 0.0
    stopped = sparse.csr_array(sparse.diags_array(stop) @ matrix)
    traps = np.flatnonzero(~reaches(stopped, members))
    defined = ~reaches(stopped, traps) if len(traps) else np.ones(n, bool)
    inside = np.flatnonzero(defined & (stop > 0))
    system = sparse.csr_array(sparse.eye_array(len(inside)) - matrix[inside][:, inside])
    answer = solve(system, np.ones((len(inside), 1)), tolerance=tolerance)
    time = np.full(n, np.nan)
    time[members], time[inside] = 0.0, answer.x[:, 0]
    return AbsorptionTime(
        time, int((~defined).sum()), answer.residual, answer.n_iterations, answer.method, answer.converged
    )


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

    One state of that class is pinned and the others are solved for; transient states get exactly zero.

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
    # Pinning a state that is hard to leave but easy to return to keeps the system well conditioned: a power
    # iteration from the uniform distribution finds a heavy one.
    weight = np.full(len(members), 1 / len(members))
    for _ in range(50):
        weight = weight @ inner
    pin = int(weight.argmax())
    rest = np.delete(np.arange(len(members)), pin)
    system = sparse.csr_array((sparse.eye_array(len(rest)) - inner[rest][:, rest]).T)
    entering = inner[[pin]][:, rest].toarray().T
    answer = solve(system, entering, tolerance=tolerance)
    inside = np.ones(len(members))
    inside[rest] = np.maximum(answer.x[:, 0], 0.0)
    distribution = np.zeros(n)
    distribution[members] = inside / inside.sum()
    residual = float(np.abs(distribution @ matrix - distribution).max())
    return Stationary(distribution, residual, answer.n_iterations, answer.method, answer.converged)


def communicating_classes(transitions: sparse.csr_array | sparse.csr_matrix) -> Classes:
    """Strongly connected components of a chain, and which of them are never left."""
    matrix = row_stochastic(transitions)
    n_classes, labels = csgraph.connected_components(matrix, directed=True, connection="strong")
    links = matrix.tocoo()
    source, target = labels[links.row], labels[links.col]
    closed = np.ones(n_classes, bool)
    closed[source[source != target]] = False
    return Classes(labels.astype(np.int64), closed)
