"""Attractors of one model that stand for those of another."""

from __future__ import annotations

import numpy as np

from landscape.dynamics import RegulatoryDrift
from landscape.topography.fixed_points.matching import match_attractors


def test_an_attractor_that_a_replicate_lacks_has_no_match():
    one_valley = RegulatoryDrift.from_arrays(np.zeros((2, 2)), bias=np.array([3.0, -3.0]), hill=4.0)
    held = match_attractors(one_valley, np.array([[0.95, 0.05], [0.05, 0.95]]))
    assert np.isfinite(held[0]).all()
    assert np.isnan(held[1]).all()
