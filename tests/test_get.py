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


def test_weights_among_regulators_are_the_supported_ones(adata):
    adata.var["regulator_in_network"] = [True, True, True, False]
    found = ls.get.regulator_weights(adata)
    assert list(found.index) == list(found.columns) == ["A", "B", "C"]
    assert found.loc["A", "C"] == -2.0
    assert found.loc["B", "C"] == 1.0
    assert np.count_nonzero(found) == 2


@pytest.fixture
def relaxing():
    """A model in which every gene relaxes to one level, :math:`x(t) = c + (x_0 - c) e^{-t}`, and its start cells."""
    from tests.synthetic import finished_run

    made = finished_run()
    d = made.obsm["X_state"].shape[1]
    made.uns["landscape"]["dynamics"] |= {
        "weights": np.zeros((d, d)),
        "bias": np.zeros(d),
        "signal": np.zeros(d),
        "ceiling": np.full(d, 0.8),  # s(0) = 1/2: every gene goes to 0.4
        "decay": np.ones(d),
        "hill": np.ones(d),
        "threshold": np.ones(d),
        "scale": np.ones(d),
        "diffusion": 1e-10,
    }
    made.obs["landscape_start"] = made.obs["day"] == 1
    return made


def test_trajectories_leave_the_start_cells_and_relax_at_equal_times(relaxing):
    found = ls.get.trajectories(relaxing, n_cells=7, n_times=40, duration=4.0)
    assert tuple(found.states.shape) == (40, 7, 11)
    # Times are those of the steps nearest to equal intervals; a step is no longer than one of them.
    np.testing.assert_allclose(found.times, 4.0 * np.arange(40) / 40, atol=0.1)
    first = found.states[0].numpy()
    start = relaxing.obsm["X_state"][relaxing.obs["landscape_start"].to_numpy()].to_numpy()
    assert (np.abs(first[:, None] - start[None]).max(-1).min(1) < 1e-12).all()
    exact = 0.4 + (first - 0.4) * np.exp(-found.times.numpy())[:, None, None]
    # Euler-Maruyama with steps of 0.1 is off by at most 0.1 / (2 e) of the initial distance, and the noise by 1e-4.
    np.testing.assert_allclose(found.states, exact, atol=0.1 / (2 * np.e) * np.abs(first - 0.4).max() * 1.1 + 1e-4)


def test_trajectories_repeat_with_their_seed_and_start_from_given_cells(relaxing):
    options = {"n_cells": 5, "n_times": 3, "duration": 0.3}
    one, same = (ls.get.trajectories(relaxing, **options, rng=3).states for _ in range(2))
    np.testing.assert_array_equal(one, same)
    found = ls.get.trajectories(relaxing, **options, cells=[17]).states[0]
    np.testing.assert_array_equal(found, np.tile(relaxing.obsm["X_state"].to_numpy()[17], (5, 1)))


def test_trajectories_take_the_duration_of_the_heights(relaxing):
    relaxing.uns["landscape"]["occupancy"]["params"] = {"duration": 2.0}
    assert 1.0 <= float(ls.get.trajectories(relaxing, n_cells=2, n_times=4).times[-1]) <= 2.0
    del relaxing.uns["landscape"]["occupancy"]
    with pytest.raises(ValueError, match="Expected a positive `duration`, found None"):
        ls.get.trajectories(relaxing)


def test_trajectories_name_what_is_wrong(relaxing):
    with pytest.raises(ValueError, match="`n_cells` and `n_times` of at least 1, found 0 and 50"):
        ls.get.trajectories(relaxing, n_cells=0)
    relaxing.obs["landscape_start"] = False
    with pytest.raises(ValueError, match="Expected cells to start from, found none"):
        ls.get.trajectories(relaxing, duration=1.0)
    del relaxing.uns["landscape"]["dynamics"]
    with pytest.raises(KeyError, match=r"landscape\.tl\.dynamics"):
        ls.get.trajectories(relaxing, duration=1.0)


def test_values_at_the_states_of_cells_are_means_of_their_neighbours(relaxing):
    states = relaxing.obsm["X_state"]
    found, near = ls.get.values_at_states(relaxing, states=states.iloc[:20], values=states.to_numpy())
    assert near.all()
    # The mean of the neighbours' own states is near the state, within the spread of the neighbours.
    assert np.abs(found - states.iloc[:20].to_numpy()).max() < 0.3
    far, near = ls.get.values_at_states(relaxing, states=states.iloc[:1] + 50.0, values=states.to_numpy())
    assert not near.any()
    assert far.shape == (1, 11)
    with pytest.raises(KeyError, match="unknown"):
        ls.get.values_at_states(relaxing, states=pd.DataFrame({"unknown": [0.0]}), values=states.to_numpy())
