"""The energy distance against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import energy_distance


def test_energy_distance_of_two_shifted_normals():
    rng = np.random.default_rng(0)
    shift, n = 1.3, 4000
    x, y = (torch.as_tensor(rng.standard_normal((n, 1))) for _ in range(2))
    # For N(0,1) and N(m,1): E|X-Y| = sqrt(2) times the mean of a folded normal with mean m/sqrt(2).
    m = shift / np.sqrt(2)
    folded = np.sqrt(2 / np.pi) * np.exp(-(m**2) / 2) + m * (1 - 2 * _phi(-m))
    expected = 2 * np.sqrt(2) * folded - 4 / np.sqrt(np.pi)
    found = float(energy_distance(x, y + shift))
    # The estimate is a mean over n cells of a quantity with spread of order one on each side.
    assert abs(found - expected) < 4 * 2 / np.sqrt(n)


def _phi(z):
    return float(torch.special.ndtr(torch.tensor(z, dtype=torch.float64)))


def test_energy_distance_of_equal_distributions_is_unbiased():
    rng = np.random.default_rng(1)
    found = [
        float(energy_distance(*(torch.as_tensor(rng.standard_normal((50, 3))) for _ in range(2)))) for _ in range(400)
    ]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(400)


def test_a_weight_of_two_is_a_copy():
    gen = np.random.default_rng(0)
    x = torch.as_tensor(gen.standard_normal((300, 2)))
    twice = torch.cat([x[:100], x[:100], x[100:]])
    y = torch.as_tensor(gen.standard_normal((300, 2)) + 1)
    weights = torch.ones(300, dtype=torch.float64)
    weights[:100] = 2
    # Pairs of a cell with its own copy are at distance zero, the only difference: 200 of 400 * 399 pairs.
    assert float(energy_distance(x, y, weights)) == pytest.approx(float(energy_distance(twice, y)), abs=0.02)


def test_a_sample_of_one_state_is_refused():
    with pytest.raises(ValueError, match="two states in each sample, found 3 and 1"):
        energy_distance(torch.zeros(3, 2), torch.zeros(1, 2))
