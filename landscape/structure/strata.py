"""Cells of like library size and batch: what they share is no structure, and among themselves they may be exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Cells of a stratum, about, and largest number of strata of library size in a batch.
CELLS_PER_STRATUM, MAX_STRATA = 50, 40
# Singular values below this share of the largest belong to variables that depend on the others.
_DEPENDENT = 1e-10


@dataclass(frozen=True)
class Strata:
    """Strata of like library size within each batch.

    Attributes
    ----------
    stratum
        Stratum of each cell, shape ``(n,)``: 0, 1, ...
    nuisance
        Orthonormal variables of cells, shape ``(n, q)``, that span the strata and, in each batch, the logarithm of the
        library size and its square.
    """

    stratum: NDArray[np.int64]
    nuisance: NDArray[np.float64]

    def permutations(self, number: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Random permutations of cells within their strata."""
        order = np.argsort(self.stratum, kind="stable")
        for _ in range(number):
            result = np.empty_like(order)
            result[order] = np.lexsort((rng.random(len(order)), self.stratum))
            yield result

    def varies_within(self, values: NDArray[np.float64]) -> bool:
        """Whether values of cells, shape ``(n, m)``, differ between cells of a stratum, so that exchange changes them."""
        first = np.unique(self.stratum, return_index=True)[1]
        return bool((values != values[first][self.stratum]).any())


def batches_alone(batch: NDArray[np.int64]) -> Strata:
    """Batches as strata, whatever the library size."""
    indicator = (batch[:, None] == np.unique(batch)).astype(float)
    return Strata(np.unique(batch, return_inverse=True)[1], indicator / np.sqrt(indicator.sum(0)))


def strata(library: NDArray[np.float64], batch: NDArray[np.int64]) -> Strata:
    """Strata of like library size within each batch.

    Parameters
    ----------
    library
        Library size of each cell.
    batch
        Batch of each cell: 0, 1, ...
    """
    stratum, columns, used = np.zeros(len(library), dtype=np.int64), [], 0
    logs = np.log(np.maximum(library, 1))
    for b in np.unique(batch):
        cells = np.flatnonzero(batch == b)
        number = int(np.clip(len(cells) // CELLS_PER_STRATUM, 1, MAX_STRATA))
        rank = np.argsort(np.argsort(logs[cells], kind="stable"), kind="stable")
        stratum[cells] = used + rank * number // len(cells)
        used += number
        x = logs[cells] - logs[cells].mean()
        block = np.zeros((len(library), 2))
        block[cells] = np.column_stack([x, x**2])
        columns.append(block)
    columns.append((stratum[:, None] == np.arange(used)).astype(float))
    left, size, _ = np.linalg.svd(np.hstack(columns), full_matrices=False)
    return Strata(stratum, left[:, size > size[0] * _DEPENDENT])
