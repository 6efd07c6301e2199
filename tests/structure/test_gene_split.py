"""Halves of the genes: silent on independent genes and on unrelated types, loud on a continuum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import homogeneity_score

from landscape.structure.gene_split import gene_split, grouping
from landscape.structure.verdict import CONTINUUM, LEVEL, SHARED, StructureTest, compare_genes, failures
from tests.structure.drawn import gradient, homogeneous, one_batch


def split(counts, batch=None, seed=0):
    return gene_split(counts, one_batch(counts) if batch is None else batch, np.random.default_rng(seed))


def test_independent_genes_of_cells_of_any_size_pass_no_more_often_than_the_level():
    """Sizes differ a hundredfold, every gene has its own dispersion."""
    n, level = 20, 0.1
    p = [split(homogeneous(150, 60, seed=seed, spread=1.2)[0], seed=seed)[0].p_value for seed in range(n)]
    assert (np.array(p) <= level).sum() <= binom.ppf(0.999, n, level)


def test_a_continuum_has_structure_within_groups_too():
    overall, within = split(gradient(400)[0])
    assert overall.p_value == within.p_value == 0.002  # none of 999 flips, twice the median
    assert overall.correlation > 0.9 > 0.5 > overall.by_chance
    assert within.n_groups > 2


@pytest.mark.parametrize("n_types", [2, 4])
def test_unrelated_types_have_structure_between_them_and_none_within(n_types):
    counts, _, _ = homogeneous(600, 200, n_types=n_types, spread=0.3, depth=4000)
    overall, within = split(counts)
    assert overall.p_value == 0.002
    assert within.p_value > LEVEL
    assert within.n_groups >= n_types


def test_a_difference_between_batches_is_no_structure():
    counts, _, batch = homogeneous(500, 100, n_types=2, spread=0.3)
    assert split(counts)[0].p_value == 0.002
    assert split(counts, batch)[0].p_value > LEVEL


def test_the_number_of_groups_is_that_which_predicts_other_genes():
    rng = np.random.default_rng(0)
    types = rng.integers(3, size=300)
    far = np.eye(3)[types] * 10
    groups = grouping(far + rng.normal(size=(300, 3)), far + rng.normal(size=(300, 3)))
    assert homogeneity_score(types, groups) > 0.95
    assert groups.max() + 1 in (3, 4)  # a further group costs little where it predicts nothing
    assert grouping(rng.normal(size=(300, 3)), rng.normal(size=(300, 3))).max() < 3
    assert grouping(far[:15], far[:15]).max() == 0  # too few cells for two groups


def test_the_answer_is_that_of_the_seed():
    counts, _ = gradient(100, 40)
    assert split(counts) == split(counts)


def test_too_few_genes_are_no_structure_and_say_why():
    counts, _ = gradient(100, 6)
    found = compare_genes(counts, one_batch(counts), np.random.default_rng(0))
    assert [test.name for test in found] == [SHARED, CONTINUUM]
    assert not any(test.passed for test in found)
    assert "found 100 and 6" in failures(found)[0]


def test_structure_is_claimed_only_if_every_test_rejects():
    def made(p, *, required=True):
        return StructureTest("a", 0.5, 0.1, p, "figure", required)

    assert failures([made(0.001), made(LEVEL)]) == []
    assert failures([made(0.001), made(0.02)]) == ["a: figure 0.50, 0.10 by chance (p = 0.02)"]
    assert failures([made(np.nan)]) == ["a: figure"]
    assert failures([made(np.nan, required=False)]) == []
