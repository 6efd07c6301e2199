"""The number of steps in a lifetime, against levels whose decay is known."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.markov import steps_per_lifetime


def test_the_fastest_decrease_is_decay():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 1.0, (2000, 5))
    off = rng.random(x.shape) < 0.2
    # Where production is off a step of a tenth of a lifetime takes a tenth of the level, elsewhere levels are constant.
    velocity = np.where(off, -0.1 * x, 0.0)
    assert steps_per_lifetime(x, velocity) == pytest.approx(10.0)
    assert steps_per_lifetime(x, velocity, 0.5) == pytest.approx(5.0)


def test_a_direction_along_which_nothing_decreases_is_refused():
    with pytest.raises(ValueError, match="Expected a direction along which some regulators decrease"):
        steps_per_lifetime(np.ones((10, 2)), np.zeros((10, 2)))
