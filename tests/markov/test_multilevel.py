"""Preconditioner of chains: what it aggregates, what it keeps, and that its cost in iterations hardly grows with cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import linalg

from landscape.markov import absorption_probabilities, multilevel, neighbor_graph, potential_kernel
from landscape.markov.kernels import undirected_kernel
from landscape.markov.linear_solver import solve
from landscape.markov.multilevel import Multilevel, aggregates, coarse_matrix
from landscape.markov.terminal_states import expected_visits


def fork(n: int, seed: int = 0, d: int = 3):
    """Cells along a stem that forks, with noise in all directions: graph, tips of the arms, depth from the start."""
    rng = np.random.default_rng(seed)
    arm, along = rng.integers(0, 3, n), rng.uniform(0, 1, n)
    angle = 2 * np.pi * arm / 3
    points = np.c_[along * np.cos(angle), along * np.sin(angle), np.zeros((n, d - 2))] + 0.1 * rng.standard_normal(
        (n, d)
    )
    height = np.where(arm == 0, along, -along)
    tips = {str(k): np.flatnonzero(arm == k)[np.argsort(height[arm == k])[:20]] for k in (1, 2)}
    return neighbor_graph(points), tips, height


def interior(chain, tips):
    """System of the states outside the tips, and what leads to each tip."""
    inside = np.setdiff1d(np.arange(chain.shape[0]), np.concatenate(list(tips.values())))
    out = sparse.csr_array(chain)[inside]
    right = np.column_stack([out[:, cells].sum(1) for cells in tips.values()])
    return sparse.csr_array(sparse.eye_array(len(inside)) - out[:, inside]), right


@pytest.fixture(scope="module")
def forked():
    return fork(6_000)


@pytest.mark.parametrize("directed", [True, False])
def test_the_iteration_finds_what_the_factorisation_finds(forked, directed):
    graph, tips, height = forked
    chain = potential_kernel(graph, height) if directed else undirected_kernel(graph)
    system, right = interior(chain, tips)
    found = solve(system, right, tolerance=1e-10)
    assert found.method == "bicgstab"
    assert found.converged
    exact = linalg.splu(sparse.csc_array(system)).solve(right)
    # An error is at most the residual times the longest mean time to absorption.
    longest = linalg.splu(sparse.csc_array(system)).solve(np.ones(len(right))).max()
    assert np.abs(found.x - exact).max() <= 1.01 * found.residual * np.abs(right).max() * longest + 1e-12


def test_probabilities_obey_the_maximum_principle_and_sum_to_one(forked):
    graph, tips, height = forked
    found = absorption_probabilities(potential_kernel(graph, height), tips)
    assert found.method == "bicgstab"
    assert found.probabilities.min() > -1e-8
    assert found.probabilities.max() < 1 + 1e-8
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-7)


@pytest.mark.parametrize("directed", [True, False])
def test_iterations_hardly_grow_with_the_number_of_cells(directed, monkeypatch):
    monkeypatch.setattr(multilevel, "COARSEST", 50)
    monkeypatch.setattr("landscape.markov.linear_solver.SMALL", 0)
    spent = []
    for n in (1_000, 16_000):
        graph, tips, height = fork(n)
        chain = potential_kernel(graph, height) if directed else undirected_kernel(graph)
        spent.append(solve(*interior(chain, tips), tolerance=1e-10).n_iterations)
    # Without aggregates the number goes as a power of the cells: 16 times as many cells in two dimensions take four times as
    # many iterations.
    assert spent[1] <= 2 * spent[0]


def test_expected_visits_of_a_chain_that_leaves_its_ends_rarely(forked):
    """Where the chain stays at the ends for long, the coarse chain must preserve how rarely it leaves."""
    graph, _, height = forked
    chain = potential_kernel(graph, height)
    degree = np.asarray(graph.weights.sum(1)).ravel()
    share = expected_visits(chain, degree / degree.sum(), horizon=3_000)
    system = sparse.csc_array(sparse.eye_array(chain.shape[0]) - (1 - 1 / 3_000) * sparse.csr_array(chain).T)
    exact = linalg.splu(system).solve(degree / degree.sum() / 3_000)
    assert exact.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(share, exact, atol=1e-6)


def test_aggregates_are_neighbourhoods_and_the_coarse_chain_keeps_sums(forked):
    graph, _, height = forked
    chain = sparse.csr_array(potential_kernel(graph, height))
    a = sparse.csr_array(sparse.eye_array(chain.shape[0]) - 0.9 * chain)
    group, n_groups = aggregates(a)
    assert group.min() == 0
    assert set(group) == set(range(n_groups))
    assert n_groups < len(group) / 5
    linked = sparse.csr_array(a + a.T)
    for k in range(0, n_groups, 50):
        members = np.flatnonzero(group == k)
        # One member is linked to all others.
        assert (linked[members][:, members].toarray() != 0).all(1).any()
    flat = np.ones(len(group))
    small = coarse_matrix(a, group, n_groups, flat, flat)
    np.testing.assert_allclose(small @ np.ones(n_groups), np.bincount(group, a @ flat), rtol=1e-12)


@given(st.integers(0, 10_000), st.integers(3, 60))
@settings(max_examples=30, deadline=None)
def test_any_substochastic_matrix_is_taken(seed, n):
    """States without links, one-way links and large self-loops included."""
    rng = np.random.default_rng(seed)
    weights = sparse.random_array((n, n), density=min(1.0, 3 / n), rng=rng, format="csr")
    total = np.asarray(weights.sum(1)).ravel()
    q = sparse.csr_array(sparse.diags_array(rng.uniform(0.5, 0.99, n) / np.where(total > 0, total, 1.0)) @ weights)
    a = sparse.csr_array(sparse.eye_array(n) - q)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multilevel, "COARSEST", 2)
        patch.setattr("landscape.markov.linear_solver.SMALL", 0)
        patch.setattr("landscape.markov.linear_solver.PLANAR", 0)
        patch.setattr("landscape.markov.linear_solver.DIRECT", 0)
        found = solve(a, np.ones((n, 2)), tolerance=1e-9)
        assert Multilevel(a).solve(np.ones((n, 1))).shape == (n, 1)
    np.testing.assert_allclose(found.x[:, 0], np.linalg.solve(a.toarray(), np.ones(n)), rtol=1e-6)
