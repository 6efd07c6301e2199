"""Topography of a drift: fixed points, cycles, basins, saddles, paths, rates."""

from landscape.topography.fixed_points import FailedStart, FixedPoint, FixedPoints, fixed_points

__all__ = ["FailedStart", "FixedPoint", "FixedPoints", "fixed_points"]
