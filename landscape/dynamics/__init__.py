"""The stochastic model of the regulators: its record, its drift and noise, its simulation, and its fit to cells."""

from landscape.directions import (
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
from landscape.dynamics.bridges import BridgeFit, fit_bridges
from landscape.dynamics.drift import Drift, RegulatoryDrift, evaluate, jacobian
from landscape.dynamics.energy_distance import energy_distance
from landscape.dynamics.energy_score import FlowMapScore, energy_score, flow_map_score
from landscape.dynamics.flow_map import FlowMapFit, fit_flow_map
from landscape.dynamics.grading import fit_grade
from landscape.dynamics.growth import growth_of
from landscape.dynamics.held_out import held_out_distances
from landscape.dynamics.model import GeneModel, Model
from landscape.dynamics.noise import fit_diffusion
from landscape.dynamics.population_match import PopulationMatch, match_populations
from landscape.dynamics.rates import RateFit, fit_rates
from landscape.dynamics.sde import Trajectories, chemical_diffusion, integrate, simulate

__all__ = [
    "flow_map_score",
    "fit_flow_map",
    "energy_score",
    "FlowMapScore",
    "FlowMapFit",
    "BridgeFit",
    "Combination",
    "Direction",
    "Drift",
    "GRADES",
    "GeneModel",
    "Model",
    "PopulationMatch",
    "RateFit",
    "RegulatoryDrift",
    "Trajectories",
    "chemical_diffusion",
    "energy_distance",
    "evaluate",
    "fit_bridges",
    "fit_diffusion",
    "fit_grade",
    "fit_rates",
    "from_pseudotime",
    "from_root",
    "from_time",
    "from_transitions",
    "from_unspliced",
    "from_velocity",
    "growth_of",
    "jacobian",
    "match_populations",
    "simulate",
    "integrate",
    "held_out_distances",
]
