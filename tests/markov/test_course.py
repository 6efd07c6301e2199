"""The course of a chain against closed forms: binomial steps along a line, gradients, the speed of decay."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from landscape.markov import find_start, flow_potential, neighbor_graph, potential_kernel
from landscape.markov.course import SETTLED, populations_ahead, populations_along, steps_per_lifetime, towards_ends


def forward_line(n: int, p: float = 0.5) -> sparse.csr_matrix:
    """Stay, or go one to the right; the last state keeps what arrives."""
    chain = sparse.diags([np.full(n, 1 - p), np.full(n - 1, p)], [0, 1], format="lil")
    chain[n - 1, n - 1] = 1.0
    return chain.tocsr()


def test_nothing_falls_faster_than_it_decays():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 1.0, (2000, 5))
    off = rng.random(x.shape) < 0.2
    # Where production is off a step of a tenth of a lifetime takes a tenth of the level, elsewhere levels rest.
    velocity = np.where(off, -0.1 * x, 0.0)
    assert steps_per_lifetime(x, velocity) == pytest.approx(10.0)
    assert steps_per_lifetime(x, velocity, 0.5) == pytest.approx(5.0)


def test_a_direction_along_which_nothing_falls_is_refused():
    with pytest.raises(ValueError, match="Expected a direction along which some regulators fall"):
        steps_per_lifetime(np.ones((10, 2)), np.zeros((10, 2)))


def test_populations_are_those_of_a_binomial_walk():
    n = 60
    found = populations_along(forward_line(n), np.array([0]), np.arange(n) // 5, n_cells=4000, rng=0)
    steps = sorted(found)
    assert steps[0] == 0
    assert (found[0] == 0).all()
    for m in steps[1:]:
        if m > n:
            break
        # After m steps the mean is m / 2 with variance m / 4; the standard error of 4,000 draws is that over 63.
        assert found[m].mean() == pytest.approx(m / 2, abs=4 * np.sqrt(m / 4 / 4000))
    # As many steps again would bring no more than this share to the last patch.
    assert (found[steps[-1]] >= n - 5).mean() > 1 - SETTLED


def test_a_chain_that_has_not_left_its_start_has_not_ended():
    # The first steps lead from one cell of the start's patch to the next, which must not be taken for the end.
    n = 200
    patch = np.r_[np.zeros(20, dtype=int), np.arange(1, 10).repeat(20)]
    found = populations_along(forward_line(n), np.array([0]), patch, n_cells=500)
    assert np.median(found[max(found)]) > 150


def test_weights_choose_among_destinations():
    # From the start to either of two ends; one of them counts three times as much.
    chain = sparse.csr_matrix(np.array([[0.0, 0.5, 0.5], [0, 1.0, 0], [0, 0, 1.0]]))
    found = populations_along(chain, np.array([0]), np.arange(3), weights=np.array([1.0, 3.0, 1.0]), n_cells=4000)
    share = (found[max(found)] == 1).mean()
    assert share == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 4000))


def test_populations_ahead_of_all_cells_are_those_of_a_binomial_walk():
    n, share = 60, np.r_[0.5, 0.0, 0.5, np.zeros(57)]
    found = populations_ahead(forward_line(n), share, steps=(3, 9), n_cells=4000, rng=0)
    assert sorted(found) == [0, 3, 9]
    for m, cells in found.items():
        # From state 0 or 2: the mean moves by m / 2, the variance of 1 grows by m / 4.
        assert cells.mean() == pytest.approx(1 + m / 2, abs=4 * np.sqrt((1 + m / 4) / 4000))


@pytest.fixture(scope="module")
def strip():
    """Cells along a strip, and the chain that the flow along it gives."""
    rng = np.random.default_rng(0)
    z = np.column_stack([rng.uniform(0, 10, 1200), rng.normal(0, 0.3, 1200)])
    graph = neighbor_graph(z, n_neighbors=15)
    left, right = np.argsort(z[:, 0])[:20], np.argsort(-z[:, 0])[:20]
    return z, graph, potential_kernel(graph, flow_potential(graph, left, (right,)))


def test_the_start_is_where_the_chain_comes_from(strip):
    z, graph, chain = strip
    start = find_start(graph, chain, z)
    assert len(start) == 24  # two hundredths of the cells
    assert z[start, 0].max() < 1.0
    # Three in ten directions are reversed and the start is still found: all are heard at once.
    wrong = np.random.default_rng(1).random(len(z)) < 0.3
    mixed = sparse.diags((~wrong).astype(float)) @ chain + sparse.diags(wrong.astype(float)) @ potential_kernel(
        graph, z[:, 0]
    )
    assert np.median(z[find_start(graph, mixed, z), 0]) < 2.0


def test_a_hesitant_chain_is_led_on_from_its_start(strip):
    z, graph, chain = strip
    hesitant = (0.15 * chain + 0.85 * potential_kernel(graph, np.zeros(len(z)))).tocsr()
    led = towards_ends(graph, hesitant, find_start(graph, chain, z))
    np.testing.assert_allclose(np.asarray(led.sum(1)).ravel(), 1.0)
    middle = np.abs(z[:, 0] - 5) < 2
    drift = (led @ z - z)[middle, 0].mean()
    assert drift > 2 * (hesitant @ z - z)[middle, 0].mean() > 0
