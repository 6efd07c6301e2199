"""Networks of regulators and targets from expression: arrays in, records out."""

from landscape.network.boost import boost
from landscape.network.confidence import Confidence, bootstrap
from landscape.network.consensus import consensus
from landscape.network.correlation import correlation, spearman
from landscape.network.edges import from_edges
from landscape.network.expression import Expression, expression
from landscape.network.infer import Network, infer
from landscape.network.method import METHODS, Method
from landscape.network.moments import Moments, moments
from landscape.network.penalty import Penalty, reproducible_penalty
from landscape.network.prior import Prior, prior_of
from landscape.network.ridge import ridge
from landscape.network.score import Scores, score
from landscape.network.symbols import canonical, detect_species, match
from landscape.network.trees import trees

__all__ = [
    "METHODS",
    "Confidence",
    "Expression",
    "Method",
    "Moments",
    "Network",
    "Penalty",
    "Prior",
    "Scores",
    "boost",
    "bootstrap",
    "canonical",
    "consensus",
    "correlation",
    "detect_species",
    "expression",
    "from_edges",
    "infer",
    "match",
    "moments",
    "prior_of",
    "reproducible_penalty",
    "ridge",
    "score",
    "spearman",
    "trees",
]
