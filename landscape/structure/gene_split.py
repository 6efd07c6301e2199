"""Do genes vary together beyond the noise of sampling, and still so within groups? One half of them against the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import cut_tree, linkage

from landscape.structure.residuals import cell_variances, components, residuals
from landscape.structure.strata import Strata, batches_alone, strata

# Random splits of the genes, and sign flips of each.
N_SPLITS, N_FLIPS = 5, 999
# Sign flips computed at once.
_BLOCK = 100
# Largest number of groups, and smallest mean number of cells of one.
MAX_GROUPS, CELLS_PER_GROUP = 15, 20
# A cell belongs clearly to another group if its mean is within this share of the distance of the own one.
_CLEARLY_NEARER = 0.5


@dataclass(frozen=True)
class GeneSplit:
    """Association between two halves of the genes, over several random splits.

    Attributes
    ----------
    correlation
        Largest canonical correlation of the leading components of the halves, mean over the splits.
    by_chance
        The same where the sign of each cell's residuals is random.
    p_value
        Twice the median of the p-values of the splits, one at most: valid however the splits depend on one another.
    n_groups
        Number of groups of cells within which residuals were taken, median over the splits.
    """

    correlation: float
    by_chance: float
    p_value: float
    n_groups: int


def gene_split(
    counts: sparse.csr_matrix, batch: NDArray[np.int64], rng: np.random.Generator
) -> tuple[GeneSplit, GeneSplit]:
    r"""Test whether two halves of the genes vary together, over all cells and within groups of like cells.

    Let :math:`a_c` and :math:`b_c` be leading components of the residuals of the two halves (:class:`Residuals`), each
    relative to the variance of the other half in the same cell. If genes are independent given the size of the cell,
    :math:`E[b_c \mid a_c] = 0`, and :math:`T = |\sum_c a_c b_c^\top|^2` is compared with :math:`|\sum_c \epsilon_c a_c
    b_c^\top|^2` for random signs :math:`\epsilon_c`. Signs change neither the components of a half nor the variance of a
    cell, so that the test holds for cells of very different size and for genes of any dispersion.

    Within groups, the same is done for residuals from the mean of each group. Groups come from the first half alone (Ward);
    their number is that which predicts the second half best, cell by cell left out. Groups of like cells then leave
    nothing where cells are of several homogeneous types, and leave much on a continuum, which no number of groups exhausts.

    Parameters
    ----------
    counts
        Counts of genes that cells express, shape ``(n, g)``, with four genes or more.
    batch
        Batch of each cell: 0, 1, ...
    rng
        Generator.

    Returns
    -------
    Result over all cells, and within groups.

    References
    ----------
    Hemerik, Goeman & Finos (2020), *J. R. Stat. Soc. B* 82, 841. https://doi.org/10.1111/rssb.12369
    Meinshausen, Meier & Buehlmann (2009), *JASA* 104, 1671. https://doi.org/10.1198/jasa.2009.tm08647
    """
    library = np.asarray(counts.sum(1)).ravel()
    cells, alone = strata(library, batch), batches_alone(batch)
    columns = sparse.csc_matrix(counts)
    overall, within = [], []
    for _ in range(N_SPLITS):
        order = rng.permutation(columns.shape[1])
        middle = len(order) // 2
        first, second = (columns[:, np.sort(part)].tocsr() for part in (order[:middle], order[middle:]))
        (a, _), (b, _) = _components(first, second, cells, rng)
        overall.append((*_signed(a, b, rng), 1))
        # Types of cells may differ in library size, so that only batches are left out where groups are sought.
        (a, a_size), (b, b_size) = _components(first, second, alone, rng)
        groups = grouping(a * a_size, b * b_size)
        kept = agreeing(groups, b * b_size)
        # Numbered by batch and group, so that both are regressed.
        both = np.unique((batch * (groups.max() + 1) + groups)[kept], return_inverse=True)[1]
        (a, _), (b, _) = _components(first[kept], second[kept], strata(library[kept], both), rng)
        within.append((*_signed(a, b, rng), int(groups.max()) + 1))
    return _combined(overall), _combined(within)


def _components(
    first: sparse.csr_matrix, second: sparse.csr_matrix, cells: Strata, rng: np.random.Generator
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Components of each half and their sizes, relative to the variance of the other half in each cell."""
    scales = [cell_variances(half, cells.stratum) for half in (second, first)]
    return tuple(
        components(residuals(half, cells.stratum, scale=scale), cells.nuisance, rng)
        for half, scale in zip((first, second), scales, strict=True)
    )


