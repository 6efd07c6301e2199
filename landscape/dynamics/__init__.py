"""One stochastic model of expression: its drift, its ensembles, and the Markov chain of cells."""

from landscape.dynamics.drift import Drift, RegulatoryDrift, evaluate, jacobian
from landscape.dynamics.sde import Trajectories, simulate, walk

__all__ = ["Drift", "RegulatoryDrift", "Trajectories", "evaluate", "jacobian", "simulate", "walk"]
