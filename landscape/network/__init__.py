"""Gene regulatory networks from expression, on arrays and records."""

from landscape.network.analysis.active import active_network
from landscape.network.analysis.activity import regulon_activity
from landscape.network.analysis.comparison import Differences, differences, overlap
from landscape.network.analysis.degrees import degrees
from landscape.network.analysis.export import write_cytoscape, write_graphml
from landscape.network.analysis.structure import (
    DegreeNull,
    Modules,
    antisymmetric_share,
    degree_null,
    modules,
    regulator_submatrix,
    signed_modularity,
    strongly_connected,
)
from landscape.network.data.disk import OnDisk, on_disk
from landscape.network.data.expression import Expression, expression
from landscape.network.data.metacells import metacells
from landscape.network.data.moments import Moments, moments
from landscape.network.data.prior import Prior, prior_of
from landscape.network.data.symbols import canonical, detect_species, match
from landscape.network.edges import from_edges
from landscape.network.evidence.confidence import Confidence, bootstrap
from landscape.network.evidence.score import Scores, score
from landscape.network.infer import Network, infer
from landscape.network.methods.boost import boost
from landscape.network.methods.consensus import combine, consensus
from landscape.network.methods.correlation import correlation, spearman
from landscape.network.methods.method import METHODS, Method
from landscape.network.methods.penalty import Penalty, reproducible_penalty
from landscape.network.methods.ridge import ridge
from landscape.network.methods.trees import trees
from landscape.network.states import StateNetworks, state_networks

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
    "antisymmetric_share",
    "boost",
    "bootstrap",
    "canonical",
    "combine",
    "consensus",
    "correlation",
    "degree_null",
    "degrees",
    "detect_species",
    "differences",
    "expression",
    "from_edges",
    "infer",
    "match",
    "metacells",
    "modules",
    "moments",
    "on_disk",
    "overlap",
    "prior_of",
    "regulator_submatrix",
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
