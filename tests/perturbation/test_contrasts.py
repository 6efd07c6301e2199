"""Contrasts of fates against tables drawn again and again, and their standard errors by the delta method."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.perturbation import contrasts

N = 1000


def paths(joint: np.ndarray, n: int, rng: np.random.Generator, size: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Fates before and after of paths with the probabilities of a table."""
    cells = rng.choice(joint.size, p=joint.ravel(), size=(size, n))
    return cells // len(joint), cells % len(joint)


@pytest.fixture(scope="module")
def joint():
    """Three fates: the first loses to the second, and the third takes no part."""
    return np.array([[0.25, 0.15, 0.01], [0.02, 0.27, 0.0], [0.01, 0.0, 0.29]])


def test_effects_are_those_of_the_shares(joint):
    before, after = paths(joint, N, np.random.default_rng(0))
    p, q = (np.bincount(fate[0], minlength=3) + 0.5 for fate in (before, after))
    found = contrasts(before[0], after[0], 3)
    np.testing.assert_allclose(found.odds, np.log(q / (q.sum() - q)) - np.log(p / (p.sum() - p)))
    expected = np.log(q[:, None] / q) - np.log(p[:, None] / p)
    np.testing.assert_allclose(found.ratio, expected, atol=1e-12)
    np.testing.assert_allclose(found.ratio_error, found.ratio_error.T)
    assert (np.diag(found.ratio_error) == 0).all()


def test_errors_are_the_scatter_over_repeated_ensembles(joint):
    """The oracle is brute force: 2,000 ensembles from the same table."""
    before, after = paths(joint, N, np.random.default_rng(1), 2000)
    found = contrasts(before, after, 3)
    # The standard deviation of 2,000 draws has a relative error of 1.6 %; the delta method one of order 1 / sqrt(n).
    np.testing.assert_allclose(found.odds_error.mean(0), found.odds.std(0), rtol=0.08)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found.ratio_error.mean(0)[off], found.ratio.std(0)[off], rtol=0.08)


def test_errors_of_independent_ensembles_are_larger(joint):
    rng = np.random.default_rng(2)
    before, after = paths(joint, N, rng)
    paired = contrasts(before[0], after[0], 3).odds_error
    apart = contrasts(before[0], rng.permutation(after[0]), 3).odds_error
    p, q = joint.sum(1), joint.sum(0)
    # Without pairs the variance is that of two binomials, 1 / (n p (1 - p)) each.
    np.testing.assert_allclose(apart, np.sqrt(1 / (N * p * (1 - p)) + 1 / (N * q * (1 - q))), rtol=0.1)
    assert (paired < apart).all()


def test_a_fate_that_is_lost_or_never_reached_has_finite_odds():
    before, after = np.repeat([0, 1], [100, 100]), np.ones(200, dtype=int)
    found = contrasts(before, after, 3)
    assert np.isfinite(found.odds).all()
    assert (found.odds_error > 0).all()
    assert found.odds[0] < -4
    # Nothing is known of a fate that no path reaches: its error is larger than any effect of the others.
    assert found.odds[2] == 0
    assert found.odds_error[2] > 1


def test_a_change_of_no_path_has_the_error_of_about_one():
    fate = np.repeat([0, 1], [500, 500])
    found = contrasts(fate, fate, 2)
    np.testing.assert_array_equal(found.odds, 0.0)
    # A path of 1,000 is a change of the log odds of 4 / 1000 where the share is one half.
    assert 0.5 < found.odds_error[0] / 0.004 < 2


def test_models_and_clamps_are_done_at_once(joint):
    before, after = paths(joint, 50, np.random.default_rng(3), 6)
    after = after.reshape(3, 2, 50)
    before = before.reshape(3, 2, 50)[:, :1]
    many = contrasts(before, after, 3)
    one = contrasts(before[2, 0], after[2, 1], 3)
    np.testing.assert_allclose(many.odds[2, 1], one.odds)
    np.testing.assert_allclose(many.ratio_error[2, 1], one.ratio_error)
