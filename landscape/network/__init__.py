"""Networks of regulators and targets from expression: arrays in, records out."""

from landscape.network.activity import regulon_activity
from landscape.network.boost import boost
from landscape.network.confidence import Confidence, bootstrap
from landscape.network.consensus import combine, consensus
from landscape.network.correlation import correlation, spearman
from landscape.network.disk import OnDisk, on_disk
from landscape.network.edges import from_edges
from landscape.network.export import write_cytoscape, write_graphml
from landscape.network.expression import Expression, expression
from landscape.network.hubs import hubs
from landscape.network.infer import Network, infer
from landscape.network.metacells import metacells
from landscape.network.method import METHODS, Method
from landscape.network.moments import Moments, moments
from landscape.network.penalty import Penalty, reproducible_penalty
from landscape.network.prior import Prior, prior_of
from landscape.network.ridge import ridge
from landscape.network.score import Scores, score
from landscape.network.states import (
    Differences,
    StateNetworks,
    active_network,
    differences,
    overlap,
    state_networks,
)
from landscape.network.structure import (
    DegreeNull,
    Modules,
    asymmetry,
    degree_null,
    modules,
    signed_modularity,
    strongly_connected,
)
from landscape.network.symbols import canonical, detect_species, match
from landscape.network.trees import trees

__all__ = [
    "METHODS",
    "Confidence",
    "DegreeNull",
    "Differences",
    "Expression",
    "Method",
    "Modules",
    "Moments",
    "Network",
    "OnDisk",
    "Penalty",
    "Prior",
    "Scores",
    "StateNetworks",
    "active_network",
    "asymmetry",
    "boost",
    "bootstrap",
    "canonical",
    "combine",
    "consensus",
    "correlation",
    "degree_null",
    "detect_species",
    "differences",
    "expression",
    "from_edges",
    "hubs",
    "infer",
    "match",
    "metacells",
    "modules",
    "moments",
    "on_disk",
    "overlap",
    "prior_of",
    "regulon_activity",
    "reproducible_penalty",
    "ridge",
    "score",
    "signed_modularity",
    "spearman",
    "state_networks",
    "strongly_connected",
    "trees",
    "write_cytoscape",
    "write_graphml",
]
