"""The root of development: a cell with its neighbours, or the place where marker genes are high."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape._numbers import TINY
from landscape.markov.graph import CellGraph


def neighbourhood(graph: CellGraph, cell: int) -> NDArray[np.int64]:
    """A cell and its neighbours in the graph, sorted."""
    return np.unique(np.r_[cell, graph.weights[cell].indices])


def root_by_markers(graph: CellGraph, expression: NDArray[np.float64]) -> NDArray[np.int64]:
    """Neighbourhood of the cell at which all marker genes are high.

    The score of a cell is the smallest z-score of the logarithmic expression of the markers: all of them are high at the
    root, and one gene alone does not make one. The score is averaged over neighbours, and the root is the neighbourhood
    of its maximum on the largest component of the graph.

    Parameters
    ----------
    graph
        Graph of cells.
    expression
        Expression of the markers, pooled over neighbours, shape ``(n, n_markers)``. Each of them varies.

    Returns
    -------
    Cells of the root, sorted.
    """
    logs = np.log1p(expression)
    score = ((logs - logs.mean(0)) / logs.std(0)).min(1)
    smooth = (graph.weights @ score) / np.maximum(np.asarray(graph.weights.sum(1)).ravel(), TINY)
    top = int(np.argmax(np.where(graph.component == 0, smooth, -np.inf)))
    return neighbourhood(graph, top)
