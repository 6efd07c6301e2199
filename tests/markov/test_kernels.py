"""Kernels of chains: flow potential against Kirchhoff's law on a line, kernels against their formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from landscape.markov import flow_potential, kernels, neighbor_graph, potential_kernel, velocity_kernel
from landscape.markov.graph import CellGraph


def line(n: int) -> CellGraph:
    weights = sparse.diags([np.ones(n - 1), np.ones(n - 1)], [-1, 1], format="csr")
    return CellGraph(weights, weights, 1, np.zeros(n, dtype=int))


def test_the_flow_along_a_line_obeys_kirchhoff():
    n = 50
    graph = line(n)
    potential = flow_potential(graph, np.array([0]), (np.array([n - 1]),))
    degree = np.asarray(graph.weights.sum(1)).ravel()
    conductance = 1 / np.sqrt(degree[:-1] * degree[1:])
    # One unit flows through every link.
    np.testing.assert_allclose(conductance * -np.diff(potential), 1.0, rtol=1e-6)


def test_the_flow_divides_equally_between_equal_sinks():
    n = 51
    potential = flow_potential(line(n), np.array([25]), (np.array([0]), np.array([50])))
    np.testing.assert_allclose(potential, potential[::-1], atol=1e-6)


def test_cells_that_the_source_does_not_reach_have_no_potential():
    weights = sparse.block_diag([line(10).weights, line(5).weights], format="csr")
    graph = CellGraph(weights, weights, 2, np.r_[np.zeros(10, dtype=int), np.ones(5, dtype=int)])
    potential = flow_potential(graph, np.array([0]), (np.array([9]),))
    assert np.isnan(potential[10:]).all()
    assert np.isfinite(potential[:10]).all()
    chain = potential_kernel(graph, potential)
    np.testing.assert_allclose(chain.diagonal()[10:], 1.0)


def test_a_flow_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr(kernels, "MAX_ITERATIONS", 3)  # a line of fifty takes about fifty
    with pytest.raises(ValueError, match="did not converge"):
        flow_potential(line(50), np.array([0]), (np.array([49]),))


@pytest.mark.parametrize(("exact", "info"), [(False, 0), (True, 1)])
def test_neither_a_large_residual_nor_a_solver_that_gave_up_is_accepted(exact, info, monkeypatch):
    def answers(balance, source, *, tolerance):
        return (np.linalg.pinv(balance.toarray()) @ source if exact else np.zeros(len(source))), info

    monkeypatch.setattr(kernels, "poisson", answers)
    with pytest.raises(ValueError, match="relative residual .*e-1[0-9]" if exact else r"relative residual 1.0e\+00"):
        flow_potential(line(50), np.array([0]), (np.array([49]),))


def test_a_flow_without_sinks_is_refused():
    with pytest.raises(ValueError, match="at least one sink"):
        flow_potential(line(5), np.array([0]), ())


def test_the_kernel_prefers_down_by_the_stated_factor():
    graph = line(11)
    chain = potential_kernel(graph, -np.arange(11.0), sharpness=2.0)
    np.testing.assert_allclose(np.asarray(chain.sum(1)).ravel(), 1)
    # All differences are one, so is their root mean square: the odds are exp(2 beta).
    np.testing.assert_allclose(chain[5, 6] / chain[5, 4], np.exp(4.0), rtol=1e-12)


def test_kernels_do_not_depend_on_the_unit():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3))
    graph, potential = neighbor_graph(points, n_neighbors=10), rng.normal(size=200)
    a, b = potential_kernel(graph, potential), potential_kernel(graph, 7 * potential + 3)
    assert abs(a - b).max() < 1e-12
    velocity = rng.normal(size=(200, 3))
    a, b = velocity_kernel(graph, points, velocity), velocity_kernel(graph, 5 * points, 0.1 * velocity)
    assert abs(a - b).max() < 1e-12


def test_the_flow_leaves_at_each_sink_with_its_share():
    n = 101
    graph = line(n)
    sinks = (np.array([0]), np.array([n - 1]))
    potential = flow_potential(graph, np.array([50]), sinks, shares=np.array([0.8, 0.2]))
    # Away from the tips, where degrees differ, the flow to either side is the difference of neighbouring potentials.
    left, right = potential[30] - potential[29], potential[70] - potential[71]
    assert left == pytest.approx(4 * right, rel=1e-6)


def test_the_velocity_kernel_moves_along_the_velocity_and_reversal_reverses_it():
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(500, 2))
    graph = neighbor_graph(points, n_neighbors=20)
    ahead = np.tile([1.0, 0.0], (500, 1))
    inner = (points > 0.15).all(1) & (points < 0.85).all(1)
    there = (velocity_kernel(graph, points, ahead) @ points - points)[inner, 0]
    back = (velocity_kernel(graph, points, -ahead) @ points - points)[inner, 0]
    assert (there > 0).all()
    assert (back < 0).all()


def test_a_cell_at_rest_moves_without_preference():
    points = np.random.default_rng(0).uniform(size=(100, 2))
    graph = neighbor_graph(points, n_neighbors=10)
    chain = velocity_kernel(graph, points, np.zeros((100, 2)))
    degree = np.asarray(graph.weights.sum(1)).ravel()
    assert abs(chain - sparse.diags(1 / degree) @ graph.weights).max() < 1e-12


def any_graph(seed, n):
    """Random links with weights; some cells may have none."""
    rng = np.random.default_rng(seed)
    links = sparse.random_array((n, n), density=min(1.0, 3 / n), rng=rng, format="csr")
    weights = sparse.csr_matrix(links + links.T)
    weights.setdiag(0)
    weights.eliminate_zeros()
    n_parts, part = sparse.csgraph.connected_components(weights, directed=False)
    return CellGraph(weights, weights, n_parts, part), rng


def by_the_formula(weights, height, sharpness):
    """Transition matrix of the written formula, one row after the other; ``height[i, j]`` is NaN where unknown."""
    n = len(weights)
    found = np.zeros((n, n))
    for i in range(n):
        beside = np.flatnonzero((weights[i] > 0) & np.isfinite(height[i]))
        if not len(beside):
            found[i, i] = 1.0
            continue
        k, h = weights[i, beside], height[i, beside]
        delta = np.sqrt((k * h**2).sum() / k.sum())
        share = k / (1 + np.exp(-2 * sharpness * h / (delta if delta > 0 else 1.0)))
        found[i, beside] = share / share.sum()
    return found


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 25), st.floats(0.0, 4.0), st.integers(0, 3))
def test_any_chain_down_a_potential_is_the_formula(seed, n, sharpness, n_unknown):
    graph, rng = any_graph(seed, n)
    potential = rng.normal(size=n)
    potential[rng.choice(n, min(n, n_unknown), replace=False)] = np.nan
    fall = potential[:, None] - potential
    chain = potential_kernel(graph, potential, sharpness=sharpness).toarray()
    np.testing.assert_allclose(chain, by_the_formula(graph.weights.toarray(), fall, sharpness), atol=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 25), st.floats(0.0, 4.0), st.integers(0, 3))
def test_any_chain_along_velocities_is_the_formula(seed, n, sharpness, n_at_rest):
    graph, rng = any_graph(seed, n)
    isolated = np.asarray(graph.weights.sum(1)).ravel() == 0
    links = graph.weights.tolil()
    links[isolated, 0] = 1.0  # the kernel is for graphs of neighbours, in which every cell has some
    links[0, isolated] = 1.0
    links[0, 0] = 0.0
    weights = sparse.csr_matrix(links)
    if not (np.asarray(weights.sum(1)).ravel() > 0).all():
        return
    points, velocity = rng.normal(size=(2, n, 3))
    velocity[rng.choice(n, n_at_rest, replace=False)] = 0.0
    step = points - points[:, None]
    length = np.linalg.norm(step, axis=2) * np.linalg.norm(velocity, axis=1)[:, None]
    cosine = np.einsum("id,ijd->ij", velocity, step) / np.where(length > 0, length, np.inf)
    chain = velocity_kernel(CellGraph(weights, weights, 1, np.zeros(n, int)), points, velocity, sharpness=sharpness)
    np.testing.assert_allclose(chain.toarray(), by_the_formula(weights.toarray(), cosine, sharpness), atol=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(4, 40))
def test_any_flow_is_conserved(seed, n):
    """What flows out of a cell less what flows in is its source; of other parts of the graph nothing is known."""
    graph, _ = any_graph(seed, n)
    largest = np.flatnonzero(graph.component == np.bincount(graph.component).argmax())
    if len(largest) < 3:
        return
    source, sinks = largest[:1], (largest[1:2], largest[2:])
    potential = flow_potential(graph, source, sinks)
    assert np.isnan(np.delete(potential, largest)).all()
    weights = graph.weights.toarray()[np.ix_(largest, largest)]
    degree = weights.sum(1)
    flow = weights / np.sqrt(degree[:, None] * degree) * (potential[largest][:, None] - potential[largest])
    wanted = np.r_[1.0, -0.5, np.full(len(largest) - 2, -0.5 / (len(largest) - 2))]
    np.testing.assert_allclose(flow.sum(1), wanted, atol=1e-6)
    assert abs(potential[largest].mean()) < 1e-9 * np.abs(potential[largest]).max()
