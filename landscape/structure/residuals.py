"""What is left of counts once library size and the mean of each gene are accounted for, without a dense matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._numbers import TINY
from landscape.structure.strata import Strata

# Components that stand for the state of a cell: more add noise where cells are few and say little where they are many.
N_COMPONENTS = 10
# Columns beyond these, and rounds, of the randomised singular value decomposition.
_OVERSAMPLING, _ROUNDS = 10, 5
# Components below this share of the largest are rounding.
_ROUNDING = 1e-8
# Least variance of a cell, relative to the mean: no cell, such as one without counts in half of the genes, outweighs all.
_LEAST_VARIANCE = 0.01


@dataclass(frozen=True)
class Residuals:
    r"""Residuals of counts, :math:`r_{cg} = a_c\, (n_{cg} - N_c\, p_{b(c) g})\, w_g`, as an operator.

    :math:`N_c` is the library size of the cell in these genes, and :math:`p_{bg}` the share of the gene in all counts of
    its group :math:`b` of cells. Where counts have the mean :math:`s_c\, \mu_{b(c) g}`, a residual has mean zero whatever
    the size :math:`s_c` of the cell and the distribution of the gene, up to the sampling of :math:`p`.

    Attributes
    ----------
    counts
        Counts :math:`n`, shape ``(n, g)``.
    expected
        Library size of each cell in the column of its group, shape ``(n, n_groups)``.
    share
        :math:`p`, shape ``(n_groups, g)``.
    cell_weight, gene_weight
        :math:`a` and :math:`w`.
    """

    counts: sparse.csr_matrix
    expected: sparse.csr_matrix
    share: NDArray[np.float64]
    cell_weight: NDArray[np.float64]
    gene_weight: NDArray[np.float64]

    def times(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Product with a matrix of shape ``(g, k)``."""
        y = self.gene_weight[:, None] * x
        return np.asarray(self.cell_weight[:, None] * (self.counts @ y - self.expected @ (self.share @ y)))

    def transposed_times(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Product of the transpose with a matrix of shape ``(n, k)``."""
        y = self.cell_weight[:, None] * x
        return np.asarray(self.gene_weight[:, None] * (self.counts.T @ y - self.share.T @ (self.expected.T @ y)))

    def squared_norms(self) -> NDArray[np.float64]:
        """Sum of the squared residuals of each cell, shape ``(n,)``."""
        w2 = self.gene_weight**2
        own = self.counts.multiply(self.counts) @ w2
        crossed = self.expected.multiply(self.counts @ (self.share * w2).T).sum(1)
        mean = self.expected.multiply(self.expected) @ (self.share**2 @ w2)
        total = np.ravel(own) - 2 * np.ravel(crossed) + np.ravel(mean)
        return np.asarray(self.cell_weight**2 * np.maximum(total, 0))


def residuals(counts: sparse.csr_matrix, groups: NDArray[np.int64], *, scale: NDArray[np.float64]) -> Residuals:
    """Residuals of counts within groups, relative to the scale of each cell, each gene with variance one.

    Parameters
    ----------
    counts
        Counts, shape ``(n, g)``.
    groups
        Group of each cell, such as its stratum: 0, 1, ...
    scale
        Positive variance of each cell. Taken from other genes than these, it leaves the mean of residuals at zero.
    """
    library = np.asarray(counts.sum(1)).ravel()
    n, n_groups = len(library), int(groups.max()) + 1
    indicator = sparse.csr_matrix((np.ones(n), (np.arange(n), groups)), shape=(n, n_groups))
    share = np.asarray((indicator.T @ counts).todense()) / np.maximum(indicator.T @ library, TINY)[:, None]
    expected = sparse.csr_matrix(sparse.diags(library) @ indicator)
    # Mean square of each gene from sparse products: (n - N p)^2 = n^2 - 2 n N p + N^2 p^2.
    weighted = sparse.diags(1 / scale) @ counts
    own = np.ravel(weighted.multiply(counts).sum(0))
    crossed = ((expected.T @ weighted).toarray() * share).sum(0)
    mean = (expected.multiply(expected).T @ (1 / scale)) @ share**2
    variance = np.maximum(own - 2 * crossed + mean, 0) / n
    gene_weight = np.where(variance > 0, 1 / np.sqrt(np.maximum(variance, TINY)), 0.0)
    return Residuals(sparse.csr_matrix(counts), expected, share, 1 / np.sqrt(scale), gene_weight)


def cell_variances(counts: sparse.csr_matrix, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean square of the residuals of each cell, positive: the scale on which other genes of the cell are judged."""
    library = np.maximum(np.asarray(counts.sum(1)).ravel(), 1)
    found = residuals(counts, groups, scale=library).squared_norms() * library
    return np.asarray(np.maximum(found, found.mean() * _LEAST_VARIANCE + TINY))


def scores(counts: sparse.csr_matrix, cells: Strata, rng: np.random.Generator) -> NDArray[np.float64]:
    """Leading components of the residuals of counts within strata, by their size, shape ``(n, k)``.

    Each cell is judged on the scale of its own residuals.

    Parameters
    ----------
    counts
        Counts, shape ``(n, g)``.
    cells
        Strata of the cells, and what is removed.
    rng
        Generator.
    """
    found = residuals(counts, cells.stratum, scale=cell_variances(counts, cells.stratum))
    left, size = components(found, cells.nuisance, rng)
    return left * size


def components(
    found: Residuals, nuisance: NDArray[np.float64], rng: np.random.Generator, *, number: int = N_COMPONENTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leading components of residuals over cells, by a randomised singular value decomposition.

    Parameters
    ----------
    found
        Residuals.
    nuisance
        Orthonormal variables of cells, shape ``(n, q)``; what they explain is removed.
    rng
        Generator.
    number
        Number of components; there are fewer where there are fewer genes.

    Returns
    -------
    Orthonormal components, shape ``(n, k)``, orthogonal to the nuisance variables, and their singular values.

    References
    ----------
    Halko, Martinsson & Tropp (2011), *SIAM Rev.* 53, 217. https://doi.org/10.1137/090771806
    """
    n, g = found.counts.shape
    width = max(1, min(number + _OVERSAMPLING, g, n - nuisance.shape[1]))

    def project(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x - nuisance @ (nuisance.T @ x)

    basis = np.linalg.qr(project(found.times(rng.normal(size=(g, width)))))[0]
    for _ in range(_ROUNDS):
        back = np.linalg.qr(found.transposed_times(project(basis)))[0]
        basis = np.linalg.qr(project(found.times(back)))[0]
    left, size, _ = np.linalg.svd(found.transposed_times(project(basis)).T, full_matrices=False)
    kept = np.flatnonzero(size[:number] > size[0] * _ROUNDING)
    return np.asarray(project(basis @ left[:, kept])), np.asarray(size[kept])
