r"""Reference systems with closed forms, for tests of numerical methods.

Each continuous system is a *drift*, a callable from states of shape ``(n, d)`` to velocities, with its exact properties
as methods. The dynamics are :math:`dx = f\,dt + \sqrt{2D}\,dB`; an action S is defined by :math:`p \sim e^{-S}`.
"""

from landscape.systems.chain import BirthDeathChain
from landscape.systems.linear import OrnsteinUhlenbeck
from landscape.systems.planar import HopfCycle, HuangToggle, MaierStein
from landscape.systems.potentials import CurlDoubleWell, DoubleWell

__all__ = [
    "BirthDeathChain",
    "CurlDoubleWell",
    "DoubleWell",
    "HopfCycle",
    "HuangToggle",
    "MaierStein",
    "OrnsteinUhlenbeck",
]
