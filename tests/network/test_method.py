from __future__ import annotations

import numpy as np
import pytest

from landscape import network
from tests.network import toy


def test_methods_are_what_they_say():
    """Facts of the table against what the methods do: signs, and both directions of a pair alike or not."""
    counts, regulators, _ = toy.planted(n_targets=20)
    data = network.expression(counts, regulators)
    assert len({method.name for method in network.METHODS}) == len(network.METHODS)
    for method in network.METHODS:
        if method.name == "trees":
            pytest.importorskip("lightgbm")
        found = network.infer(data, method=method.name, n_bootstraps=0, n_decoys=0).weights
        assert (found < 0).any() == method.signed
        square = found[:, regulators]
        assert np.allclose(square, square.T, atol=1e-8) != method.directed
        assert method.reference.startswith("https://doi.org/")
        assert not found[np.arange(8), regulators].any()
