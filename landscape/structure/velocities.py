"""Velocities and splicing of cells as a few values, whose likeness among neighbours is tested."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TINY
from landscape.structure.residuals import Residuals, components, scores
from landscape.structure.strata import strata

# Leading components of velocities.
_N_VELOCITY_COMPONENTS = 20


def velocity_directions(velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of velocities, shape ``(n, m)``, in their leading components, shape ``(n, k)``."""
    unit = velocity / np.maximum(np.linalg.norm(velocity, axis=1), TINY)[:, None]
    vectors = np.linalg.eigh(unit.T @ unit)[1]
    return np.asarray(unit @ vectors[:, -_N_VELOCITY_COMPONENTS:])


def abundance(counts: sparse.csr_matrix, rng: np.random.Generator) -> NDArray[np.float64]:
    """Leading components of the residuals of counts, such as unspliced ones, by their size, shape ``(n, k)``."""
    cells = strata(np.ravel(counts.sum(1)), np.zeros(counts.shape[0], dtype=np.int64))
    return scores(counts, cells, rng)


def splicing(spliced: sparse.csr_matrix, unspliced: sparse.csr_matrix, rng: np.random.Generator) -> NDArray[np.float64]:
    r"""Leading components of what a constant degree of splicing leaves of unspliced counts, shape ``(n, k)``.

    .. math:: r_{cg} = u_{cg} - k_c\, q_g\, (u_{cg} + s_{cg})

    with the unspliced share :math:`q_g` of each gene, and :math:`k_c` such that residuals of a cell sum to zero. If the
    molecules of a gene are unspliced with one probability in all cells of like :math:`k_c`, :math:`r` has mean zero given
    the total counts, and unspliced counts say nothing of where a cell goes.
    """
    total = sparse.csr_matrix(spliced + unspliced)
    share = np.ravel(unspliced.sum(0)) / np.maximum(np.ravel(total.sum(0)), 1)
    expected = np.maximum(total @ share, TINY)
    factor = np.ravel(unspliced.sum(1)) / expected
    left_over = sparse.csr_matrix(unspliced - sparse.diags(factor) @ total @ sparse.diags(share))
    depth = np.maximum(np.ravel(total.sum(1)), 1)
    squares = np.ravel((sparse.diags(1 / depth) @ left_over.multiply(left_over)).sum(0))
    n, g = total.shape
    gene_weight = np.where(squares > 0, np.sqrt(n / np.maximum(squares, TINY)), 0.0)
    # The expectation is subtracted above, so that none is left for the operator.
    none = sparse.csr_matrix((n, 1))
    found = Residuals(left_over, none, np.zeros((1, g)), 1 / np.sqrt(depth), gene_weight)
    cells = strata(depth, np.zeros(n, dtype=np.int64))
    left, size = components(found, cells.nuisance, rng)
    return left * size
