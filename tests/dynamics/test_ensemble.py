"""Intervals over replicates."""

from __future__ import annotations

import numpy as np

from landscape.dynamics.ensemble import interval


def test_the_interval_holds_the_central_nine_tenths_of_every_entry():
    values = [np.array([k, -2.0 * k]) for k in np.random.default_rng(0).permutation(101)]
    low, high = interval(values)
    np.testing.assert_allclose(low, [5.0, -190.0])
    np.testing.assert_allclose(high, [95.0, -10.0])
