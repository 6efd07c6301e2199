"""Evolution as the encoder: genomes that evolve under goals, and are models of a gene network."""

from landscape.evolution.development import Development
from landscape.evolution.evolve import evolve
from landscape.evolution.genome import Genome
from landscape.evolution.pressures import ConnectionCost, Mutation, Population
from landscape.evolution.targets import TargetFamily
