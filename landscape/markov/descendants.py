"""Descendants of cells: where a directed chain, or optimal transport between time points, takes each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike, generator
from landscape.markov.transition_matrix import row_stochastic
from landscape.markov.transport import coupling

# Cells of a time point that are coupled with the next one; a plan of this size takes 8 MB.
MAX_COUPLED = 1000

Draw = Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Descendants:
    """Law of the descendants of a group of cells.

    Attributes
    ----------
    cells
        Cells of the group, shape ``(m,)``.
    durations
        Times after which descendants are known, ascending and positive, in the model's unit, shape ``(k,)``.
    draw
        Function ``(cells, rng)`` that draws one descendant of each given cell at every duration: indices of shape
        ``(k, n)``. Successive durations may belong to one path of descendants.
    """

    cells: NDArray[np.int64]
    durations: tuple[float, ...]
    draw: Draw


class RandomWalks:
    """Random walks on a chain, many at once: each step takes one look-up in the cumulated transition probabilities.

    Parameters
    ----------
    transitions
        Row-stochastic matrix, shape ``(n, n)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> walks = RandomWalks(sparse.csr_matrix([[0.0, 1.0], [0.0, 1.0]]))
    >>> walks.run(np.array([0, 1]), [1, 5], rng=0).tolist()
    [[1, 1], [1, 1]]
    """

    def __init__(self, transitions: sparse.csr_array | sparse.csr_matrix) -> None:
        matrix = row_stochastic(transitions)
        self._first, self._last = matrix.indptr[:-1], matrix.indptr[1:] - 1
        self._columns = matrix.indices
        self._cumulated = np.concatenate([[0.0], np.cumsum(matrix.data)])

    def step(self, cells: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One step from each cell, shape ``(n,)``."""
        low, high = self._cumulated[self._first[cells]], self._cumulated[self._last[cells] + 1]
        at = np.searchsorted(self._cumulated, low + rng.random(len(cells)) * (high - low), side="right") - 1
        # Rounding of the sums may lead one entry beyond the row.
        return self._columns[np.clip(at, self._first[cells], self._last[cells])].astype(np.int64)

    def run(self, start: NDArray[np.int64], steps: Sequence[int], *, rng: RandomLike = 0) -> NDArray[np.int64]:
        """Cells after the given ascending numbers of steps, shape ``(len(steps), n)``."""
        gen, cells, found, done = generator(rng), np.asarray(start), [], 0
        for wanted in steps:
            for _ in range(wanted - done):
                cells = self.step(cells, gen)
            done = wanted
            found.append(cells)
        return np.array(found)


def chain_descendants(
    transitions: sparse.csr_array | sparse.csr_matrix, steps: Sequence[int], *, step_time: float
) -> tuple[Descendants, ...]:
    """Descendants under a directed chain.

    Parameters
    ----------
    transitions
        Row-stochastic matrix, shape ``(n, n)``.
    steps
        Ascending numbers of steps after which descendants are drawn.
    step_time
        Time that a step takes, in the model's unit.
    """
    walks, wanted = RandomWalks(transitions), sorted(set(map(int, steps)))
    if not wanted or wanted[0] < 1 or not step_time > 0:
        msg = f"Expected positive numbers of steps and a positive `step_time`, found {list(steps)} and {step_time}."
        raise ValueError(msg)

    def draw(cells: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        return walks.run(cells, wanted, rng=rng)

    cells = np.arange(transitions.shape[0])
    return (Descendants(cells, tuple(step_time * m for m in wanted), draw),)


def coupled_descendants(
    coordinates: NDArray[np.float64],
    times: NDArray[np.float64],
    *,
    growth: NDArray[np.float64] | None = None,
    max_cells: int = MAX_COUPLED,
    rng: RandomLike = 0,
) -> tuple[Descendants, ...]:
    """Descendants at all later time points by entropic optimal transport between successive ones.

    A path of descendants follows the plan from each time point to the next. From time points with more than
    ``max_cells`` cells a sample is coupled, and the other cells have no descendants of their own.

    Parameters
    ----------
    coordinates
        Where distances are measured, shape ``(n, k)``.
    times
        Real time of each cell, shape ``(n,)``.
    growth
        Net growth rate of each cell, shape ``(n,)``: cells that multiply leave more descendants. Equal by default.
    max_cells, rng
        Size of the sample of a time point, and its seed.

    Returns
    -------
    One group of cells for each time point but the last.

    Raises
    ------
    ValueError
        If there are fewer than two time points, or a plan does not converge.
    """
    gen, points = generator(rng), np.unique(times)
    if len(points) < 2:
        msg = f"Expected at least two time points, found {len(points)}."
        raise ValueError(msg)
    chosen = []
    for t in points:
        cells = np.flatnonzero(times == t)
        chosen.append(np.sort(gen.choice(cells, max_cells, replace=False)) if len(cells) > max_cells else cells)
    links = []
    for k, (early, late) in enumerate(zip(chosen[:-1], chosen[1:], strict=True)):
        gap = points[k + 1] - points[k]
        mass = None if growth is None else np.exp((growth[early] - growth[early].max()) * gap)
        plan = coupling(coordinates[early], coordinates[late], weights=mass)
        links.append(np.cumsum(plan / plan.sum(1, keepdims=True), axis=1))
    return tuple(
        Descendants(chosen[k], tuple(float(t - points[k]) for t in points[k + 1 :]), _along(chosen, links, k))
        for k in range(len(points) - 1)
    )


def _along(chosen: list[NDArray[np.int64]], links: list[NDArray[np.float64]], first: int) -> Draw:
    """Draw paths through the plans from one time point on."""

    def draw(cells: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        place, found = np.searchsorted(chosen[first], cells), []
        for link, late in zip(links[first:], chosen[first + 1 :], strict=True):
            reached = (link[place] < rng.random(len(place))[:, None]).sum(1)
            place = np.minimum(reached, len(late) - 1)
            found.append(late[place])
        return np.array(found)

    return draw
