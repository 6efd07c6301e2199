"""Tests of structure: whether counts, and a direction beside them, support a landscape at all."""

from landscape.structure.gene_split import GeneSplit, gene_split
from landscape.structure.smoothness import Smoothness, coded, smoothness
from landscape.structure.verdict import (
    LEVEL,
    MAX_CELLS,
    StructureTest,
    compare_genes,
    compare_values,
    failures,
    untestable,
)

__all__ = [
    "LEVEL",
    "MAX_CELLS",
    "GeneSplit",
    "Smoothness",
    "StructureTest",
    "coded",
    "compare_genes",
    "compare_values",
    "failures",
    "gene_split",
    "smoothness",
    "untestable",
]
