"""From a direction record to a chain of cells and a velocity of the state."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape._anndata import count_matrix, read
from landscape.markov.directed import Directed
from landscape.markov.directions import Combination, Direction
from landscape.markov.graph import CellGraph, find_ends
from landscape.markov.kernels import flow_potential, potential_kernel, undirected_kernel, velocity_kernel
from landscape.markov.splicing import steady_state_velocity
from landscape.markov.terminal_states import find_terminal_states, with_absorbing
from landscape.markov.transport import time_velocity
from landscape.tl._clock import numbers, pseudotimes, time_points
from landscape.tl._state import pooled

logger = logging.getLogger(__name__)

# Genes whose velocity orients a cell; more cost memory and add little once the abundant ones are in.
MAX_VELOCITY_GENES = 1000
# Cells rest at an end that the direction tells beyond what uneven spacing of cells does on a ring that all go round: the
# chain is there half as often again as a walk without direction, and twice as much of the border leads in as out.
LEAST_GATHERING = np.log(1.5)
LEAST_ARRIVAL = 1 / 3


@dataclass(frozen=True)
class Cells:
    """What every source may read: the data, where cells lie, their states, their graph, the counts, and the seed."""

    adata: AnnData
    coordinates: NDArray[np.float64]
    states: NDArray[np.float64]
    graph: CellGraph
    layer: str
    rng: np.random.Generator


def resolve(cells: Cells, direction: Direction | Combination) -> tuple[Directed, float]:
    """Evaluate every part of a direction and combine them.

    Returns
    -------
    The combination, and the conflict: one minus the cosine between the directions of two parts, halved, mean over
    cells and pairs of parts, so 0 for agreement, 0.5 for no relation, 1 for reversed arrows (0 for one part). The
    direction of a part is where its chain leads beyond what the graph does without a direction, since every chain
    moves towards its neighbours' mean.
    """
    found = [_SOURCES[part.source](cells, part) for part in direction.parts]
    if len(found) == 1:
        return found[0], 0.0
    aimless = undirected_kernel(cells.graph) @ cells.states
    aims = [f.transitions @ cells.states - aimless for f in found]
    conflict = float(np.mean([_disagreement(a, b) for i, a in enumerate(aims) for b in aims[:i]]))
    if conflict > 0.5:
        logger.warning("the sources of direction contradict each other (conflict %.2f; 0.5 is chance)", conflict)
    total = sum(part.weight for part in direction.parts)
    shares = [part.weight / total for part in direction.parts]
    clocked = next((f for f in found if f.times is not None), found[0])
    # Sources without a clock say where to go; they are given the length of the first one that has one.
    length = np.linalg.norm(clocked.velocity, axis=1).mean()
    velocity = sum(
        share * f.velocity * (length / max(np.linalg.norm(f.velocity, axis=1).mean(), 1e-300))
        for share, f in zip(shares, found, strict=True)
    )
    transitions = sum(share * f.transitions for share, f in zip(shares, found, strict=True))
    start = next((f.start for f in found if len(f.start)), found[0].start)
    return Directed(
        sparse.csr_matrix(transitions), velocity, start, clocked.times, clocked.ends, clocked.growth
    ), conflict


def _disagreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    moving = length > 0
    cosine = np.einsum("cd,cd->c", a[moving], b[moving]) / length[moving]
    return float((1 - cosine).mean() / 2) if moving.any() else 0.5


def _from_root(cells: Cells, part: Direction) -> Directed:
    root = _root_cells(cells.adata, part, cells.graph, cells.layer)
    ends = find_ends(cells.graph, root).terminal
    chain = potential_kernel(cells.graph, flow_potential(cells.graph, root, ends))
    return _with_rest(chain, cells.states, root, ends)


def _from_pseudotime(cells: Cells, part: Direction) -> Directed:
    pseudotime = pseudotimes(cells.adata, part.key)
    known = np.flatnonzero(np.isfinite(pseudotime))
    first = known[np.argsort(pseudotime[known], kind="stable")[: max(20, len(known) // 100)]]
    chain = potential_kernel(cells.graph, np.where(np.isfinite(pseudotime), -pseudotime, np.nan))
    return _with_rest(chain, cells.states, first, find_ends(cells.graph, first).terminal)


def _arriving(cells: Cells, chain: sparse.csr_matrix) -> Directed:
    """A chain that names no start: it rests where it arrives."""
    sinks = find_terminal_states(cells.graph, chain)
    told = (sinks.gathering >= LEAST_GATHERING) & (sinks.arrival >= LEAST_ARRIVAL)
    rest = tuple(found for found, sure in zip(sinks.cells, told, strict=True) if sure)
    logger.info("the direction tells %d ends at which cells rest", len(rest))
    return _with_rest(chain, cells.states, np.array([], dtype=np.int64), rest)


def _with_rest(
    chain: sparse.csr_matrix,
    states: NDArray[np.float64],
    start: NDArray[np.int64],
    ends: tuple[NDArray[np.int64], ...],
) -> Directed:
    """Steps of the chain, closed at its ends: cells there fluctuate around their mean, to which the steps lead."""
    return Directed(chain, with_absorbing(chain, ends) @ states - states, start, ends=ends)


def _from_time(cells: Cells, part: Direction) -> Directed:
    times = time_points(cells.adata, part.key)
    both = np.hstack([cells.coordinates, cells.states])
    growth = None if part.growth is None else numbers(cells.adata, part.growth)
    if growth is None:
        logger.warning(
            "growth and death are not modelled: what multiplies is taken for what attracts; name a column of net growth "
            "rates with `from_time(..., growth=)`"
        )
    moved = time_velocity(cells.coordinates, both, times, growth=growth, rng=cells.rng)
    k = cells.coordinates.shape[1]
    chain = velocity_kernel(cells.graph, cells.coordinates, moved[:, :k])
    return Directed(chain, moved[:, k:], np.flatnonzero(times == times.min()), times, growth=growth)


def _from_unspliced(cells: Cells, part: Direction) -> Directed:
    spliced, unspliced = count_matrix(cells.adata, cells.layer), count_matrix(cells.adata, part.key)
    detected = np.asarray((unspliced > 0).sum(0)).ravel()
    genes = np.sort(np.argsort(-detected, kind="stable")[:MAX_VELOCITY_GENES])
    genes = genes[detected[genes] > 0]
    if len(genes) < 2:
        msg = f"Expected unspliced counts in `adata.layers[{part.key!r}]`, found {len(genes)} genes with any."
        raise ValueError(msg)
    s, u = pooled(spliced, cells.graph, genes), pooled(unspliced, cells.graph, genes)
    found = steady_state_velocity(u, s)
    logger.info("velocities of %d genes from unspliced counts", int(found.used.sum()))
    y = np.log1p(s[:, found.used])
    chain = velocity_kernel(cells.graph, y, found.velocity[:, found.used] / (1 + s[:, found.used]))
    return _arriving(cells, chain)


def _from_velocity(cells: Cells, part: Direction) -> Directed:
    velocity = read(cells.adata, "layers", part.key, hint="pass the layer that holds velocities")
    known = np.flatnonzero(np.isfinite(np.asarray(velocity[0].todense() if sparse.issparse(velocity) else velocity[0])))
    values = velocity[:, known]
    speed = np.asarray(abs(values).sum(0)).ravel()
    genes = known[np.sort(np.argsort(-speed, kind="stable")[:MAX_VELOCITY_GENES])]
    genes = genes[np.isin(genes, known[speed > 0])]
    chosen = velocity[:, genes]
    v = np.asarray(chosen.todense() if sparse.issparse(chosen) else chosen, dtype=np.float64)
    if not len(genes) or not np.isfinite(v).all():
        msg = (
            f"Expected velocities in `adata.layers[{part.key!r}]` that are finite or missing for a whole gene, found "
            f"{len(genes)} genes that move and {int((~np.isfinite(v)).sum())} values that are not finite."
        )
        raise ValueError(msg)
    s = pooled(count_matrix(cells.adata, cells.layer), cells.graph, genes)
    spread = np.maximum(s.std(0), 1e-12)
    chain = velocity_kernel(cells.graph, s / spread, v / spread)
    return _arriving(cells, chain)


def _from_transitions(cells: Cells, part: Direction) -> Directed:
    chain = sparse.csr_matrix(
        read(cells.adata, "obsp", part.key, hint="pass the key of a transition matrix"), dtype=float
    )
    error = float(np.abs(np.asarray(chain.sum(1)).ravel() - 1).max())
    if not np.isfinite(chain.data).all() or (chain.data < 0).any() or error > 1e-6:
        msg = (
            f"Expected rows of `adata.obsp[{part.key!r}]` that are probabilities summing to 1, found a deviation of "
            f"{error:.1e}; divide each row by its sum."
        )
        raise ValueError(msg)
    return _arriving(cells, chain)


_SOURCES = {
    "root": _from_root,
    "pseudotime": _from_pseudotime,
    "time": _from_time,
    "unspliced": _from_unspliced,
    "velocity": _from_velocity,
    "transitions": _from_transitions,
}


def _root_cells(adata: AnnData, part: Direction, graph: CellGraph, layer: str) -> NDArray[np.int64]:
    if part.genes:
        return _cells_high_in(adata, part.genes, graph, layer)
    if part.key in adata.obs_names:
        cell = int(adata.obs_names.get_loc(part.key))
        return np.unique(np.r_[cell, graph.weights[cell].indices])
    column, _, value = part.key.partition("=")
    if column in adata.obs and value:
        cells = np.flatnonzero(adata.obs[column].astype(str) == value)
        if len(cells):
            return cells
        present = sorted(map(str, adata.obs[column].unique()))[:10]
        msg = f"Expected cells with {value!r} in `adata.obs[{column!r}]`, found none; it holds {present}."
        raise ValueError(msg)
    msg = f"Expected the name of a cell or 'column=value' as root, found {part.key!r}; columns: {list(adata.obs)[:20]}."
    raise KeyError(msg)


def _cells_high_in(adata: AnnData, genes: tuple[str, ...], graph: CellGraph, layer: str) -> NDArray[np.int64]:
    index = adata.var_names.get_indexer(list(genes))
    if (index < 0).any():
        missing = [gene for gene, i in zip(genes, index, strict=True) if i < 0]
        msg = f"Expected root genes that are in `adata.var_names`, found {missing} missing."
        raise KeyError(msg)
    logs = np.log1p(pooled(count_matrix(adata, layer), graph, index))
    spread = logs.std(0)
    if (flat := spread == 0).any():
        msg = f"Expected root genes that vary, found {[g for g, f in zip(genes, flat, strict=True) if f]} constant."
        raise ValueError(msg)
    # All of the genes are high at the start, so the lowest of them counts: one gene alone does not make a root.
    score = ((logs - logs.mean(0)) / spread).min(1)
    # The root is one place: the neighbourhood of the highest score, once more averaged over neighbours.
    smooth = (graph.weights @ score) / np.maximum(np.asarray(graph.weights.sum(1)).ravel(), 1e-300)
    top = int(np.argmax(np.where(graph.component == 0, smooth, -np.inf)))
    return np.unique(np.r_[top, graph.weights[top].indices])
