"""Figures. They draw what :mod:`landscape.tl` wrote and compute nothing beyond the drawing."""

from landscape.pl._attractors import attractors
from landscape.pl._barriers import barriers
from landscape.pl._fates import fates
from landscape.pl._landscape import landscape
from landscape.pl._map import landscape2d
from landscape.pl._network import network

__all__ = ["attractors", "barriers", "fates", "landscape", "landscape2d", "network"]
