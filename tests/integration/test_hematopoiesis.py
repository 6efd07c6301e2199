"""From counts to a landscape on simulated blood formation: what must hold against the simulator's own truth."""

from __future__ import annotations

import pytest

from benchmarks.hematopoiesis import measure


@pytest.mark.slow
def test_the_landscape_of_simulated_blood_is_found():
    figures, _ = measure(rng=0)
    assert figures["fates_found"] == 4
    assert figures["spurious"] <= 2
    assert figures["basin_accuracy"] >= 0.8
    # About a dozen true changes above .05 follow the five removals; a coin would get half of them.
    assert figures["knockout_direction"] >= 0.8
    assert figures["fate_error"] < figures["fate_error_constant"]
