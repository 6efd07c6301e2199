"""Consensus over latent models: one list of attractors, fates of cells, and numbers with the spread between models."""

from landscape.consensus.cells import agreement, basins_decided, count_votes, decidedness, mean_fates
from landscape.consensus.intervals import Spread, spread_over_models
from landscape.consensus.matching import Matching, average_linkage, jaccard, match_attractors, state_similarity
from landscape.consensus.record import Consensus, Member, consensus
from landscape.consensus.sources import level_sources
from landscape.consensus.tables import effects_over_models, pairs_over_models
from landscape.consensus.variance import nested_components, variance_shares

__all__ = [
    "Consensus",
    "Matching",
    "Member",
    "Spread",
    "agreement",
    "average_linkage",
    "basins_decided",
    "consensus",
    "count_votes",
    "decidedness",
    "effects_over_models",
    "jaccard",
    "level_sources",
    "match_attractors",
    "mean_fates",
    "nested_components",
    "pairs_over_models",
    "spread_over_models",
    "state_similarity",
    "variance_shares",
]
