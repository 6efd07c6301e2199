"""One stochastic model of expression: its drift, its ensembles, and the Markov chain of cells."""

from landscape.dynamics.chain import (
    Absorption,
    AbsorptionTime,
    Classes,
    Stationary,
    absorption_probabilities,
    committor_chain,
    communicating_classes,
    mean_absorption_time,
    stationary_distribution,
)
from landscape.dynamics.drift import Drift, RegulatoryDrift, evaluate, jacobian
from landscape.dynamics.reactive_flux import ReactiveFlux, transition_path_flux
from landscape.dynamics.sde import Trajectories, simulate, walk

__all__ = [
    "Absorption",
    "AbsorptionTime",
    "Classes",
    "Drift",
    "ReactiveFlux",
    "RegulatoryDrift",
    "Stationary",
    "Trajectories",
    "absorption_probabilities",
    "committor_chain",
    "communicating_classes",
    "evaluate",
    "jacobian",
    "mean_absorption_time",
    "simulate",
    "stationary_distribution",
    "transition_path_flux",
    "walk",
]
