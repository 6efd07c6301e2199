"""States of cells from expression, and decay rates from half-lives."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics.decay import decay_from_half_lives
from landscape.dynamics.states import scaled_states


def test_states_are_roots_over_their_99th_percentile():
    levels = np.random.default_rng(0).gamma(1.0, size=(1000, 3))
    x, scale = scaled_states(levels)
    np.testing.assert_allclose(np.quantile(x, 0.99, axis=0), 1)
    np.testing.assert_allclose((x * scale) ** 2, levels)


def test_states_decay_at_half_the_rate_of_their_mrna():
    half_lives = np.array([1.0, 2.0, np.nan, 4.0])
    expected = np.log(2) / np.array([1.0, 2.0, 2.0, 4.0]) / 2
    np.testing.assert_allclose(decay_from_half_lives(half_lives, list("abcd"), clock=True), expected)
    without = decay_from_half_lives(half_lives, list("abcd"), clock=False)
    assert without.mean() == pytest.approx(0.5)
    np.testing.assert_allclose(without / expected, (without / expected)[0])
    for bad in ([np.nan, np.nan], [1.0, 0.0], [1.0, np.inf]):
        with pytest.raises(ValueError, match="positive, finite half-lives"):
            decay_from_half_lives(np.array(bad), ["a", "b"], clock=True)
