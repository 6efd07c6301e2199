"""Sets of genes with a level for each: all of a size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

# Genes by position, in rising order, each with its level.
GeneSet = tuple[tuple[int, float], ...]


def gene_sets(genes: Sequence[int], levels: Sequence[float], size: int) -> list[GeneSet]:
    """All sets of a number of genes, each gene at each level.

    Parameters
    ----------
    genes
        Positions of the genes.
    levels
        Levels at which a gene may be held.
    size
        Number of genes of a set.
    """
    return [
        tuple(zip(chosen, held, strict=True))
        for chosen in combinations(sorted(genes), size)
        for held in product(levels, repeat=size)
    ]


def as_arrays(sets: Sequence[GeneSet]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Genes and levels of sets of one size, each of shape ``(m, k)``."""
    pairs = np.array(sets, dtype=float).reshape(len(sets), -1, 2)
    return pairs[..., 0].astype(np.int64), pairs[..., 1]
