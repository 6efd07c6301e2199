"""Export of networks to Cytoscape and other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from landscape._files import write_atomic, write_json


def write_graphml(graph: nx.DiGraph, path: str | Path) -> Path:
    """Write a graph as GraphML, atomically. Scalars of numpy become Python scalars."""
    return write_atomic(path, lambda temporary: nx.write_graphml(_plain(graph), temporary))


def write_cytoscape(graph: nx.DiGraph, path: str | Path) -> Path:
    """Write a graph as Cytoscape JSON (``.cyjs``), atomically."""
    return write_json(path, nx.cytoscape_data(_plain(graph)))


def _plain(graph: nx.DiGraph) -> nx.DiGraph:
    result = nx.DiGraph(name=str(graph.graph.get("name", "")))
    result.add_nodes_from((str(node), _attributes(values)) for node, values in graph.nodes(data=True))
    result.add_edges_from((str(a), str(b), _attributes(values)) for a, b, values in graph.edges(data=True))
    return result


def _attributes(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}
