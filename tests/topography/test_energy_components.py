"""Energies of the parts of a network that feeds forward, against the flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import RegulatoryDrift
from landscape.topography import energy_components, fixed_points, lyapunov_energy

UPSTREAM, DOWNSTREAM = [4, 1, 2], [0, 3, 5]


@pytest.fixture(scope="module")
def cascade() -> RegulatoryDrift:
    """Two symmetric circuits of three genes, the first driving the second, with their genes interleaved."""
    rng = np.random.default_rng(0)
    weights = np.zeros((6, 6))
    for part in (UPSTREAM, DOWNSTREAM):
        block = rng.normal(size=(3, 3)) * 4
        weights[np.ix_(part, part)] = block + block.T
    weights[np.ix_(DOWNSTREAM, UPSTREAM)] = rng.normal(size=(3, 3)) * 4
    return RegulatoryDrift.from_arrays(weights, bias=-weights.sum(1) / 4, hill=2.0)


def rises(drift, energy, x, steps=300) -> int:
    """Steps of the flow on which the energy rises by more than rounding."""
    count = 0
    for _ in range(steps):
        ahead = x + 0.01 * drift(x)
        count += int((energy(ahead) > energy(x) + 1e-13).sum())
        x = ahead
    return count


def test_a_cascade_has_an_energy_for_each_part_though_none_for_the_whole(cascade):
    with pytest.raises(ValueError, match="not symmetrisable"):
        lyapunov_energy(cascade)
    first, second = energy_components(cascade)
    assert (first.genes, second.genes) == ((1, 2, 4), (0, 3, 5))
    assert (first.regulators, second.regulators) == ((), (1, 2, 4))
    assert first.exists
    assert second.exists
    assert first.residual < 1e-12


def test_the_energy_of_a_part_never_rises_while_its_regulators_rest(cascade):
    rest = fixed_points(cascade, np.random.default_rng(1).uniform(0, 1, (20, 6)), deflate=False)[0].x
    x = torch.as_tensor(np.random.default_rng(2).uniform(0.05, 0.95, (10, 6)))
    first, second = energy_components(cascade)
    # Upstream nothing is to be held: its energy is one of the whole flow.
    assert rises(cascade, first.energy(rest), x) == 0
    # Downstream: start with the regulators at rest, where the flow keeps them.
    held = x.clone()
    held[:, list(second.regulators)] = torch.as_tensor(rest[list(second.regulators)])
    assert rises(cascade, second.energy(rest), held) == 0
    # The condition is needed: while they move, it does rise.
    assert rises(cascade, second.energy(rest), x) > 0


def test_what_is_no_circle_is_its_own_component_and_upstream_comes_first():
    # 2 -> 1 -> 0, and 3 regulates nothing; 2 supports itself.
    weights = np.zeros((4, 4))
    weights[1, 2], weights[0, 1], weights[2, 2] = 3.0, -2.0, 4.0
    parts = energy_components(RegulatoryDrift.from_arrays(weights))
    order = [part.genes[0] for part in parts]
    assert sorted(order) == [0, 1, 2, 3]
    assert order.index(2) < order.index(1) < order.index(0)
    assert all(part.exists for part in parts)
    held = energy_components(RegulatoryDrift.from_arrays(weights).knocked_out([2]))
    assert sorted(part.genes[0] for part in held) == [0, 1, 3]


def test_a_circle_without_a_scale_has_no_energy_and_says_so():
    weights = np.array([[0.0, 1, 2], [1, 0, 1], [1, 1, 0]])
    (part,) = energy_components(RegulatoryDrift.from_arrays(weights))
    assert not part.exists
    assert part.residual > 0.1
    with pytest.raises(ValueError, match="not symmetrisable"):
        part.energy(np.full(3, 0.5))
    with pytest.raises(ValueError, match=r"one state of 3 genes, found shape \(1, 2\)"):
        part.energy([0.5, 0.5])
    with pytest.raises(TypeError, match="Expected a RegulatoryDrift"):
        energy_components(torch.neg)
