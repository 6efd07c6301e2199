"""Perturbations of a model, in which genes are clamped: fates and attractors before and after."""

from landscape._keys import perturbation_name
from landscape.perturbation.experiment import Comparison, Experiment, control_levels
from landscape.perturbation.levels import level_table
from landscape.topography.fates.outcomes import (
    OTHER,
    UNDIFFERENTIATED,
    Outcome,
    References,
    compare,
    outcome,
    references,
)

__all__ = [
    "OTHER",
    "UNDIFFERENTIATED",
    "Comparison",
    "Experiment",
    "Outcome",
    "References",
    "compare",
    "control_levels",
    "level_table",
    "outcome",
    "perturbation_name",
    "references",
]
