"""Rewired networks keep what they should and forget the rest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

import landscape as ls
from landscape.assays.rewires import circuit_signs, rewired, rewired_weights
from landscape.dynamics import Model


@pytest.mark.parametrize("density", [0.3, 0.9, 1.0])
def test_degrees_signs_and_rows_are_kept(density):
    rng = np.random.default_rng(0)
    w = rng.standard_normal((12, 12)) * (rng.random((12, 12)) < density)
    new = rewired_weights(w, rng)
    np.testing.assert_array_equal(np.diag(new), np.diag(w))
    np.testing.assert_array_equal(np.sort(new, axis=1), np.sort(w, axis=1))  # each target keeps its weights
    for sign in (-1, 1):
        np.testing.assert_array_equal((np.sign(new) == sign).sum(0), (np.sign(w) == sign).sum(0))
        np.testing.assert_array_equal((np.sign(new) == sign).sum(1), (np.sign(w) == sign).sum(1))
    moved = (new != w)[~np.eye(12, dtype=bool)].mean()
    assert moved > 0.3 * min(density, 0.9)


def test_all_networks_are_equally_likely():
    """Four genes that each regulate one other: the nine derangements of four. Chi-square with 8 degrees of freedom, 99.9 % at 26.1."""
    w = np.roll(np.eye(4), 1, axis=1)
    rng = np.random.default_rng(1)
    n = 1800
    counts = Counter(tuple(rewired_weights(w, rng, n_swaps=40).argmax(1)) for _ in range(n))
    assert len(counts) == 9
    assert sum((c - n / 9) ** 2 / (n / 9) for c in counts.values()) < 26.1


def test_mean_production_over_cells_is_kept():
    rng = np.random.default_rng(2)
    drift = ls.dynamics.RegulatoryDrift.from_arrays(3 * rng.standard_normal((8, 8)), bias=rng.standard_normal(8))
    cells = rng.random((100, 8))
    new = rewired(Model(drift, 0.01), cells, rng).drift
    x = torch.as_tensor(cells)
    assert not torch.allclose(new.weights, drift.weights)
    torch.testing.assert_close(new.production(x).mean(0), drift.production(x).mean(0), rtol=1e-9, atol=1e-12)


def test_rules_exchange_inputs_of_one_sign():
    circuit = ls.circuits.krumsiek()
    drift = circuit.drift()
    signs = circuit_signs(drift)
    assert {(s, t, g) for s, t, g in circuit.edges} == {
        (circuit.genes[j], circuit.genes[i], int(signs[i, j])) for i, j in np.argwhere(signs)
    }
    new = rewired(Model(drift, 0.01, max_step=0.1), np.zeros((1, 11)), np.random.default_rng(3)).drift
    found = circuit_signs(new)
    for axis in (0, 1):
        for sign in (-1, 1):
            np.testing.assert_array_equal((found == sign).sum(axis), (signs == sign).sum(axis))
    np.testing.assert_array_equal(np.diag(found), np.diag(signs))
    assert (found != signs).any()
    # A rule with all inputs exchanged has the same table: the number of states at which a gene is on stays.
    states = torch.as_tensor(np.random.default_rng(4).integers(0, 2, (4096, 11)).astype(float))
    share, same = drift.logic(states).mean(0), new.logic(states).mean(0)
    assert float((share - same).abs().max()) < 4 * np.sqrt(0.5 / 4096)


def test_a_drift_without_a_network_is_refused():
    with pytest.raises(TypeError, match="network to rewire"):
        rewired(Model(ls.systems.DoubleWell(), 0.1, max_step=0.1), np.zeros((1, 1)), np.random.default_rng(0))
