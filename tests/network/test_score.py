from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from landscape import network


@given(arrays(float, (4, 9), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])), st.integers(0, 2**32 - 1))
def test_average_precision_is_sklearns_also_with_ties(weights, seed):
    truth = np.random.default_rng(seed).choice([-1, 0, 0, 1], size=(4, 9))
    truth[0, 8] = 1
    truth[1, 8] = 0
    regulators = np.array([2, 5, 0, 7])
    off = np.ones((4, 9), dtype=bool)
    off[np.arange(4), regulators] = False
    found = network.score(weights, truth, regulators)
    expected = average_precision_score(truth[off] != 0, np.abs(weights)[off])
    assert found.auprc == pytest.approx(expected, abs=1e-12)
    assert found.auprc_ratio == pytest.approx(expected / (truth[off] != 0).mean(), abs=1e-12)
    assert found.n_universe == 32


def test_early_precision_takes_ties_and_never_zeros():
    truth = np.array([[0, 1, 1, 0, 0]])
    ranked = np.array([[9.0, 3.0, 2.0, 2.0, 0.0]])
    found = network.score(ranked, truth, [0])
    assert found.density == 0.5
    assert found.epr == pytest.approx((2 / 3) / 0.5)  # two true edges: best two, and one tie
    assert network.score(ranked * [[0, 1, 0, 0, 0]], truth, [0]).epr == 1 / 0.5


def test_signs_count_by_kind_and_zero_is_wrong():
    truth = np.array([[0, 1, -1, 1, -1, 0]])
    weights = np.array([[0, 2.0, -1.0, 0.0, 3.0, -1.0]])
    found = network.score(weights, truth, [0])
    assert (found.sign_accuracy, found.sign_accuracy_activation, found.sign_accuracy_repression) == (0.5, 0.5, 0.5)
    truth = np.array([[0, 1, 1, -1, -1, -1, -1]])
    weights = np.array([[0.0, 2.0, -1.0, -1.0, 3.0, 0.0, 1.0]])
    apart = network.score(weights, truth, [0], universe=np.array([[True] * 7]))
    assert (apart.sign_accuracy, apart.sign_accuracy_activation, apart.sign_accuracy_repression) == (
        2 / 6,
        1 / 2,
        1 / 4,
    )
    unsigned = network.score(weights, np.abs(truth), [0], universe=np.array([[True] * 7]))
    assert np.isnan(unsigned.sign_accuracy)


def test_direction_asks_single_edges_among_regulators_only():
    truth = np.zeros((3, 4))
    truth[0, 1] = truth[1, 2] = truth[2, 1] = truth[0, 3] = 1  # 1 <-> 2 has both, 3 is no regulator
    weights = np.zeros((3, 4))
    weights[0, 1], weights[1, 0] = 1.0, 2.0
    assert network.score(weights, truth, [0, 1, 2]).direction_accuracy == 0.0
    assert network.score(-weights[[1, 0, 2]][:, [1, 0, 2, 3]], truth, [0, 1, 2]).direction_accuracy == 1.0
    assert network.score(np.ones((3, 4)), truth, [0, 1, 2]).direction_accuracy == 0.5


def test_self_loops_are_scored_apart():
    rng = np.random.default_rng(0)
    weights, truth = rng.normal(size=(30, 30)), (rng.random((30, 30)) < 0.3).astype(float)
    found = network.score(weights, truth, np.arange(30))
    expected = roc_auc_score(np.diag(truth), np.abs(np.diag(weights)))
    assert found.self_loop_auroc == pytest.approx(expected)
    changed = weights.copy()
    np.fill_diagonal(changed, 100.0)
    assert network.score(changed, truth, np.arange(30)).auprc == found.auprc


def test_random_scores_have_ratio_one():
    rng = np.random.default_rng(0)
    truth = rng.random((100, 400)) < 0.05
    found = network.score(rng.random((100, 400)), truth, np.arange(100))
    # 2,000 true edges: relative standard error of average precision about 1 / sqrt(2000)
    assert found.auprc_ratio == pytest.approx(1.0, abs=4 / np.sqrt(2000))


@pytest.mark.parametrize(
    ("weights", "truth", "regulators", "universe", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), [0, 1], None, "one shape"),
        (np.ones((2, 3)), np.ones((2, 3)), [0], None, "one shape"),
        (np.full((2, 3), np.nan), np.eye(2, 3), [0, 1], None, "finite weights, found 6"),
        (np.ones((2, 3)), np.zeros((2, 3)), [0, 1], None, "found 0 true ones of 4"),
        (np.ones((2, 3)), np.ones((2, 3)), [0, 1], None, "found 4 true ones of 4"),
        (np.ones((2, 3)), np.eye(2, 3, 1), [0, 1], np.ones((2, 2)), r"universe of shape \(2, 3\)"),
    ],
)
def test_what_cannot_be_scored_is_refused(weights, truth, regulators, universe, message):
    with pytest.raises(ValueError, match=message):
        network.score(weights, truth, regulators, universe=universe)
