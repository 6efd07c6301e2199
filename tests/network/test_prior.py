from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from landscape import network
from tests.network import toy

NAMES = [f"Gene{k}" for k in range(40)]


def table(*edges):
    return pd.DataFrame(edges, columns=["source", "target", "weight"])


@pytest.mark.parametrize("sign", [0.0, 1.0])
def test_prior_edges_have_a_smaller_penalty_exactly(sign):
    data = network.expression(toy.counts(), [3, 0, 8])
    moments = network.moments(data)
    free = network.ridge(moments, data.regulators, penalty=0.5, deconfounding=0)
    direction = np.sign(free[1, 20]) if sign else 0.0
    prior = network.prior_of(table(("Gene0", "Gene20", direction), ("Gene3", "Gene8", 0)), data.regulators, NAMES)
    found = network.ridge(moments, data.regulators, penalty=0.5, prior=prior, prior_penalty_factor=0.1, deconfounding=0)

    expected = np.linalg.solve(moments.xx + np.diag([0.5, 0.05, 0.5]), moments.xy[:, 20])
    np.testing.assert_allclose(found[:, 20], 1.5 * expected, atol=1e-12)
    kept = [0, 1]  # gene 8 is a regulator and does not explain itself
    inner = moments.xx[np.ix_(kept, kept)] + np.diag([0.05, 0.5])
    np.testing.assert_allclose(found[kept, 8], 1.5 * np.linalg.solve(inner, moments.xy[kept, 8]), atol=1e-12)
    assert found[2, 8] == 0
    others = np.setdiff1d(np.arange(40), [20, 8])
    np.testing.assert_allclose(found[:, others], free[:, others], atol=1e-12)


def test_data_overrule_a_wrong_sign():
    data = network.expression(toy.counts(), [3, 0, 8])
    moments = network.moments(data)
    free = network.ridge(moments, data.regulators)
    wrong = table(("Gene0", "Gene20", -np.sign(free[1, 20])))
    prior = network.prior_of(wrong, data.regulators, NAMES)
    np.testing.assert_allclose(network.ridge(moments, data.regulators, prior=prior), free, atol=1e-12)


def test_a_right_prior_helps():
    counts, regulators, truth = toy.planted(n_cells=60, n_regulators=20)
    names = [f"Gene{k}" for k in range(counts.shape[1])]
    rows, columns = np.nonzero(truth)
    edges = table(*((names[regulators[k]], names[j], truth[k, j]) for k, j in zip(rows, columns, strict=True)))
    data = network.expression(counts, regulators)
    without = network.infer(data, n_bootstraps=0, n_decoys=0)
    prior = network.prior_of(edges, regulators, names)
    helped = network.infer(data, n_bootstraps=0, n_decoys=0, prior=prior)
    score = [network.score(r.weights, truth, regulators).auprc for r in (without, helped)]
    assert score[1] > score[0]
    assert helped.params["prior_coverage"] == 1.0


def test_coverage_is_reported_and_edges_merge(caplog):
    given = table(
        ("Gene0", "Gene1", 1), ("Gene0", "Gene1", 1), ("Gene0", "Gene2", 1), ("Gene0", "Gene2", -1), ("X", "Y", 1)
    )
    with caplog.at_level(logging.INFO):
        prior = network.prior_of(given, np.array([0, 5]), NAMES)
    assert "4 of 5 edges are among the genes; they cover 50 % of the regulators" in caplog.text
    np.testing.assert_array_equal(prior.columns, [1, 2])
    np.testing.assert_array_equal(prior.signs, [1.0, 0.0])
    assert prior.coverage == 0.5


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("trrust", TypeError, "`prior` to be a DataFrame"),
        (pd.DataFrame({"tf": [], "target": []}), KeyError, r"found no \['source'\]"),
        (table(("Foo1", "Bar1", 1)), ValueError, "at least 5% of the 2 regulators, found 0.0%"),
    ],
)
def test_priors_that_do_not_fit_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        network.prior_of(given, np.array([0, 5]), NAMES)


def test_a_prior_of_another_species_is_refused():
    given = table(("GATA1", "KLF1", 1), ("SPI1", "CEBPA", 1))
    names = ["Gata1", "Spi1", "Klf1", "Cebpa", "Mpo", "Elane"]
    with pytest.raises(ValueError, match="prior of mouse genes, found one of human"):
        network.prior_of(given, np.array([0, 5]), names)


def test_methods_without_use_for_a_prior_say_so():
    data = network.expression(toy.counts(), [0, 5])
    prior = network.prior_of(table(("Gene0", "Gene1", 1)), data.regulators, NAMES)
    with pytest.raises(ValueError, match=r"no `prior` for the method 'boost'.*\['ridge'\]"):
        network.infer(data, method="boost", prior=prior)
