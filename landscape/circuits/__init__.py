"""Gene circuits as data, their kinetics, and counts simulated from them with the whole truth attached."""

from landscape.circuits.circuit import Circuit
from landscape.circuits.ensemble import fate_shares
from landscape.circuits.kinetics import HillCube
from landscape.circuits.models import krumsiek
from landscape.circuits.simulate import committor, simulate

__all__ = ["Circuit", "HillCube", "committor", "fate_shares", "krumsiek", "simulate"]
