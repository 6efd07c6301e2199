"""Results in the form that other packages take: graphs of networkx and tidy tables of pandas."""

from landscape.get._model import ensemble, model
from landscape.get._networks import edges, network, regulation, state_edges
from landscape.get._results import attractors, barriers, drivers, fates, paths, rates, saddles, terminal_states

__all__ = [
    "attractors",
    "barriers",
    "drivers",
    "edges",
    "ensemble",
    "fates",
    "model",
    "network",
    "paths",
    "rates",
    "regulation",
    "saddles",
    "state_edges",
    "terminal_states",
]
