"""Diffusion components of the graph of cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import eigsh

from landscape.markov.graph import CellGraph


def diffusion_components(graph: CellGraph, n_components: int = 15) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Slowest eigenvectors of diffusion on the graph, corrected for the density of cells.

    The kernel is divided by its degrees on both sides (:math:`\alpha = 1`), so that its limit is the
    Laplace-Beltrami operator of the manifold.

    Parameters
    ----------
    graph
        Connected graph of cells.
    n_components
        Number of components, the constant one included.

    Returns
    -------
    Eigenvalues, shape ``(n_components,)``, the largest first; and right eigenvectors, shape ``(n, n_components)``, the
    first one constant.

    References
    ----------
    Coifman & Lafon (2006), *Appl. Comput. Harmon. Anal.* 21, 5. https://doi.org/10.1016/j.acha.2006.04.006
    """
    inverse = sparse.diags(1 / np.asarray(graph.weights.sum(1)).ravel())
    kernel = inverse @ graph.weights @ inverse
    root = sparse.diags(np.asarray(kernel.sum(1)).ravel() ** -0.5)
    n = graph.weights.shape[0]
    symmetric = sparse.csr_matrix(root @ kernel @ root)
    # Neighbouring cells near each other in memory halve the cost of a product.
    near = reverse_cuthill_mckee(symmetric, symmetric_mode=True)
    values, found = eigsh(symmetric[near][:, near], k=min(n_components, n - 2), which="LA", v0=np.ones(n))
    order = np.argsort(-values)
    vectors = np.empty_like(found)
    vectors[near] = found[:, order]
    return values[order], vectors / vectors[:, [0]]
