"""Cells along a line with a direction, for tests of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.dynamics.problem import Problem, set_up_problem
from landscape.markov import neighbor_graph, potential_kernel
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph


@dataclass(frozen=True)
class Cells:
    """States of cells, their graph, their times, and their direction."""

    states: NDArray[np.float64]
    graph: CellGraph
    times: NDArray[np.float64]
    directed: Directed


def along_a_line(*, clock: bool, named_start: bool = True, n_genes: int = 2, n: int = 600) -> Cells:
    """Cells on which the first gene rises while the others fall, sampled at three times or directed by a chain."""
    rng = np.random.default_rng(0)
    along = rng.uniform(0.05, 0.95, n)
    x = np.c_[along, np.tile(1 - along[:, None], n_genes - 1)] + 0.02 * rng.uniform(-1, 1, (n, n_genes))
    graph = neighbor_graph(x, n_neighbors=15)
    chain = potential_kernel(graph, -along)
    times = np.floor(along * 3).clip(0, 2)
    velocity = np.r_["1", np.full((n, 1), 0.3), np.full((n, n_genes - 1), -0.3)] * (1 - along)[:, None]
    start = np.argsort(along)[:20] if named_start else np.array([], dtype=np.int64)
    if clock:
        return Cells(x, graph, times, Directed(chain, velocity, np.array([], dtype=np.int64), times))
    ends = (np.argsort(-along)[:20],)
    return Cells(x, graph, times, Directed(chain, chain @ x - x, start, None, ends))


def problem_of(cells: Cells, **options: Any) -> Problem:
    """Problem of these cells."""
    d = cells.states.shape[1]
    given = {"support": 1 - np.eye(d), "n_steps": 6, "rng": 0} | options
    return set_up_problem(
        cells.states,
        cells.states,
        cells.directed,
        cells.graph,
        regulators=tuple(f"gene{i}" for i in range(d)),
        scale=np.ones(d),
        **given,
    )
