"""The family of targets and the goals of a schedule."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from landscape.evolution import TargetFamily, evolve
from landscape.evolution.targets import goals

BASE = np.array([-1, 1, -1, 1, -1, -1, 1, 1, -1, 1, 1, -1, -1, -1, -1, -1.0])


def test_the_published_family():
    family = TargetFamily()
    by_hand = [np.repeat([1] + [-1 if (c >> m) & 1 else 1 for m in range(3)], 4) * BASE for c in range(8)]
    np.testing.assert_array_equal(family.members, by_hand)
    np.testing.assert_array_equal(family.trained, np.array(by_hand)[[0, 3, 5]])
    # Any two of the trained members differ in two modules of four genes.
    assert (family.trained @ family.trained.T == np.where(np.eye(3) == 1, 16, 0)).all()
    np.testing.assert_array_equal(family.members @ family.traits.T, [[1, *row[4::4] * BASE[4::4]] for row in by_hand])


def test_shares_count_a_phenotype_and_its_opposite():
    family = TargetFamily()
    none = family.members[0].copy()
    none[0] *= -1
    phenotypes = np.array([0.2 * family.members[3], -0.9 * family.members[3], family.members[7], none])
    assert family.shares(phenotypes).tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0.25]
    with pytest.raises(ValueError, match=r"shape \(n, 16\), found \(3, 4\)"):
        family.shares(np.ones((3, 4)))


def test_schedules():
    targets = np.array([[1.0, 1, 1, 1], [-1, -1, 1, 1], [-1, -1, -1, -1]])
    modules = np.array([0, 0, 1, 1])
    turn = list(islice(goals(targets, "switching", None, 0), 5))
    np.testing.assert_array_equal(turn, targets[[0, 1, 2, 0, 1]])
    assert all((goal == targets[0]).all() for goal in islice(goals(targets[:1], "fixed", None, 0), 3))
    drawn = np.array(list(islice(goals(targets, "modular", modules, 7), 3000)))
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 2] == drawn[:, 3]).all()
    # One of three targets is positive in the first module and two are in the second, independently; 4 standard errors are 0.035.
    np.testing.assert_allclose((drawn[:, [0, 2]] > 0).mean(0), [1 / 3, 2 / 3], atol=0.036)
    assert ((drawn[:, 0] > 0) & (drawn[:, 2] > 0)).mean() == pytest.approx(2 / 9, abs=0.031)
    later = np.array(list(islice(goals(targets, "modular", modules, 7, 2990), 10)))
    np.testing.assert_array_equal(later, drawn[2990:])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TargetFamily(pattern=[1, 0], modules=[0, 0]), "a sign, -1 or 1"),
        (lambda: TargetFamily(pattern=[1, 1], modules=[0, 2]), r"without a gap, found \[0, 2\]"),
        (lambda: TargetFamily(pattern=[1, 1], modules=[0, 1, 1]), "for each of 2 genes"),
        (lambda: TargetFamily(pattern=[1, 1], modules=[0.0, 1.0]), "whole number for each"),
        (lambda: TargetFamily(pattern=[1, 1], modules=[0, 1]).trained, "4 modules, found 2"),
        (lambda: evolve([[2.0, 1.0]], schedule="fixed", n_generations=1), "between -1 and 1.*found 2.0"),
        (lambda: evolve([[np.nan, 1.0]], schedule="fixed", n_generations=1), "between -1 and 1.*found nan"),
        (lambda: evolve([[1.0]], schedule="fixed", n_generations=1), "2 genes or more"),
        (lambda: evolve([[1.0, 1.0]], n_generations=1), "two targets or more"),
        (lambda: evolve(np.eye(3), schedule="fixed", n_generations=1), "one target for a fixed goal, found 3"),
        (lambda: evolve(np.eye(3), schedule="random", n_generations=1), "one of .*found 'random'"),
        (lambda: evolve(np.eye(3), schedule="modular", n_generations=1), "`modules` with schedule='modular'"),
        (lambda: evolve(np.eye(3), modules=[0, 0, 1], n_generations=1), "and with no other, found some"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
