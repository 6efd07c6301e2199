"""The directed Markov chain of cells: graph, kernels, absorption probabilities, terminal states, transport."""

from landscape.markov.absorption import (
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
from landscape.markov.descendants import Descendants, RandomWalks, chain_descendants, coupled_descendants
from landscape.markov.ends import Ends, find_ends
from landscape.markov.graph import CellGraph, consensus_graph, neighbor_graph
from landscape.markov.growth_sensitivity import GrowthSensitivity, growth_sensitivity
from landscape.markov.kernels import flow_potential, potential_kernel, velocity_kernel
from landscape.markov.populations import populations_ahead, populations_along
from landscape.markov.reactive_flux import ReactiveFlux, transition_path_flux
from landscape.markov.speed import steps_per_lifetime
from landscape.markov.splicing import SplicingVelocity, steady_state_velocity
from landscape.markov.start import find_start
from landscape.markov.terminal_states import TerminalStates, expected_visits, find_terminal_states, with_absorbing
from landscape.markov.transport import coupling, time_velocity

__all__ = [
    "coupled_descendants",
    "chain_descendants",
    "RandomWalks",
    "Descendants",
    "Absorption",
    "AbsorptionTime",
    "CellGraph",
    "Classes",
    "Ends",
    "GrowthSensitivity",
    "ReactiveFlux",
    "TerminalStates",
    "SplicingVelocity",
    "Stationary",
    "absorption_probabilities",
    "with_absorbing",
    "committor_chain",
    "communicating_classes",
    "consensus_graph",
    "coupling",
    "find_ends",
    "find_terminal_states",
    "find_start",
    "flow_potential",
    "growth_sensitivity",
    "mean_absorption_time",
    "neighbor_graph",
    "populations_ahead",
    "populations_along",
    "potential_kernel",
    "stationary_distribution",
    "steady_state_velocity",
    "steps_per_lifetime",
    "time_velocity",
    "transition_path_flux",
    "velocity_kernel",
    "expected_visits",
]
