"""Gene circuits as data, their kinetics, and counts simulated from them with the whole truth attached."""

from landscape.circuits.circuit import Circuit
from landscape.circuits.kinetics import HillCube
from landscape.circuits.models import emt, gata1_pu1, krumsiek, repressilator, toggle
from landscape.circuits.outcome import committor, fate_shares
from landscape.circuits.simulate import simulate

__all__ = [
    "Circuit",
    "HillCube",
    "committor",
    "emt",
    "fate_shares",
    "gata1_pu1",
    "krumsiek",
    "repressilator",
    "simulate",
    "toggle",
]
