"""One stochastic model of expression: its drift, its ensembles, and the Markov chain of cells."""

from landscape.dynamics.bridges import BridgeFit, fit_bridges
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
from landscape.dynamics.course import find_start, populations_ahead, populations_along, steps_per_lifetime
from landscape.dynamics.directions import (
    GRADES,
    Combination,
    Direction,
    from_pseudotime,
    from_root,
    from_time,
    from_transitions,
    from_unspliced,
    from_velocity,
)
from landscape.dynamics.drift import Drift, RegulatoryDrift, evaluate, jacobian
from landscape.dynamics.fit import RateFit, fit_rates
from landscape.dynamics.graph import (
    CellGraph,
    Ends,
    find_ends,
    neighbor_graph,
)
from landscape.dynamics.growth import growth_of
from landscape.dynamics.growth_sensitivity import GrowthSensitivity, growth_sensitivity
from landscape.dynamics.held_out import without_one_time
from landscape.dynamics.kernel import flow_potential, potential_kernel, velocity_kernel
from landscape.dynamics.noise import fit_diffusion
from landscape.dynamics.populations import PopulationMatch, energy_distance, match_populations
from landscape.dynamics.reactive_flux import ReactiveFlux, transition_path_flux
from landscape.dynamics.sde import Trajectories, chemical_diffusion, simulate, walk
from landscape.dynamics.sinks import Sinks, closed, find_sinks, visits
from landscape.dynamics.splicing import SplicingVelocity, steady_state_velocity
from landscape.dynamics.transport import coupling, time_velocity

__all__ = [
    "Absorption",
    "AbsorptionTime",
    "BridgeFit",
    "CellGraph",
    "Classes",
    "Combination",
    "Direction",
    "Drift",
    "Ends",
    "GRADES",
    "GrowthSensitivity",
    "PopulationMatch",
    "RateFit",
    "ReactiveFlux",
    "RegulatoryDrift",
    "Sinks",
    "SplicingVelocity",
    "Stationary",
    "Trajectories",
    "absorption_probabilities",
    "chemical_diffusion",
    "closed",
    "committor_chain",
    "communicating_classes",
    "coupling",
    "energy_distance",
    "evaluate",
    "find_ends",
    "find_sinks",
    "find_start",
    "fit_bridges",
    "fit_diffusion",
    "fit_rates",
    "flow_potential",
    "from_pseudotime",
    "from_root",
    "from_time",
    "from_transitions",
    "from_unspliced",
    "from_velocity",
    "growth_of",
    "growth_sensitivity",
    "jacobian",
    "match_populations",
    "mean_absorption_time",
    "neighbor_graph",
    "populations_ahead",
    "populations_along",
    "potential_kernel",
    "simulate",
    "stationary_distribution",
    "steady_state_velocity",
    "steps_per_lifetime",
    "time_velocity",
    "transition_path_flux",
    "velocity_kernel",
    "visits",
    "walk",
    "without_one_time",
]
