r"""Reference systems with closed forms: what every numerical method here is tested against, and what users may test.

Each continuous system is a *drift*, a callable from states of shape ``(n, d)`` to velocities, and carries its exact
numbers as methods. Noise follows :math:`dx = f\,dt + \sqrt{2D}\,dB`; an action S is such that :math:`p \sim e^{-S}`.
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
