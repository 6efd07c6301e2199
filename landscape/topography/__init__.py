"""Topography of a drift: fixed points, cycles, basins, saddles, paths, rates."""

from landscape.topography.components import Component, ComponentEnergy, energy_components
from landscape.topography.energy import LyapunovEnergy, Symmetriser, asymmetry, lyapunov_energy, symmetriser
from landscape.topography.entropy import (
    CurlShare,
    EntropyProduction,
    curl_share,
    entropy_production,
    linear_entropy_production,
)
from landscape.topography.fates.agreement import Agreement, agreement
from landscape.topography.fates.destinations import Destinations, destinations, settling_time
from landscape.topography.fixed_points.basins import Basins, basin_of
from landscape.topography.fixed_points.bifurcations import Bifurcation
from landscape.topography.fixed_points.continuation import Branch, continuation
from landscape.topography.fixed_points.cycles import Cycle, Cycles, limit_cycles
from landscape.topography.fixed_points.roots import FailedStart, FixedPoint, FixedPoints, fixed_points
from landscape.topography.fixed_points.saddles import Descent, Saddle, descents, find_saddle
from landscape.topography.large_deviations.action import MinimumAction, barrier, minimum_action
from landscape.topography.large_deviations.transitions import (
    Transition,
    TransitionNetwork,
    TransitionPath,
    transition_network,
    transition_path,
)
from landscape.topography.occupancy import Occupancy, occupancy, place
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
from landscape.topography.support import Support, data_support

__all__ = [
    "Agreement",
    "Basins",
    "Bifurcation",
    "Branch",
    "Committor",
    "Component",
    "ComponentEnergy",
    "CurlShare",
    "Cycle",
    "Cycles",
    "Descent",
    "Destinations",
    "EntropyProduction",
    "FailedStart",
    "FixedPoint",
    "FixedPoints",
    "GridCommittor",
    "KramersTime",
    "LyapunovEnergy",
    "MinimumAction",
    "Occupancy",
    "Transition",
    "PassageTime",
    "RateMatrix",
    "Saddle",
    "Support",
    "Symmetriser",
    "TransitionNetwork",
    "UndecidedZone",
    "TransitionPath",
    "Weights",
    "agreement",
    "asymmetry",
    "barrier",
    "barrier_rates",
    "basin_of",
    "committor",
    "committor_on_grid",
    "continuation",
    "curl_share",
    "data_support",
    "descents",
    "destinations",
    "energy_components",
    "entropy_production",
    "fate_entropy",
    "find_saddle",
    "fixed_points",
    "kramers_time",
    "limit_cycles",
    "linear_entropy_production",
    "lyapunov_energy",
    "mean_first_passage_time",
    "mean_times",
    "minimum_action",
    "occupancy",
    "place",
    "settling_time",
    "simulated_rates",
    "simulated_weights",
    "symmetriser",
    "transition_network",
    "undecided_width",
    "transition_path",
    "weights_from_rates",
]
