"""Figures. They draw what :mod:`landscape.tl` wrote and compute nothing beyond the drawing."""

from landscape.pl._landscape import landscape, landscape2d

__all__ = ["landscape", "landscape2d"]
