"""Reprogramming: least sets of genes that carry one attractor into another when they are held for a time."""

from landscape.reprogramming.boolean import boolean_sets
from landscape.reprogramming.candidate_genes import candidates
from landscape.reprogramming.flow import Released, hold_and_release, states_along
from landscape.reprogramming.goal import Goal, attractors_with, goal_of, with_targets
from landscape.reprogramming.least_sets import Reprogramming, reprogram
from landscape.reprogramming.noise_free import Hits, agreement_of_models, search, shortest_pulses
from landscape.reprogramming.sets import GeneSet, gene_sets
from landscape.reprogramming.trials import Trial, trial

__all__ = [
    "GeneSet",
    "Goal",
    "Hits",
    "Released",
    "Reprogramming",
    "Trial",
    "agreement_of_models",
    "attractors_with",
    "boolean_sets",
    "candidates",
    "gene_sets",
    "goal_of",
    "hold_and_release",
    "reprogram",
    "search",
    "shortest_pulses",
    "states_along",
    "trial",
    "with_targets",
]
