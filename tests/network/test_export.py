from __future__ import annotations

import json

import networkx as nx
import numpy as np

from landscape import network


def graph():
    made = nx.DiGraph(name="toy")
    made.add_node("Gata1", regulator=np.bool_(True))
    made.add_edge("Gata1", "Klf1", weight=np.float32(0.5), sign=np.int64(1))
    return made


def test_graphml_comes_back(tmp_path):
    back = nx.read_graphml(network.write_graphml(graph(), tmp_path / "net.graphml"))
    assert back.edges["Gata1", "Klf1"] == {"weight": 0.5, "sign": 1}
    assert back.nodes["Gata1"]["regulator"] is True


def test_cytoscape_json_comes_back(tmp_path):
    path = network.write_cytoscape(graph(), tmp_path / "net.cyjs")
    back = nx.cytoscape_graph(json.loads(path.read_text()))
    assert back.is_directed()
    assert back.edges["Gata1", "Klf1"]["weight"] == 0.5
