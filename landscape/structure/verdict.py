"""The tests of structure together: whether counts and a direction support a landscape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape.structure.gene_split import GeneSplit, gene_split
from landscape.structure.smoothness import smoothness

# Every test that can be made has to reject its null hypothesis at this level.
LEVEL = 0.01
# Cells that are tested, at most: the cost of a stage and its memory are bounded, and power is ample.
MAX_CELLS = 2000
# Genes that are tested are seen in this number and share of the cells.
MIN_DETECTED, MIN_DETECTED_SHARE = 10, 0.01
# Genes and cells below which halves of genes cannot be compared.
MIN_GENES, MIN_CELLS = 8, 40
SHARED, CONTINUUM = "shared variation", "continuum"


@dataclass(frozen=True)
class StructureTest:
    """A test of structure.

    Attributes
    ----------
    name
        What is tested.
    statistic, by_chance
        Figure of the data, and its mean under the null hypothesis.
    p_value
        NaN where the test cannot be made.
    note
        Meaning of the statistic, or why there is none.
    required
        Whether a test that cannot be made counts as failed.
    """

    name: str
    statistic: float
    by_chance: float
    p_value: float
    note: str
    required: bool

    @property
    def passed(self) -> bool:
        """Whether the data stand out from the null hypothesis, or the test is dispensable and cannot be made."""
        return bool(self.p_value <= LEVEL) or (np.isnan(self.p_value) and not self.required)

    @property
    def sentence(self) -> str:
        """The test and its figure."""
        if np.isnan(self.p_value):
            return f"{self.name}: {self.note}"
        return f"{self.name}: {self.note} {self.statistic:.2f}, {self.by_chance:.2f} by chance (p = {self.p_value:.2g})"


def expressed(counts: sparse.csr_matrix) -> NDArray[np.int64]:
    """Genes that enough cells express."""
    detected = np.ravel((counts > 0).sum(0))
    return np.flatnonzero(detected >= max(MIN_DETECTED, MIN_DETECTED_SHARE * counts.shape[0]))


def compare_genes(
    counts: sparse.csr_matrix, batch: NDArray[np.int64], rng: np.random.Generator
) -> tuple[StructureTest, StructureTest]:
    """Test shared variation of genes, over all cells and within groups of like cells.

    Parameters
    ----------
    counts
        Counts of the cells that are tested, shape ``(n, g)``.
    batch
        Batch of each cell: 0, 1, ...
    rng
        Generator.
    """
    genes = expressed(counts)
    if len(genes) < MIN_GENES or counts.shape[0] < MIN_CELLS:
        note = (
            f"expected at least {MIN_CELLS} cells and {MIN_GENES} genes that {MIN_DETECTED} of them express, found "
            f"{counts.shape[0]} and {len(genes)}"
        )
        shared, continuum = (
            StructureTest(name, np.nan, np.nan, np.nan, note, required=True) for name in (SHARED, CONTINUUM)
        )
        return shared, continuum
    overall, within = gene_split(counts[:, genes], batch, rng)
    return (
        _of_split(SHARED, overall, "correlation of two halves of the genes"),
        _of_split(
            CONTINUUM,
            within,
            f"the same within {within.n_groups} group{'' if within.n_groups == 1 else 's'} of like cells",
        ),
    )


def _of_split(name: str, found: GeneSplit, note: str) -> StructureTest:
    return StructureTest(name, found.correlation, found.by_chance, found.p_value, note, required=True)


def compare_values(
    name: str,
    counts: sparse.csr_matrix,
    values: NDArray[np.float64],
    batch: NDArray[np.int64],
    rng: np.random.Generator,
) -> StructureTest:
    """Test whether values that a direction rests on are alike among neighbours.

    Parameters
    ----------
    name
        What they are.
    counts
        Counts that define neighbours, shape ``(n, g)``.
    values
        Shape ``(n, m)``.
    batch
        Batch of each cell: 0, 1, ...
    rng
        Generator.
    """
    genes = expressed(counts)
    if len(genes) < 2 or counts.shape[0] < MIN_CELLS:
        return untestable(name, f"too few cells or genes ({counts.shape[0]}, {len(genes)}) to test")
    found = smoothness(counts[:, genes], values, batch, rng)
    if np.isnan(found.p_value):
        return untestable(name, "not testable, as it does not vary between cells of like batch and library size")
    return StructureTest(name, found.moran, found.by_chance, found.p_value, "likeness of neighbours", required=False)


def untestable(name: str, note: str) -> StructureTest:
    """A test of a direction that cannot be made; the tests of genes then decide."""
    return StructureTest(name, np.nan, np.nan, np.nan, note, required=False)


def failures(tests: Sequence[StructureTest]) -> list[str]:
    """Tests that the data fail, each as a sentence with its figure; a landscape is supported if there are none.

    Structure is claimed only if all tests reject, so that the probability to claim it where any null hypothesis holds is at
    most :data:`LEVEL` (intersection-union test), without a correction for their number.

    References
    ----------
    Berger (1982), *Technometrics* 24, 295. https://doi.org/10.1080/00401706.1982.10487790
    """
    return [test.sentence for test in tests if not test.passed]
