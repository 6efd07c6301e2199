"""Tools: each reads from an AnnData object, calls a numerical package and writes the result back."""

from landscape.tl._activity import activity
from landscape.tl._attractors import attractors, basins
from landscape.tl._barriers import barriers
from landscape.tl._consensus import consensus
from landscape.tl._drivers import drivers
from landscape.tl._dynamics import dynamics
from landscape.tl._fates import fates
from landscape.tl._genomic_code import genomic_code
from landscape.tl._guy_ropes import guy_ropes
from landscape.tl._network import network
from landscape.tl._occupancy import occupancy
from landscape.tl._paths import paths
from landscape.tl._perturb import perturb
from landscape.tl._rates import rates
from landscape.tl._reprogram import reprogram
from landscape.tl._screen import screen
from landscape.tl._states import state_networks
from landscape.tl._structure import structure
from landscape.tl._terminal_states import terminal_states

__all__ = [
    "activity",
    "attractors",
    "barriers",
    "basins",
    "consensus",
    "drivers",
    "dynamics",
    "fates",
    "genomic_code",
    "guy_ropes",
    "network",
    "occupancy",
    "paths",
    "perturb",
    "rates",
    "reprogram",
    "screen",
    "state_networks",
    "structure",
    "terminal_states",
]
