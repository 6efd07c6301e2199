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
# Mean intervals after the last time point at which descendants are seen: long enough to reach the terminal states.
BEYOND = (1.0, 2.0, 4.0)

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


@dataclass(frozen=True, eq=False)
class Onward:
    """A chain along which cells go on after the last time point.

    Attributes
    ----------
    transitions
        Row-stochastic matrix, shape ``(n, n)``, with absorbing terminal states.
    step_time
        Time that a step takes, in the unit of the time points.
    """

    transitions: sparse.csr_array | sparse.csr_matrix
    step_time: float


def coupled_descendants(
    coordinates: NDArray[np.float64],
    times: NDArray[np.float64],
    *,
    growth: NDArray[np.float64] | None = None,
    neighbors: sparse.csr_array | sparse.csr_matrix | None = None,
    onward: Onward | None = None,
    max_cells: int = MAX_COUPLED,
    rng: RandomLike = 0,
) -> tuple[Descendants, ...]:
    """Descendants at later time points by entropic optimal transport between successive ones, and beyond the last one.

    A path of descendants follows the plan from each time point to the next, and is seen after 1, 2, 4, ... time points and
    at the last one. From time points with more than ``max_cells`` cells a sample is coupled, and the other cells have no
    descendants of their own.

    Parameters
    ----------
    coordinates
        Where distances are measured, shape ``(n, k)``.
    times
        Real time of each cell, shape ``(n,)``.
    growth
        Net growth rate of each cell, shape ``(n,)``: cells that multiply leave more descendants. Equal by default.
    neighbors
        Similarities of neighbouring cells, shape ``(n, n)``. With them, the descendants of a cell are those of a cell drawn
        from its neighbourhood at its time point: a cell's state is known no better, and the plan of single cells follows
        their noise.
    onward
        Chain along which cells go on after the last time point, by once, twice and four times the mean interval. Time points
        do not say what cells do after them; without it a model is free there, and so are its attractors.
    max_cells, rng
        Size of the sample of a time point, and its seed.

    Returns
    -------
    One group of cells for each time point but the last, and with ``onward`` one for the last.

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
    around = None if neighbors is None else RandomWalks(_of_one_time(neighbors, times, chosen))
    walks = None if onward is None else RandomWalks(onward.transitions)
    step_time = 0.0 if onward is None else onward.step_time
    n_groups = len(points) - (onward is None)
    return tuple(_after(k, chosen, points, links, around, walks, step_time) for k in range(n_groups))


def _of_one_time(
    neighbors: sparse.csr_array | sparse.csr_matrix, times: NDArray[np.float64], chosen: list[NDArray[np.int64]]
) -> sparse.csr_matrix:
    """Transition matrix to a cell of the neighbourhood, itself included, among the chosen ones of the same time point."""
    edges = sparse.coo_matrix(neighbors)
    coupled = np.zeros(len(times), dtype=bool)
    coupled[np.concatenate(chosen)] = True
    kept = (times[edges.row] == times[edges.col]) & coupled[edges.col] & (edges.row != edges.col)
    row, col, weight = edges.row[kept], edges.col[kept], edges.data[kept]
    # A cell weighs as much as its nearest neighbour; one without neighbours stays by itself.
    own = np.zeros(len(times))
    np.maximum.at(own, row, weight)
    own[own == 0] = 1.0
    every = np.arange(len(times))
    matrix = sparse.csr_matrix(
        (np.concatenate([weight, own]), (np.concatenate([row, every]), np.concatenate([col, every]))),
        shape=neighbors.shape,
    )
    return sparse.csr_matrix(sparse.diags(1 / np.asarray(matrix.sum(1)).ravel()) @ matrix)


def _after(
    first: int,
    chosen: list[NDArray[np.int64]],
    points: NDArray[np.float64],
    links: list[NDArray[np.float64]],
    around: RandomWalks | None,
    walks: RandomWalks | None,
    step_time: float,
) -> Descendants:
    """Descendants of the cells of one time point: along the plans, then along the chain, if there is one."""
    n_later = len(points) - 1 - first
    seen = sorted({k for k in (*(2**i for i in range(n_later.bit_length())), n_later) if 0 < k <= n_later})
    interval = float(np.diff(points).mean())
    shares = () if walks is None else (BEYOND if n_later else (BEYOND[0] / 4, *BEYOND))
    steps = sorted({max(1, round(share * interval / step_time)) for share in shares})

    def draw(cells: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        at = cells if around is None else around.step(cells, rng)
        found = []
        for k in range(n_later):
            place = np.searchsorted(chosen[first + k], at)
            reached = (links[first + k][place] < rng.random(len(place))[:, None]).sum(1)
            at = chosen[first + k + 1][np.minimum(reached, links[first + k].shape[1] - 1)]
            if k + 1 in seen:
                found.append(at)
        if walks is not None:
            found += list(walks.run(at, steps, rng=rng))
        return np.array(found)

    durations = [float(points[first + k] - points[first]) for k in seen]
    durations += [float(points[-1] - points[first] + m * step_time) for m in steps]
    return Descendants(chosen[first], tuple(durations), draw)
