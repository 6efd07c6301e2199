"""Preprocessing: check a data set, check its counts, find regulators, select genes."""

from landscape.pp._check import Findings, check
from landscape.pp._counts import CountReport, check_counts
from landscape.pp._genes import pearson_residual_variance, select_genes
from landscape.pp._regulators import find_regulators

__all__ = [
    "CountReport",
    "Findings",
    "check",
    "check_counts",
    "find_regulators",
    "pearson_residual_variance",
    "select_genes",
]
