from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from tests.network import toy

pytest.importorskip("lightgbm")


def test_exact_trees_and_the_booster_rank_edges_alike():
    counts, regulators, truth = toy.planted(n_targets=16)
    data = network.expression(counts, regulators)
    exact = network.infer(data, method="trees", n_rounds=60, max_depth=1, learning_rate=0.1).weights
    fast = network.infer(data, method="boost", n_rounds=60, n_bootstraps=0, n_decoys=0).weights
    off = np.ones(exact.shape, dtype=bool)
    off[np.arange(8), regulators] = False
    assert np.corrcoef(exact[off], np.abs(fast)[off])[0, 1] > 0.9
    assert not exact[np.arange(8), regulators].any()
    assert network.score(exact, truth, regulators).auprc > 0.9
