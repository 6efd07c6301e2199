"""When a stochastic optimisation has settled."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics.settling import has_settled


@pytest.mark.parametrize(
    ("late", "settled"),
    [(1.0, True), (0.96, True), (0.94, False), (1.2, True)],
)
def test_the_last_fifth_is_held_against_the_fifth_before(late, settled):
    history = np.r_[np.full(60, 9.0), np.full(20, 1.0), np.full(20, late)]
    assert has_settled(history) is settled


def test_one_step_has_not_settled():
    assert has_settled(np.array([1.0])) is False
