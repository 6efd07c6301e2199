"""Fixed points, limit cycles and basins of a drift, and their bifurcations in a parameter."""

from landscape.topography.fixed_points.basins import Basins, basin_of
from landscape.topography.fixed_points.bifurcations import Bifurcation
from landscape.topography.fixed_points.continuation import Branch, continuation
from landscape.topography.fixed_points.cycles import Cycle, Cycles, limit_cycles
from landscape.topography.fixed_points.matching import match_attractors
from landscape.topography.fixed_points.roots import FailedStart, FixedPoint, FixedPoints, fixed_points
from landscape.topography.fixed_points.saddles import Descent, Saddle, descents, find_saddle

__all__ = [
    "Basins",
    "Bifurcation",
    "Branch",
    "Cycle",
    "Cycles",
    "Descent",
    "FailedStart",
    "FixedPoint",
    "FixedPoints",
    "Saddle",
    "basin_of",
    "continuation",
    "descents",
    "find_saddle",
    "fixed_points",
    "limit_cycles",
    "match_attractors",
]
