"""Inputs of a fit of the model, read from AnnData, and its results for the cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from landscape import _keys
from landscape._anndata import count_matrix, read, require_unique, write
from landscape._directions import StoredCells
from landscape.directions import Combination, Direction
from landscape.dynamics.refinement import Refinement, refinement
from landscape.dynamics.regulators import carries_all_edges, varying_regulators
from landscape.dynamics.states import in_scale, scaled_states
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph, consensus_graph, graphs_of_parts
from landscape.markov.retiming import retimed
from landscape.tl._batches import warn_of_batches
from landscape.tl._checks import require_spread
from landscape.tl._direction import directed_by
from landscape.tl._state import coordinates, expression, widths_of


@dataclass(frozen=True, eq=False)
class LatentParts:
    """What each of several latent models makes of the cells.

    Attributes
    ----------
    levels
        Expression of the regulators under each model, each of shape ``(n, d)``.
    graphs
        Graph of neighbours of each.
    """

    levels: list[NDArray[np.float64]]
    graphs: list[CellGraph]

    def __len__(self) -> int:
        return len(self.graphs)


@dataclass(frozen=True, eq=False)
class DirectedCells:
    """Cells with their states, their direction and the network of their regulators.

    Attributes
    ----------
    regulators
        Names of the :math:`d` regulators in the model.
    states, scale
        States of the cells, shape ``(n, d)``, and the scale of each regulator, shape ``(d,)``.
    coordinates, graph
        Coordinates in which cells are neighbours, shape ``(n, k)``, and the graph of neighbours.
    widths, parts
        Number of coordinates of each latent model, and what each makes of the cells, if there are several.
    directed, conflict
        Chain and velocities, and the conflict of the parts of the direction.
    support, support_source
        Edges that may be non-zero, ``[target, regulator]``, and whether they are ``"all"`` or the ``"network"``'s.
    stability
        Share of bootstraps of the network that select each edge; ``None`` if edges are not resampled.
    """

    regulators: list[str]
    states: NDArray[np.float64]
    scale: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    widths: tuple[int, ...]
    parts: LatentParts | None
    graph: CellGraph
    directed: Directed
    conflict: float
    support: NDArray[np.float64]
    support_source: str
    stability: NDArray[np.float64] | None


def read_cells(
    adata: AnnData,
    direction: Direction | Combination,
    *,
    model: Any | None,
    network_key: str,
    layer: str,
    use_rep: str | None,
    n_neighbors: int,
    n_regulators: int | None,
    support: str,
    self_edges: bool,
    resampled: bool,
    refine: bool | str | None,
    rng: np.random.Generator,
) -> DirectedCells:
    """Read and check the inputs of a fit; options as in :func:`landscape.tl.dynamics`."""
    count_matrix(adata, layer, filled=True)
    require_unique(adata.var_names, slot="var_names")
    z = coordinates(adata, model, use_rep)
    require_spread(z)
    widths = widths_of(model, use_rep)
    graphs = graphs_of_parts(z, widths, n_neighbors=n_neighbors)
    graph = consensus_graph(graphs)
    warn_of_batches(adata, graph, model, network_key)
    names, levels = _regulators(adata, network_key, model, layer, graph, n_regulators)
    x, scale = scaled_states(levels)
    stored = StoredCells(adata, z, x, graph, layer, rng)
    directed, conflict = _directed(stored, direction, refinement(refine, len(names)))
    mask, source = _support(adata, network_key, names, support, len(x))
    if self_edges:
        np.fill_diagonal(mask, 1.0)
    stability = None
    if resampled and source == "network":
        stability = _among(adata, f"{network_key}_stability", names)
    parts = None
    if resampled and len(widths) > 1:
        parts = LatentParts([expression(adata, names, one, layer, graph) for one in model or ()], graphs)
    return DirectedCells(names, x, scale, z, widths, parts, graph, directed, conflict, mask, source, stability)


def resampled_cells(
    adata: AnnData,
    cells: DirectedCells,
    direction: Direction | Combination,
    *,
    layer: str,
    refine: bool | str | None,
    rng: np.random.Generator,
) -> DirectedCells:
    """Cells as they are with a bootstrap sample of the latent models: their states, neighbours and direction."""
    if cells.parts is None:
        return cells
    drawn = rng.integers(len(cells.parts), size=len(cells.parts))
    x = in_scale(np.mean([cells.parts.levels[m] for m in drawn], axis=0), cells.scale)
    graph = consensus_graph([cells.parts.graphs[m] for m in drawn])
    source = StoredCells(adata, cells.coordinates, x, graph, layer, rng)
    directed, _ = _directed(source, direction, refinement(refine, len(cells.regulators)))
    return replace(cells, states=x, graph=graph, directed=directed)


def _directed(
    source: StoredCells, direction: Direction | Combination, chosen: Refinement | None
) -> tuple[Directed, float]:
    """Chain and velocities, and the conflict of the sources; for descendants a chain that names no start follows its order."""
    directed, conflict = directed_by(source, direction)
    if chosen == "descendants" and directed.times is None and not len(directed.start):
        directed = retimed(source.graph, directed, source.states)
    return directed, conflict


def write_cells(adata: AnnData, cells: DirectedCells, velocity: NDArray[np.float64]) -> None:
    """Write the states of the cells, the drift at them, the chain, and the start cells."""
    states = pd.DataFrame(cells.states, index=adata.obs_names, columns=cells.regulators)
    drift = pd.DataFrame(velocity, index=adata.obs_names, columns=cells.regulators)
    write(adata, "obsm", _keys.STATE, states, what="state of each cell")
    write(adata, "obsm", _keys.STATE_VELOCITY, drift, what="drift at cells")
    write(adata, "obsp", _keys.TRANSITIONS, cells.directed.transitions, what="directed chain of cells")
    n_start = len(cells.directed.start)
    write(adata, "obs", _keys.START, cells.directed.at_start, what=f"{n_start} cells of the start")


def _regulators(
    adata: AnnData, network_key: str, model: Any | None, layer: str, graph: CellGraph, limit: int | None
) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the regulators in the model, and their expression in each cell, shape ``(n, d)``."""
    read(adata, "varp", network_key, hint="run `landscape.tl.network` first")
    flags = read(adata, "var", _keys.IN_NETWORK, hint="run `landscape.tl.network` first")
    names = list(adata.var_names[flags.to_numpy(dtype=bool)])
    levels = expression(adata, names, model, layer, graph)
    varying = varying_regulators(levels, limit=limit)
    if len(varying) < 2:
        msg = f"Expected at least two regulators whose expression varies, found {len(varying)} of {len(names)}."
        raise ValueError(msg)
    return [names[i] for i in varying], levels[:, varying]


def _support(
    adata: AnnData, network_key: str, names: list[str], choice: str, n_cells: int
) -> tuple[NDArray[np.float64], str]:
    """Edges that may be non-zero, ``[target, regulator]`` without self-edges, and whether they are ``"all"`` or the network's."""
    d = len(names)
    if choice == "auto":
        choice = "all" if carries_all_edges(n_cells, d) else "network"
    if choice == "all":
        return 1 - np.eye(d), "all"
    mask = _among(adata, network_key + _keys.SUPPORT_SUFFIX, names)
    np.fill_diagonal(mask, 0.0)
    return mask, "network"


def _among(adata: AnnData, key: str, names: list[str]) -> NDArray[np.float64]:
    """Matrix of the network among regulators, ``[target, regulator]``."""
    index = adata.var_names.get_indexer(names)
    found = sparse.csr_matrix(read(adata, "varp", key, hint="run `landscape.tl.network` first"))
    return np.asarray(found[index][:, index].todense(), dtype=float).T