def grouping(
    coordinates: NDArray[np.float64], held_out: NDArray[np.float64], *, max_groups: int = MAX_GROUPS
) -> NDArray[np.int64]:
    """Groups of cells by Ward's method, as many as predict other variables of the cells best.

    Parameters
    ----------
    coordinates
        Coordinates of cells, shape ``(n, k)``.
    held_out
        Variables from other genes, shape ``(n, m)``, predicted by the mean of the other cells of a group.
    max_groups
        Largest number of groups.

    Returns
    -------
    Group of each cell: 0, 1, ...
    """
    most = max(1, min(max_groups, len(coordinates) // CELLS_PER_GROUP))
    cuts = cut_tree(linkage(coordinates, "ward"), n_clusters=np.arange(1, most + 1))
    errors = [_left_out_error(cut, held_out) for cut in cuts.T]
    return np.asarray(cuts[:, int(np.argmin(errors))], dtype=np.int64)


def agreeing(groups: NDArray[np.int64], held_out: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cells whose other genes do not place them clearly in another group than their own.

    A cell of few counts may be placed in the group of another type, and would pass for a cell within that group that
    differs from it in all genes. Whether a cell is kept depends on its group and its other genes alone, so that the two
    halves stay independent within a group of one type.

    Parameters
    ----------
    groups
        Group of each cell, from one half of the genes.
    held_out
        Variables from the other half, shape ``(n, m)``.

    Returns
    -------
    Positions of the cells of which no other group's mean is at less than half the distance of their own.
    """
    mean, _ = _group_means(groups, held_out)
    squares = ((held_out[:, None] - mean) ** 2).sum(2)
    own = squares[np.arange(len(groups)), groups]
    return np.flatnonzero(squares.min(1) >= _CLEARLY_NEARER**2 * own)


def _left_out_error(groups: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """Squared error of the mean of the other cells of a group; a cell alone is predicted by the mean of all, zero."""
    mean, size = _group_means(groups, values)
    others = np.maximum(size - 1, 1)
    error = np.where(
        size[groups] > 1, ((values - mean[groups]) ** 2).sum(1) * (size / others)[groups] ** 2, (values**2).sum(1)
    )
    return float(error.sum())


def _group_means(
    groups: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean of each variable over each group, shape ``(n_groups, m)``, and the sizes of the groups."""
    size = np.bincount(groups)
    return np.column_stack([np.bincount(groups, column) / size for column in values.T]), size


def _signed(a: NDArray[np.float64], b: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float, float]:
    """Largest correlation, its mean over sign flips, and the p-value of the sum of squares."""
    shape = (a.shape[1], b.shape[1])
    outer = (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)
    observed = outer.sum(0)
    total = float((observed**2).sum())
    exceeded, largest = 0, 0.0
    for start in range(0, N_FLIPS, _BLOCK):
        number = min(_BLOCK, N_FLIPS - start)
        flipped = (2.0 * rng.integers(0, 2, (number, len(a))) - 1) @ outer
        exceeded += int(((flipped**2).sum(1) >= total).sum())
        largest += float(np.linalg.svd(flipped.reshape(number, *shape), compute_uv=False)[:, 0].sum())
    correlation = float(np.linalg.svd(observed.reshape(shape), compute_uv=False)[0])
    return correlation, largest / N_FLIPS, (1 + exceeded) / (1 + N_FLIPS)


def _combined(splits: list[tuple[float, float, float, int]]) -> GeneSplit:
    correlation, by_chance, p, groups = np.array(splits).T
    return GeneSplit(
        float(correlation.mean()), float(by_chance.mean()), min(1.0, 2 * float(np.median(p))), int(np.median(groups))
    )
