from __future__ import annotations

import numpy as np

from landscape import network
from landscape.network.evidence.decoys import false_discovery, stratified_false_discovery, with_decoys
from tests.network import toy


def test_decoys_are_the_same_values_in_other_cells_of_similar_depth():
    counts = toy.counts(n_genes=150)
    data = with_decoys(network.expression(counts, np.arange(20), block_size=64), 6)
    x, _, _ = data.dense()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    tenth = np.searchsorted(np.quantile(totals, np.arange(1, 10) / 10), totals, side="right")
    assert x.shape == (300, 26)
    for decoy, gene in zip(x[:, 20:].T, data.decoy_of, strict=True):
        own = x[:, gene]
        assert (decoy != own).any()
        for stratum in range(10):
            np.testing.assert_array_equal(np.sort(decoy[tenth == stratum]), np.sort(own[tenth == stratum]))


def test_decoys_depend_neither_on_the_order_of_cells_nor_on_that_of_genes():
    """Genes that are seen or not in a fixed number of cells have equal variances; their decoys are the same all the same."""
    rng = np.random.default_rng(0)
    seen = np.column_stack([rng.permuted(np.arange(90) < 20) for _ in range(12)]).astype(float)
    counts = np.concatenate([seen, rng.poisson(4.0, size=(90, 30))], axis=1)
    cells, genes = rng.permutation(90), rng.permutation(42)
    here = with_decoys(network.expression(counts, np.arange(12)), 5, seed=1)
    there = with_decoys(network.expression(counts[cells][:, genes], np.flatnonzero(genes < 12)), 5, seed=1)
    assert len(np.unique(here.block(0).fingerprint)) == 90
    np.testing.assert_array_equal(genes[there.decoy_of], here.decoy_of)
    np.testing.assert_array_equal(there.decoys, here.decoys[cells])


def test_false_discovery_rate_by_counting():
    weights = np.array([[5.0, 3.0], [1.0, 0.0]])
    decoys = np.array([[2.0, 0.5]])
    # at 3 and above: (1 + 0) / 1 decoy over 2 / 2 regulators = 1; at 1: (1 + 1) / (3 / 2) > 1
    np.testing.assert_allclose(false_discovery(weights, decoys), [[1.0, 1.0], [1.0, 1.0]])
    many = np.zeros((100, 2))
    many[0, 0] = 4.0
    # at 5: .01 / .5; at 3: (1 + 1) / 100 / 1; at 1: 2 / 100 / 1.5, and a lower weight never has a lower rate
    np.testing.assert_allclose(false_discovery(weights, many), [[0.02 * 2 / 3] * 2, [0.02 * 2 / 3, 1.0]], rtol=1e-12)


def test_similar_regulators_and_targets_share_a_null():
    """Chance edges of rare genes do not hide the edges of frequent ones."""
    rng = np.random.default_rng(0)
    rare = np.arange(100) < 50
    weights = np.where(rare[:, None], rng.normal(size=(100, 200)), 0.01 * rng.normal(size=(100, 200)))
    weights[rare.argmin() :, 0] = 0.5
    decoys = np.where(rare[::2, None], rng.normal(size=(50, 200)), 0.01 * rng.normal(size=(50, 200)))
    spread = np.where(rare, 0.1, 1.0)
    together = false_discovery(weights, decoys)
    apart = stratified_false_discovery(weights, decoys, rows=spread, decoy_rows=spread[::2], columns=np.ones(200))
    assert together[60, 0] > 0.5
    assert apart[60, 0] < 0.05
    assert (apart[:50] < 0.05).mean() < 0.01


def test_unrelated_genes_get_no_edges_and_planted_ones_keep_theirs():
    none = network.infer(network.expression(toy.counts(n_genes=150), np.arange(50)), n_bootstraps=0)
    assert none.support.sum() <= 0.01 * none.support.size
    counts, regulators, truth = toy.planted()
    found = network.infer(network.expression(counts, regulators), n_bootstraps=0)
    assert found.support[truth != 0].mean() > 0.95


def test_decoys_do_not_change_the_weights():
    counts, regulators, _ = toy.planted()
    data = network.expression(counts, regulators)
    with_them = network.infer(data, n_bootstraps=0, penalty=0.5)
    without = network.infer(data, n_bootstraps=0, n_decoys=0, penalty=0.5)
    np.testing.assert_allclose(with_them.weights, without.weights, atol=1e-12)
    assert without.fdr is None
