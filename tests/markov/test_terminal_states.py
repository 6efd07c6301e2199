"""Terminal states of directed chains: against closed forms, on arms of a star and on a ring."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov import expected_visits, find_terminal_states, neighbor_graph, potential_kernel, with_absorbing
from landscape.markov.directed import MIN_ARRIVAL, MIN_GATHERING


def star(n: int = 300, noise: float = 0.02):
    """Cells along three arms, their place along the arm, and the arm."""
    rng = np.random.default_rng(0)
    along = rng.uniform(0, 1, (3, n))
    angle = 2 * np.pi * np.arange(3) / 3
    points = np.stack([along * np.cos(angle)[:, None], along * np.sin(angle)[:, None]], axis=2).reshape(-1, 2)
    return points + noise * rng.standard_normal(points.shape), along.ravel(), np.repeat(np.arange(3), n)


def undirected(graph):
    return sparse.csr_matrix(sparse.diags(1 / np.asarray(graph.weights.sum(1)).ravel()) @ graph.weights)


def test_expected_visits_are_those_of_a_chain_with_restarts():
    # From 0 to 1 for certain, and 1 stays: started at 0, one visit to 0 and then, with 1 - 1/h of going on, all to 1.
    chain = sparse.csr_matrix(np.array([[0.0, 1.0], [0.0, 1.0]]))
    np.testing.assert_allclose(expected_visits(chain, np.array([1.0, 0.0]), horizon=4), [0.25, 0.75], atol=1e-12)
    with pytest.raises(ValueError, match="above 1 step, found 1"):
        expected_visits(chain, np.array([1.0, 0.0]), horizon=1)


def test_the_undirected_random_walk_has_no_terminal_states():
    graph = neighbor_graph(star()[0])
    degree = np.asarray(graph.weights.sum(1)).ravel()
    rest = degree / degree.sum()
    np.testing.assert_allclose(expected_visits(undirected(graph), rest, horizon=50) / rest, 1, atol=1e-5)


def test_the_arms_that_a_chain_climbs_are_terminal_states_and_the_one_it_comes_from_is_not():
    points, along, arm = star()
    graph = neighbor_graph(points)
    found = find_terminal_states(graph, potential_kernel(graph, np.where(arm == 0, along, -along)))
    assert {int(np.median(arm[cells])) for cells in found.cells} == {1, 2}
    for cells, gathering, arrival in zip(found.cells, found.gathering, found.arrival, strict=True):
        assert along[cells].min() > 0.7
        assert gathering > 0
        assert arrival > 1 / 3
    assert len(np.unique(np.concatenate(found.cells))) == sum(map(len, found.cells))


def test_permuting_cells_permutes_the_sinks():
    points, along, arm = star()
    order = np.random.default_rng(1).permutation(len(points))
    height = np.where(arm == 0, along, -along)

    def sinks(chosen):
        graph = neighbor_graph(points[chosen])
        return find_terminal_states(graph, potential_kernel(graph, height[chosen])).cells

    assert {frozenset(order[c]) for c in sinks(order)} == {frozenset(c) for c in sinks(np.arange(len(points)))}


@pytest.mark.parametrize("seed", range(4))
def test_no_end_is_told_on_a_ring_that_the_chain_goes_round(seed):
    angle = np.sort(np.random.default_rng(seed).uniform(0, 2 * np.pi, 600))
    points = np.c_[np.cos(angle), np.sin(angle)] + 0.02 * np.random.default_rng(seed + 1).standard_normal((600, 2))
    graph = neighbor_graph(points)
    edges = graph.weights.tocoo()
    ahead = np.sin(angle[edges.col] - angle[edges.row])
    width = np.sqrt(np.bincount(edges.row, edges.data * ahead**2, 600) / np.bincount(edges.row, edges.data, 600))
    weight = edges.data / (1 + np.exp(-4 * ahead / width[edges.row]))
    chain = sparse.csr_matrix((weight, (edges.row, edges.col)), shape=(600, 600))
    found = find_terminal_states(graph, sparse.diags(1 / np.asarray(chain.sum(1)).ravel()) @ chain)
    # A ring has no end: its corners are where cells happen to lie densely, and the chain passes them.
    assert not ((found.gathering >= MIN_GATHERING) & (found.arrival >= MIN_ARRIVAL)).any()


def test_an_absorbing_set_is_never_left_and_leads_to_its_mean():
    graph = neighbor_graph(star()[0])
    chain = undirected(graph)
    ends = (np.arange(5), np.arange(40, 50))
    found = with_absorbing(chain, ends)
    np.testing.assert_allclose(np.asarray(found.sum(1)).ravel(), 1)
    values = np.random.default_rng(0).normal(size=(graph.weights.shape[0], 2))
    for cells in ends:
        np.testing.assert_allclose((found @ values)[cells], np.tile(values[cells].mean(0), (len(cells), 1)))
    others = np.setdiff1d(np.arange(chain.shape[0]), np.concatenate(ends))
    assert abs(found[others] - chain[others]).max() == 0
    assert with_absorbing(chain, ()) is chain
