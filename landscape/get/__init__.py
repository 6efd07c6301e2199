"""Results for use in other packages: callable models, networkx graphs and tidy pandas tables."""

from landscape.get._consensus import consensus
from landscape.get._genomic_code import genomic_code
from landscape.get._guy_ropes import guy_ropes
from landscape.get._labels import labels
from landscape.get._model import ensemble, model, trajectories
from landscape.get._networks import edges, network, regulation, regulator_weights, state_edges
from landscape.get._perturbations import perturbations
from landscape.get._reprogram import reprogram
from landscape.get._results import (
    attractors,
    barriers,
    drivers,
    fates,
    paths,
    rates,
    saddles,
    structure,
    terminal_states,
)
from landscape.get._screen import screen
from landscape.get._states import values_at_states

__all__ = [
    "attractors",
    "barriers",
    "consensus",
    "drivers",
    "edges",
    "ensemble",
    "fates",
    "genomic_code",
    "guy_ropes",
    "labels",
    "model",
    "network",
    "paths",
    "perturbations",
    "rates",
    "regulation",
    "regulator_weights",
    "reprogram",
    "saddles",
    "screen",
    "state_edges",
    "structure",
    "terminal_states",
    "trajectories",
    "values_at_states",
]
