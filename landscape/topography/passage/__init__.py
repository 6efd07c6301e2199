"""First passages between attractors: committors, mean times, rates and stationary weights."""

from landscape.topography.passage.committor import (
    Committor,
    GridCommittor,
    UndecidedZone,
    committor,
    committor_on_grid,
    fate_entropy,
    undecided_width,
)
from landscape.topography.passage.kramers import KramersTime, kramers_time
from landscape.topography.passage.mean_first_passage import PassageTime, mean_first_passage_time
from landscape.topography.passage.rate_matrix import RateMatrix, barrier_rates, mean_times, simulated_rates
from landscape.topography.passage.weights import Weights, simulated_weights, weights_from_rates

__all__ = [
    "Committor",
    "GridCommittor",
    "KramersTime",
    "PassageTime",
    "RateMatrix",
    "UndecidedZone",
    "Weights",
    "barrier_rates",
    "committor",
    "committor_on_grid",
    "fate_entropy",
    "kramers_time",
    "mean_first_passage_time",
    "mean_times",
    "simulated_rates",
    "simulated_weights",
    "undecided_width",
    "weights_from_rates",
]
