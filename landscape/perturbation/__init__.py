"""Perturbations of models, in which genes are clamped: fates and attractors before and after, and how certain that is."""

from landscape._keys import perturbation_name
from landscape.perturbation.agreement import MAX_DISAGREEMENT, start_agreement, total_variation
from landscape.perturbation.certainty import Certainty, certainty, replicates_needed, smallest_lfsr
from landscape.perturbation.contrasts import Contrasts, contrasts
from landscape.perturbation.controls import matched_controls, out_strength
from landscape.perturbation.levels import level_table, warn_of_missing_edges
from landscape.perturbation.paired import PairedFates, paired_fates
from landscape.perturbation.release import release_table
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
    "MAX_DISAGREEMENT",
    "OTHER",
    "UNDIFFERENTIATED",
    "Certainty",
    "Contrasts",
    "Outcome",
    "PairedFates",
    "References",
    "certainty",
    "compare",
    "contrasts",
    "level_table",
    "matched_controls",
    "out_strength",
    "outcome",
    "paired_fates",
    "perturbation_name",
    "references",
    "release_table",
    "replicates_needed",
    "smallest_lfsr",
    "start_agreement",
    "total_variation",
    "warn_of_missing_edges",
]
