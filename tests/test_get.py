from __future__ import annotations

import anndata as ad
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import landscape as ls


@pytest.fixture
def adata():
    made = ad.AnnData(np.zeros((3, 4)), var=pd.DataFrame(index=["A", "B", "C", "D"]))
    weights = np.zeros((4, 4))
    weights[0, 1], weights[0, 2], weights[1, 2], weights[1, 3] = 0.5, -2.0, 1.0, 0.1
    support = np.zeros((4, 4))
    support[0, 2] = support[1, 2] = 1
    made.varp["network"] = sparse.csr_matrix(weights)
    made.varp["network_support"] = sparse.csr_matrix(support)
    made.varp["network_stability"] = sparse.csr_matrix(support * 0.9)
    made.var["regulator_in_network"] = [True, True, False, False]
    return made


def test_edges_are_the_supported_ones_strongest_first(adata):
    found = ls.get.edges(adata)
    expected = pd.DataFrame(
        {
            "source": ["A", "B"], "target": ["C", "C"], "weight": [-2.0, 1.0], "sign": [-1, 1],
            "supported": [True, True], "stability": [0.9, 0.9],
        }
    )  # fmt: skip
    pd.testing.assert_frame_equal(found, expected)


def test_all_scores_and_thresholds(adata):
    assert ls.get.edges(adata, supported=False)["weight"].tolist() == [-2.0, 1.0, 0.5, 0.1]
    assert ls.get.edges(adata, supported=False, threshold=0.5)["weight"].tolist() == [-2.0, 1.0, 0.5]
    assert ls.get.edges(adata, threshold=1.5)["source"].tolist() == ["A"]


def test_the_graph_has_regulators_edges_and_attributes(adata):
    graph = ls.get.network(adata)
    assert isinstance(graph, nx.DiGraph)
    assert graph.edges["A", "C"] == {"weight": -2.0, "sign": -1, "supported": True, "stability": 0.9}
    assert {node: graph.nodes[node]["regulator"] for node in graph} == {"A": True, "B": True, "C": False}
    assert ls.get.network(adata, supported=False).number_of_edges() == 4


def test_a_missing_network_names_the_call(adata):
    with pytest.raises(KeyError, match=r"run `landscape.tl.network\(adata\)` first"):
        ls.get.edges(adata, key="other")
    with pytest.raises(KeyError, match=r"varp\['other'\]"):
        ls.get.network(adata, key="other")
