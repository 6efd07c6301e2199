"""Expression of genes pooled over the neighbourhood of each cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TARGET_SUM
from landscape.markov.graph import CellGraph


def pooled(counts: sparse.csr_matrix, graph: CellGraph, genes: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""Depth-normalised expression of genes, pooled over each cell and its neighbours.

    .. math:: e_{cg} = 10^4 \, \frac{\sum_j (K + I)_{cj}\, n_{jg}}{\max(1, \sum_j (K + I)_{cj} \sum_h n_{jh})}

    Parameters
    ----------
    counts
        Counts :math:`n` of all genes, shape ``(n, n_genes)``.
    graph
        Graph of cells with the weights :math:`K`.
    genes
        Columns of the genes.

    Returns
    -------
    Expression, shape ``(n, len(genes))``.
    """
    smooth = graph.weights + sparse.identity(graph.weights.shape[0], format="csr")
    depth = np.asarray(counts.sum(1)).ravel().astype(float)
    total = smooth @ depth
    return (
        np.asarray((smooth @ counts[:, genes].astype(float)).todense()) / np.maximum(total, 1.0)[:, None] * TARGET_SUM
    )
