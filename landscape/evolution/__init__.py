"""Evolution as the encoder: genomes that evolve under goals, and are models of a gene network."""

from landscape.evolution.development import Development
from landscape.evolution.encodings import compare_encodings
from landscape.evolution.evolve import evolve
from landscape.evolution.genome import Genome, History, Pool
from landscape.evolution.learners import (
    Comparison,
    compare_genomes,
    compare_learners,
    fitness_gradient,
    gradient,
    hebbian,
)
from landscape.evolution.pressures import ConnectionCost, Mutation, Population
from landscape.evolution.selection import Response, select
from landscape.evolution.structure import Modularity, autonomy, hebbian_correlation, modularity
from landscape.evolution.targets import TargetFamily

__all__ = [
    "Comparison",
    "ConnectionCost",
    "Development",
    "Genome",
    "History",
    "Modularity",
    "Mutation",
    "Pool",
    "Population",
    "Response",
    "TargetFamily",
    "autonomy",
    "compare_encodings",
    "compare_genomes",
    "compare_learners",
    "evolve",
    "fitness_gradient",
    "gradient",
    "hebbian",
    "hebbian_correlation",
    "modularity",
    "select",
]
