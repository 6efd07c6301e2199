"""Tools: each reads from an AnnData object, calls one numerical function and writes the result back."""

from landscape.tl._attractors import attractors, basins
from landscape.tl._dynamics import dynamics
from landscape.tl._fates import fates
from landscape.tl._network import network

__all__ = ["attractors", "basins", "dynamics", "fates", "network"]
