"""Gene circuits, their kinetics, and counts simulated from them together with the ground truth."""

from landscape.circuits.circuit import Circuit
from landscape.circuits.kinetics import HillCube
from landscape.circuits.models import emt, gata1_pu1, krumsiek, repressilator, toggle
from landscape.circuits.outcome import fate_probabilities, fate_shares
from landscape.circuits.simulate import simulate

__all__ = [
    "Circuit",
    "HillCube",
    "emt",
    "fate_probabilities",
    "fate_shares",
    "gata1_pu1",
    "krumsiek",
    "repressilator",
    "simulate",
    "toggle",
]
