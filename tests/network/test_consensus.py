from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from tests.network import toy


def test_ranks_are_averaged_with_their_weights():
    first, second = np.array([[3.0, 1.0, 2.0]]), np.array([[0.0, -5.0, 1.0]])
    found = network.combine([first, second], [3.0, 1.0])
    np.testing.assert_allclose(found, [[(9 + 1) / 12, (3 + 3) / 12, (6 + 2) / 12]])


def test_consensus_has_the_signs_of_the_ridge():
    counts, regulators, truth = toy.planted()
    data = network.expression(counts, regulators)
    found = network.infer(data, method="consensus", n_bootstraps=0, n_decoys=0, penalty=0.5).weights
    ridge = network.infer(data, n_bootstraps=0, n_decoys=0, penalty=0.5).weights
    np.testing.assert_array_equal(np.sign(found), np.sign(ridge))
    assert network.score(found, truth, regulators).auprc > 0.9
    both = (
        network.infer(data, method="consensus", n_bootstraps=0, n_decoys=0),
        network.infer(data, n_bootstraps=0, n_decoys=0),
    )
    assert both[0].params["deconfounding"] == both[1].params["deconfounding"]


@pytest.mark.parametrize(
    ("method_weights", "message"),
    [({"magic": 1.0}, r"found \['magic'\]"), ({"ridge": 0.0}, "at least 0, one of them above")],
)
def test_method_weights_are_checked(method_weights, message):
    data = network.expression(toy.counts(), [0, 1])
    with pytest.raises(ValueError, match=message):
        network.consensus(network.moments(data), data.regulators, method_weights=method_weights)
