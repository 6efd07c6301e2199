"""A search or a solution that has not converged says so in the log as well as in its record."""

from __future__ import annotations

import logging

import pytest

from landscape.systems import CurlDoubleWell, DoubleWell, HuangToggle, MaierStein
from landscape.topography import (
    barrier_rates,
    committor,
    entropy_production,
    fixed_points,
    limit_cycles,
    mean_first_passage_time,
    minimum_action,
    simulated_rates,
    simulated_weights,
    transition_network,
)

WELL, TOGGLE = DoubleWell(), HuangToggle()
WELLS = [[-1.0], [1.0]]
VALLEYS = TOGGLE.fixed_points()[[0, 2, 4]]
BOWED = {"diffusion": 0.5, "max_steps": 1, "n_arcs": 0}


# Each call ends without convergence; what it says names a remedy or a cause.
UNFINISHED = {
    "path": (lambda: minimum_action(MaierStein(), [-1, 0], [0, 0], **BOWED), "raise `n_points` or `max_steps`"),
    "passage by simulation": (
        lambda: mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.2, n_paths=200, max_time=10.0),
        "had not arrived; raise `max_time`",
    ),
    "passage on a grid": (
        lambda: mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.01, n_grid=20, method="backward"),
        "raise `n_grid`",
    ),
    "kramers": (
        lambda: mean_first_passage_time(WELL, [-1.0], [1.0], diffusion=0.2, method="kramers"),
        "barrier 1.25",
    ),
    "committor": (
        lambda: committor(WELL, [[0.0]], WELLS, diffusion=0.1, radius=0.05, max_time=0.2),
        "reached no attractor; raise `max_time`",
    ),
    "entropy": (
        lambda: entropy_production(
            CurlDoubleWell(1.0), [3.0, 3.0], diffusion=0.15, duration=2.0, burn_in=0.0, n_paths=200
        ),
        "raise `burn_in`",
    ),
    "weights": (
        lambda: simulated_weights(WELL, WELLS, diffusion=0.03, radius=0.05, duration=5.0, n_paths=20),
        "raise `duration`",
    ),
    "rates": (
        lambda: simulated_rates(WELL, WELLS, diffusion=0.1, radius=0.0, n_paths=100, max_time=20.0),
        "less than half of the paths left attractors",
    ),
    "formula": (
        lambda: barrier_rates(
            TOGGLE, transition_network(TOGGLE, VALLEYS, diffusion=0.01), diffusion=0.01, leading_order=True
        ),
        "not reliable: the drift is not a gradient",
    ),
    "missing path": (
        lambda: transition_network(TOGGLE, VALLEYS, diffusion=0.1, saddles=TOGGLE.fixed_points()[[1]], search=False),
        "no path was found between 4 ordered pairs",
    ),
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_not_converging_is_in_the_record_and_in_the_log(name, caplog):
    call, message = UNFINISHED[name]
    with caplog.at_level(logging.WARNING, logger="landscape"):
        found = call()
    assert not found.converged
    assert message in caplog.text


def test_starts_that_lead_nowhere_are_counted_in_the_log(caplog):
    with caplog.at_level(logging.WARNING, logger="landscape"):
        assert not fixed_points(lambda x: 1 + x**2, [[0.0]], relax_steps=50).converged
        limit_cycles(lambda x: 1 + x**2, [[0.0]], max_steps=50)
    assert "1 of 1 starts led to no fixed point" in caplog.text
    assert "1 of 1 starts converged neither to a fixed point nor to a cycle" in caplog.text
