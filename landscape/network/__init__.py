"""Networks of regulators and targets from expression: arrays in, records out."""

from landscape.network.confidence import Confidence, bootstrap
from landscape.network.expression import Expression, expression
from landscape.network.infer import METHODS, Network, infer
from landscape.network.method import Method
from landscape.network.moments import Moments, moments
from landscape.network.ridge import ridge
from landscape.network.symbols import canonical, detect_species, match

__all__ = [
    "METHODS",
    "Confidence",
    "Expression",
    "Method",
    "Moments",
    "Network",
    "bootstrap",
    "canonical",
    "detect_species",
    "expression",
    "infer",
    "match",
    "moments",
    "ridge",
]
