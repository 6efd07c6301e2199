"""A chain without dwelling: the order of a chain along a line, and one that goes round."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from landscape.markov import neighbor_graph, potential_kernel
from landscape.markov.directed import Directed
from landscape.markov.retiming import absorption_order, retimed


def strip(n: int = 400):
    """Cells along a strip, and a chain that hesitates at its beginning: half of the steps there have no direction."""
    rng = np.random.default_rng(0)
    along = np.sort(rng.uniform(0, 1, n))
    z = np.c_[along, 0.02 * rng.standard_normal(n)]
    graph = neighbor_graph(z, n_neighbors=15)
    sharp = potential_kernel(graph, -along)
    dull = potential_kernel(graph, np.zeros(n))
    mixture = np.where(along < 0.5, 0.9, 0.0)[:, None]
    chain = (sharp.multiply(1 - mixture) + dull.multiply(mixture)).tocsr()
    return along, z, graph, Directed(chain, chain @ z - z, np.array([], dtype=np.int64))


def test_the_order_grows_along_the_chain_from_0_to_1():
    along, _, _, directed = strip()
    order = absorption_order(directed, np.argsort(along)[-20:])
    assert (order.min(), order.max()) == (0.0, 1.0)
    assert spearmanr(order, along).statistic > 0.98


def test_the_chain_along_the_order_does_not_hesitate():
    along, z, graph, directed = strip()
    found = retimed(graph, directed, z)
    np.testing.assert_allclose(np.asarray(found.transitions.sum(1)).ravel(), 1)
    early = (along > 0.1) & (along < 0.4)
    step = lambda chain: (chain @ along - along)[early].mean()  # noqa: E731
    assert step(found.transitions) > 3 * step(directed.transitions) > 0
    assert along[found.start].max() < 0.1


def test_a_chain_that_goes_round_has_no_order_and_stays(caplog):
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    z = np.c_[np.cos(angle), np.sin(angle)]
    graph = neighbor_graph(z, n_neighbors=10)
    chain = potential_kernel(graph, np.zeros(300))
    directed = Directed(chain, chain @ z - z, np.array([], dtype=np.int64))
    assert retimed(graph, directed, z) is directed
    assert "gathers at none of" in caplog.text
