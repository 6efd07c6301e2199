from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from tests.network import toy

QUICK = {"n_bootstraps": 4, "rng": 0}


def test_planted_edges_are_found_with_signs_and_a_sparse_support():
    counts, regulators, truth = toy.planted(n_cells=600, n_regulators=24, n_targets=96)
    found = network.infer(network.expression(counts, regulators))
    scores = network.score(found.weights, truth, regulators)
    assert scores.auprc > 0.98
    assert scores.sign_accuracy == 1.0
    assert found.support[truth != 0].all()
    assert found.support[truth == 0].mean() < 0.1
    assert (found.stability[truth != 0] == 1.0).all()


def test_permuting_cells_changes_nothing_and_permuting_genes_permutes():
    counts, regulators, _ = toy.planted(n_cells=150, n_regulators=24, n_targets=20)
    counts[:, [3, 17]] = np.eye(150)[[5, 60]].T  # two genes seen once: equal variances
    settings = QUICK | {"n_decoys": 10, "penalty": 0.3, "deconfounding": 0.2}
    found = network.infer(network.expression(counts, regulators), **settings)
    rng = np.random.default_rng(0)
    cells, genes = rng.permutation(150), rng.permutation(44)
    rows = np.flatnonzero(np.isin(genes, regulators))  # as a table of genes has them: in the order of its columns
    moved = network.infer(network.expression(counts[cells], regulators, block_size=40), **settings)
    renamed = network.infer(network.expression(counts[:, genes], rows), **settings)
    for name in ("weights", "stability", "sd", "support", "fdr"):
        here = getattr(found, name)
        # Order of summation only: about sqrt(n) eps, divided by the smallest eigenvalue plus penalty, .3.
        np.testing.assert_allclose(getattr(moved, name), here, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(getattr(renamed, name), here[genes[rows]][:, genes], atol=1e-9, err_msg=name)


def test_duplicating_cells_and_doubling_depth_change_no_weight():
    counts, regulators, _ = toy.planted(n_targets=120)
    found = network.infer(network.expression(counts, regulators), **QUICK)
    twice = network.infer(network.expression(np.tile(counts, (2, 1)), regulators), **QUICK)
    deeper = network.infer(network.expression(2 * counts, regulators), **QUICK)
    np.testing.assert_allclose(twice.weights, found.weights, atol=1e-9)
    np.testing.assert_allclose(deeper.weights, found.weights, atol=1e-9)


def test_the_same_seed_gives_the_same_network():
    counts, regulators, _ = toy.planted(n_cells=100, n_targets=10)
    one, two, other = (network.infer(network.expression(counts, regulators), n_bootstraps=4, rng=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.stability, two.stability)
    np.testing.assert_array_equal(one.fdr, two.fdr)
    assert not np.array_equal(one.sd, other.sd)


def test_every_seed_draws_its_own_decoys_and_their_number_is_kept():
    counts, regulators, _ = toy.planted(n_cells=100, n_targets=10)
    data = network.expression(counts, regulators)
    found = [network.infer(data, n_bootstraps=0, n_decoys=5, penalty=0.3, rng=seed) for seed in range(4)]
    assert all(not np.array_equal(a.fdr, b.fdr) for i, a in enumerate(found) for b in found[:i])
    assert [one.params["n_decoys"] for one in found] == [5] * 4
    assert network.infer(data, n_bootstraps=0, n_decoys=0, rng=0).params["n_decoys"] == 0
    assert network.infer(data, n_bootstraps=0, rng=0).params["n_decoys"] == len(regulators)


def test_genes_that_do_not_vary_are_left_out_and_named():
    counts, regulators, _ = toy.planted(n_cells=100, n_targets=10)
    counts[:, 2] = 0.0
    counts[:, 15] = 0.0
    found = network.infer(network.expression(counts, regulators), **QUICK)
    assert found.constant_regulators.tolist() == [2]
    assert found.constant_targets.tolist() == [2, 15]
    for values in (found.weights, found.support):
        assert not values[2].any()
        assert not values[:, 15].any()


def test_no_gene_regulates_itself():
    counts, regulators, _ = toy.planted(n_cells=100, n_targets=10)
    for response in (None, counts[::-1] + 1):
        found = network.infer(network.expression(counts, regulators, response=response), **QUICK)
        assert not found.weights[np.arange(8), regulators].any()
        assert not found.support[np.arange(8), regulators].any()


def test_a_function_of_moments_is_a_method():
    counts, regulators, _ = toy.planted(n_cells=100, n_targets=10)

    def covariance(moments, regulators, *, power):
        del regulators
        return moments.xy**power

    found = network.infer(network.expression(counts, regulators), method=covariance, power=3, **QUICK)
    assert found.method == "covariance"
    assert found.params["power"] == 3
    with pytest.raises(ValueError, match=r"weights of shape \(8, 18\) from the method '<lambda>', found \(2, 2\)"):
        network.infer(network.expression(counts, regulators), method=lambda moments, regulators: np.eye(2))
    with pytest.raises(ValueError, match="finite weights"):
        network.infer(network.expression(counts, regulators), method=lambda m, r: np.full((8, 18), np.nan), n_decoys=0)


def test_values_without_a_known_scale_get_their_shape_learned():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 12))
    assert network.infer(network.expression(values, np.arange(5)), **QUICK).params["shape"]
    assert not network.infer(network.expression(values, np.arange(5)), shape=False, **QUICK).params["shape"]
    assert not network.infer(network.expression(toy.counts(), np.arange(5)), **QUICK).params["shape"]


@pytest.mark.parametrize(
    ("regulators", "options", "message"),
    [
        (np.arange(60), {}, "fewer regulators than cells, found 60 regulators and 60 cells"),
        ([0, 1], {"method": "magic"}, r"`method` to be one of \['boost', 'consensus', 'correlation', 'ridge'"),
        ([0, 1], {"n_bootstraps": -1}, "`n_bootstraps` of at least 0"),
        ([0, 1], {"stable": 0.5}, r"`stable` above 0.5, .* and at most 1; found 0.5"),
        ([0, 1], {"stable": 75}, "and at most 1; found 75"),
        ([0, 1], {"max_fdr": 5}, "`max_fdr` from 0 to 1, found 5"),
        ([0, 1], {"expected_false": 0.0}, "`expected_false` above 0, found 0.0"),
    ],
)
def test_bad_requests_are_refused(regulators, options, message):
    with pytest.raises(ValueError, match=message):
        network.infer(network.expression(toy.counts(n_cells=60, n_genes=70), regulators), **options)


def test_constant_data_are_refused():
    counts = np.ones((60, 5))
    with pytest.raises(ValueError, match="regulators that vary, found 2 constant ones"):
        network.infer(network.expression(counts, [0, 1]), n_bootstraps=0)
