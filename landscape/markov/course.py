"""The course of a directed chain of cells: where it starts, how fast it is, and what populations it carries forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike, generator
from landscape.markov.graph import CellGraph, find_ends
from landscape.markov.kernels import flow_potential, laplacian, poisson, potential_kernel, undirected_kernel

# Populations after the start.
N_TIMES = 6
# The course has ended when as many steps again move less than this share of the cells to another patch. Much less is
# never reached: noise takes cells from end to end, which has nothing to do with development.
SETTLED = 0.15
# It cannot end before this share has left the patches of the start, where the first steps lead from one to another only.
LEFT = 0.5
MAX_STEPS = 4096
# Steps after which populations ahead of all cells are looked at: near, where noise is local, and far, where it moves
# cells from basin to basin.
AHEAD = (1, 2, 4, 8)
# Levels below this share of a gene's 99th percentile tell no rate of fall.
LEAST_LEVEL = 0.05
# Share of the rates of fall that noise may put above the fastest possible.
BEYOND = 0.01


def steps_per_lifetime(states: NDArray[np.float64], velocity: NDArray[np.float64], decay: float = 1.0) -> float:
    r"""Steps of a chain that take as long as a lifetime, by the fastest that levels fall.

    Nothing falls faster than it decays, :math:`v \ge -\gamma x`, and where production is off it falls just so. Steps are
    equally long everywhere while cells change at different speeds, so this is the least number. The
    number :math:`\kappa` of steps is the one that makes the first percentile of :math:`\kappa v / x` over all cells and
    genes :math:`-\gamma`.

    Parameters
    ----------
    states, velocity
        States and their displacement in one step, shape ``(n, d)``.
    decay
        :math:`\gamma`.

    Raises
    ------
    ValueError
        If nothing falls.
    """
    fall = -velocity / np.maximum(states, LEAST_LEVEL)
    fastest = float(np.quantile(fall, 1 - BEYOND))
    if not fastest > 0:
        msg = (
            f"Expected a direction along which some regulators fall, found that {(fall > 0).mean():.1%} of the rates "
            "fall; the start may be where development ends."
        )
        raise ValueError(msg)
    return decay / fastest


def find_start(
    graph: CellGraph, transitions: sparse.csr_matrix, coordinates: NDArray[np.float64], *, share: float = 0.02
) -> NDArray[np.int64]:
    r"""Cells that a chain comes from.

    The steps of the chain beyond those of a walk without direction, :math:`u = (P - P_0) z`, are projected on
    gradients along the graph,

    .. math:: \min_\psi \sum_{ij} K_{ij} \Big(\psi_j - \psi_i -
              \frac{(u_i + u_j) \cdot (z_j - z_i)}{2 |z_j - z_i|}\Big)^2,

    so that the directions of all cells are heard at once, and the start is where :math:`\psi` is lowest.

    Parameters
    ----------
    graph
        Graph of cells; the start is looked for in its largest component.
    transitions
        :math:`P`, shape ``(n, n)``.
    coordinates
        :math:`z`, shape ``(n, k)``.
    share
        Share of the cells that make up the start, at least twenty.

    References
    ----------
    Jiang et al. (2011), *Math. Program.* 127, 203. https://doi.org/10.1007/s10107-010-0419-x
    """
    n = len(coordinates)
    steps = transitions @ coordinates - undirected_kernel(graph) @ coordinates
    inside = graph.component == 0
    edges = graph.weights.tocoo()
    way = coordinates[edges.col] - coordinates[edges.row]
    length = np.maximum(np.linalg.norm(way, axis=1), 1e-12)
    gain = edges.data * 0.5 * ((steps[edges.row] + steps[edges.col]) * way).sum(1) / length
    source = 0.5 * (np.bincount(edges.col, gain, n) - np.bincount(edges.row, gain, n))
    weights = graph.weights[inside][:, inside]
    rise, info = poisson(laplacian(weights), source[inside], tolerance=1e-6)
    if info:
        msg = "The direction could not be projected on the graph: the system did not converge; name a root as well."
        raise ValueError(msg)
    return np.flatnonzero(inside)[np.argsort(rise, kind="stable")[: max(20, int(share * n))]]


def towards_ends(graph: CellGraph, transitions: sparse.csr_matrix, start: NDArray[np.int64]) -> sparse.csr_matrix:
    """Chain that goes half by its own transitions and half with the steady flow from a start to the manifold's ends.

    Local directions alone lead a chain on only slowly where they are uncertain.
    """
    ends = find_ends(graph, start).terminal
    return (0.5 * transitions + 0.5 * potential_kernel(graph, flow_potential(graph, start, ends))).tocsr()


def populations_along(
    transitions: sparse.csr_matrix,
    start: NDArray[np.int64],
    patch: NDArray[np.int64],
    *,
    weights: NDArray[np.float64] | None = None,
    n_times: int = N_TIMES,
    n_cells: int = 1000,
    rng: RandomLike = 0,
) -> Mapping[int, NDArray[np.int64]]:
    r"""Draw cells from the distribution :math:`p_0 P^m` that a chain carries forward from its start.

    The last :math:`m` but one is where the course has come to its end: as many steps again, the last :math:`m`, move less
    than 15 % of the cells from one patch to another.

    Parameters
    ----------
    transitions
        :math:`P`, shape ``(n, n)``, rows summing to one.
    start
        Cells of the start, which :math:`p_0` is uniform on.
    patch
        Patch of each cell, shape ``(n,)``, from 0 on.
    weights
        Weight of each cell as a start and as a destination, shape ``(n,)``; equal by default.
    n_times
        Populations after the start: all but the last at equal distances.
    n_cells
        Cells drawn for each.
    rng
        Seed or generator.

    Returns
    -------
    Cells by the number of steps.
    """
    gen, n = generator(rng), len(patch)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    forward = (sparse.diags(w) @ transitions.T).tocsr()
    total = np.asarray(forward.sum(0)).ravel()
    forward = (forward @ sparse.diags(1 / np.where(total > 0, total, 1.0))).tocsr()
    first = np.zeros(n)
    first[start] = w[start] / w[start].sum()
    length = max(_length(forward, first, patch), n_times)
    # The last population is that after as many steps again, which a model must hold at rest.
    steps = {*np.round(np.linspace(0, length, n_times)).astype(int).tolist(), 2 * length}
    return _drawn(forward, first, steps, n_cells, gen)


def populations_ahead(
    transitions: sparse.csr_matrix,
    share: NDArray[np.float64],
    *,
    steps: Sequence[int] = AHEAD,
    n_cells: int = 500,
    rng: RandomLike = 0,
) -> Mapping[int, NDArray[np.int64]]:
    r"""Draw cells from a distribution over all cells, and from those that a chain makes of it, :math:`p_0 P^m`.

    Parameters
    ----------
    transitions
        :math:`P`, shape ``(n, n)``, rows summing to one.
    share
        :math:`p_0`, shape ``(n,)``, sum 1.
    steps
        Numbers of steps :math:`m`.
    n_cells
        Cells drawn for each.
    rng
        Seed or generator.

    Returns
    -------
    Cells by the number of steps, 0 among them.
    """
    return _drawn(sparse.csr_matrix(transitions.T), share, {0, *steps}, n_cells, generator(rng))


def _drawn(
    forward: sparse.csr_matrix, p: NDArray[np.float64], steps: set[int], n_cells: int, gen: np.random.Generator
) -> Mapping[int, NDArray[np.int64]]:
    found = {}
    for m in range(max(steps) + 1):
        if m in steps:
            found[m] = gen.choice(len(p), n_cells, p=p / p.sum())
        p = forward @ p
    return found


def _length(forward: sparse.csr_matrix, p: NDArray[np.float64], patch: NDArray[np.int64]) -> int:
    """Steps after which as many again change little; powers of two, so that slow chains cost no more than fast ones."""
    shares, steps = [], 0
    n_patches = int(patch.max()) + 1
    for length in 2 ** np.arange(int(np.log2(MAX_STEPS)) + 1):
        while steps <= 2 * length:
            shares.append(np.bincount(patch, p, n_patches))
            p, steps = forward @ p, steps + 1
        left = 0.5 * np.abs(shares[2 * length] - shares[0]).sum() >= LEFT
        if left and 0.5 * np.abs(shares[2 * length] - shares[length]).sum() < SETTLED:
            return int(length)
    return MAX_STEPS
