"""Topography of a drift: fixed points, cycles, basins, saddles, paths, rates."""

from landscape.topography._bifurcations import Bifurcation
from landscape.topography.basins import Basins, basin_of
from landscape.topography.continuation import Branch, continuation
from landscape.topography.cycles import Cycle, Cycles, limit_cycles
from landscape.topography.energy import LyapunovEnergy, Symmetriser, asymmetry, lyapunov_energy, symmetriser
from landscape.topography.fixed_points import FailedStart, FixedPoint, FixedPoints, fixed_points
from landscape.topography.support import Support, data_support

__all__ = [
    "Basins",
    "Bifurcation",
    "Branch",
    "Cycle",
    "Cycles",
    "FailedStart",
    "FixedPoint",
    "FixedPoints",
    "LyapunovEnergy",
    "Support",
    "Symmetriser",
    "asymmetry",
    "basin_of",
    "continuation",
    "data_support",
    "fixed_points",
    "limit_cycles",
    "lyapunov_energy",
    "symmetriser",
]
