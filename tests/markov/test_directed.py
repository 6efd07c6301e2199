"""The record of a direction evaluated on cells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from landscape.markov import directed
from landscape.markov.directed import Directed
from landscape.markov.graph import CellGraph


@pytest.mark.parametrize("start", [[], [3, 0]])
def test_the_mask_of_the_start_holds_its_cells(start):
    found = Directed(sparse.eye(5, format="csr"), np.zeros((5, 2)), np.array(start, dtype=int))
    np.testing.assert_array_equal(np.flatnonzero(found.at_start), sorted(start))
    assert found.at_start.shape == (5,)


@pytest.mark.parametrize(
    ("gathering", "arrival", "rests"), [(1.51, 0.34, True), (1.49, 0.9, False), (2.9, 0.33, False)]
)
def test_cells_rest_where_the_chain_gathers_and_more_of_it_leads_in_than_out(gathering, arrival, rests, monkeypatch):
    """Half as often again as a random walk, and two thirds of the border against one: (2 - 1) / (2 + 1) of it."""
    weights = sparse.csr_matrix(np.ones((6, 6)) - np.eye(6))
    graph = CellGraph(weights, weights, 1, np.zeros(6, dtype=int))
    ends = SimpleNamespace(
        cells=(np.array([4, 5]),), gathering=np.array([np.log(gathering)]), arrival=np.array([arrival])
    )
    monkeypatch.setattr(directed, "find_terminal_states", lambda graph, chain: ends)
    found = directed.directed_by_chain(graph, np.eye(6), sparse.csr_matrix(weights / 5))
    assert [end.tolist() for end in found.ends] == ([[4, 5]] if rests else [])
    assert len(found.start) == 0


def test_a_combination_weighs_chains_and_gives_all_parts_the_mean_speed_of_the_clock():
    """Four cells on a ring: one part goes round with a clock, the other one back at another speed."""
    n = 4
    there = sparse.csr_matrix(np.roll(np.eye(n), 1, axis=1))
    graph = CellGraph(there + there.T, there + there.T, 1, np.zeros(n, dtype=int))
    angle = 2 * np.pi * np.arange(n) / n
    states = np.column_stack([np.cos(angle), np.sin(angle)])
    along = np.column_stack([-np.sin(angle), np.cos(angle)])
    times = np.arange(4.0)
    clocked = Directed(there, 3.0 * along, np.array([1]), times=times)
    timeless = Directed(sparse.csr_matrix(there.T), -0.1 * along, np.array([2]))
    found, conflict = directed.combine([timeless, clocked], [1.0, 3.0], graph, states)
    np.testing.assert_allclose(found.transitions.toarray(), (0.75 * there + 0.25 * there.T).toarray())
    np.testing.assert_allclose(found.velocity, (0.75 * 3.0 - 0.25 * 3.0) * along, atol=1e-12)
    assert (found.start.tolist(), found.times.tolist()) == ([2], times.tolist())
    assert conflict == pytest.approx(1.0)  # each is the other one reversed
    same, none = directed.combine([clocked, clocked], [1.0, 1.0], graph, states)
    np.testing.assert_allclose(same.velocity, clocked.velocity)
    assert none == pytest.approx(0.0, abs=1e-12)
    assert directed.combine([timeless], [2.0], graph, states) == (timeless, 0.0)
