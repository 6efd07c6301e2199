from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from landscape.network.data.groups import groups_of, stump_thresholds
from tests.network import toy


def cell_by_cell(x, y, owner, itself, rounds, rate):
    """The same boosting on the cells themselves."""
    left, gain, total = y.copy(), np.zeros(owner.max() + 1), np.zeros(owner.max() + 1)
    for _ in range(rounds):
        fit = x.T @ left / len(left)
        fit[owner == itself] = 0.0
        best = np.abs(fit).argmax()
        left -= rate * fit[best] * x[:, best]
        gain[owner[best]] += fit[best] ** 2
        total[owner[best]] += fit[best]
    return np.sqrt(gain) * np.sign(total)


def test_boosting_from_moments_is_boosting_of_cells():
    data = network.expression(toy.counts(n_genes=12), np.arange(5))
    cuts = stump_thresholds(data)
    found = network.boost(groups_of(data, thresholds=cuts).moments(), data.regulators, n_rounds=30, learning_rate=0.2)
    x, y, _ = data.dense()
    steps = np.concatenate([(x > cut).astype(float) for cut in cuts], axis=1)
    steps, y = (steps - steps.mean(0)) / steps.std(0), (y - y.mean(0)) / y.std(0)
    for j in range(12):
        itself = j if j < 5 else -1
        expected = cell_by_cell(steps, y[:, j], np.tile(np.arange(5), 3), itself, 30, 0.2)
        np.testing.assert_allclose(found[:, j], expected, atol=1e-9)


def test_a_threshold_that_no_line_sees_is_found():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 4))
    values = np.column_stack([x, (np.abs(x[:, 0]) > 1) + 0.1 * rng.normal(size=2000)])
    data = network.expression(values, np.arange(4))
    boosted = np.abs(network.infer(data, method="boost", n_bootstraps=0, n_decoys=0).weights[:, 4])
    assert boosted.argmax() == 0
    assert boosted[0] > 5 * boosted[1:].max()


def test_planted_edges_and_signs_are_found():
    counts, regulators, truth = toy.planted()
    found = network.infer(network.expression(counts, regulators), method="boost", n_bootstraps=0, n_decoys=0).weights
    scores = network.score(found, truth, regulators)
    assert scores.auprc > 0.9
    assert scores.sign_accuracy > 0.95
    assert not found[np.arange(8), regulators].any()


def test_bad_settings_are_refused():
    data = network.expression(toy.counts(), [0, 1])
    with pytest.raises(ValueError, match="`n_rounds` of at least 1 and `learning_rate`"):
        network.boost(network.moments(data), data.regulators, n_rounds=0)
    with pytest.raises(ValueError, match="found 10 and 2"):
        network.boost(network.moments(data), data.regulators, n_rounds=10, learning_rate=2)
