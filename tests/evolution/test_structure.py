"""Modularity, Hebbian correlation and autonomy against other definitions of the same."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from landscape.evolution import TargetFamily, autonomy, hebbian_correlation, modularity

FAMILY = TargetFamily()


def test_modularity_is_that_of_networkx():
    b = np.random.default_rng(0).normal(size=(16, 16))
    a = np.abs(b + b.T) / 2
    np.fill_diagonal(a, 0)
    sets = [set(np.flatnonzero(FAMILY.modules == k)) for k in range(4)]
    graph = nx.from_numpy_array(a)
    assert modularity(b, FAMILY.modules).value == pytest.approx(nx.community.modularity(graph, sets), abs=1e-12)
    found = modularity(b)
    parts = [set(np.flatnonzero(found.modules == k)) for k in range(found.modules.max() + 1)]
    assert found.value == pytest.approx(nx.community.modularity(graph, parts), abs=1e-12)


def test_modularity_of_blocks():
    blocks = np.kron(np.eye(4), np.ones((4, 4)))
    assert modularity(blocks, FAMILY.modules).value == pytest.approx(0.75)
    found = modularity(-3 * blocks)
    assert found.value == pytest.approx(0.75)
    assert len(np.unique(found.modules)) == 4
    # All pairs alike: Q is the share of pairs within modules, 3/15, less the chance, 1/4.
    assert modularity(np.ones((16, 16)), FAMILY.modules).value == pytest.approx(3 / 15 - 1 / 4)


def test_autonomy_of_two_traits_is_what_correlation_leaves():
    gen = np.random.default_rng(0)
    x = gen.normal(size=(500, 2)) @ [[1.0, 0.7], [0.0, 2.0]]
    r = np.corrcoef(x.T)[0, 1]
    np.testing.assert_allclose(autonomy(x * [1, 40]), 1 - r**2, rtol=1e-12)


def test_autonomy_is_conditional_variance():
    """What a regression on the other traits leaves of the variance."""
    x = np.random.default_rng(1).normal(size=(300, 5)) @ np.random.default_rng(2).normal(size=(5, 5))
    centred = x - x.mean(0)
    found = autonomy(x)
    for i in range(5):
        others = np.delete(centred, i, axis=1)
        residual = centred[:, i] - others @ np.linalg.lstsq(others, centred[:, i], rcond=None)[0]
        assert found[i] == pytest.approx(residual.var() / centred[:, i].var(), rel=1e-9)


def test_traits_that_determine_one_another_have_no_autonomy():
    x = np.random.default_rng(0).normal(size=(100, 2))
    assert (autonomy(np.c_[x, x[:, 0] + x[:, 1]]) < 1e-12).all()


def test_hebbian_correlation():
    outer = FAMILY.trained.T @ FAMILY.trained
    assert hebbian_correlation(3 * outer + 5, FAMILY.trained) == pytest.approx(1)
    assert hebbian_correlation(outer + 100 * np.eye(16), FAMILY.trained) == pytest.approx(1)
    assert hebbian_correlation(-outer, FAMILY.trained) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: modularity(np.zeros((4, 4))), "connections between genes, found none"),
        (lambda: modularity(np.ones((4, 3))), r"shape \(d, d\), found \(4, 3\)"),
        (lambda: modularity(np.ones((4, 4)), [0, 0, 2, 2]), "without a gap"),
        (lambda: autonomy(np.ones((10, 2))), "traits that vary, found trait 0"),
        (lambda: autonomy(np.eye(3)), "n > k"),
        (lambda: hebbian_correlation(np.zeros((16, 16)), FAMILY.trained), "vary between pairs"),
        (lambda: hebbian_correlation(np.eye(3), FAMILY.trained), "targets with 3 genes, as the weights, found 16"),
    ],
)
def test_what_has_no_answer_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
