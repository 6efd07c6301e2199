"""Passage times, rates and weights of three attractors in a row, in closed form, and what is not stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.linalg import expm

from landscape.dynamics import Model, RegulatoryDrift
from landscape.topography import RateMatrix, fixed_points
from landscape.topography.passage.rate_tables import (
    never_left,
    passage_table,
    reasons_unstated,
    valley_width,
    weight_table,
)


def test_the_width_is_that_of_the_linear_valley():
    drift = RegulatoryDrift.from_arrays(np.array([[0, -8.0], [-8.0, 0]]), bias=3.0, hill=4.0)
    states = np.array([p.x for p in fixed_points(drift, np.array([[1.0, 0.0], [0.0, 1.0]]), deflate=False).stable])
    slope = drift.jacobian(torch.as_tensor(states))[0].numpy()
    # Covariance as an integral of the response to noise, by steps of .01 up to 20 relaxation times.
    once, grown, total = expm(0.01 * slope), np.eye(2), np.zeros((2, 2))
    for _ in range(2500):
        total += 2 * 0.02 * 0.01 * grown @ grown.T
        grown = once @ grown
    assert valley_width(Model(drift, 0.02), states)[0] == pytest.approx(np.sqrt(np.trace(total)), rel=0.02)


def test_paths_over_high_barriers_are_never_seen_to_leave():
    heights = pd.DataFrame({"from": ["a", "a", "b"], "to": ["b", "c", "a"], "height": [40.0, 30.0, 2.0]})
    found = never_left(heights, ["a", "b"], leading_eigenvalue=1.0, exposure=1e4)
    assert found == {"a": "the lowest barrier out of a is 30: too high for paths to be seen leaving"}


def three(middle_known: bool = True) -> RateMatrix:
    """Three attractors in a row; the middle one may not have been left."""
    rates = np.array([[-1.0, 1.0, 0.0], [0.5, -1.0, 0.5], [0.0, 2.0, -2.0]])
    arrivals = np.array([[0, 100, 0], [50, 0, 50], [0, 100, 0]])
    exposure, censored = np.array([100.0, 100.0, 50.0]), np.zeros(3, dtype=int)
    if not middle_known:
        rates[1], arrivals[1], exposure[1], censored[1] = np.nan, 0, 40.0, 100
    return RateMatrix(
        rates, np.where(arrivals > 0, np.abs(rates) / 10, 0.0), arrivals, exposure, 1 / np.abs(np.diag(rates)), censored,
        "simulation", converged=middle_known,
    )  # fmt: skip


def test_times_over_other_attractors_and_their_errors():
    names = ["a", "b", "c"]
    found = three()
    table = passage_table(found, names, ["", "", ""], 1.96).set_index(["from", "to"])
    # a -> c: 1 to b, then from b: 1/(1) + half of the times back to a and again: t_b = 1 + .5 t_a, t_a = 1 + t_b.
    assert table.loc[("a", "c"), "time"] == pytest.approx(4.0)
    assert table.loc[("b", "c"), "time"] == pytest.approx(3.0)
    # No direct change was seen from a to c in 100 units of time: below 3 / 100.
    assert np.isnan(table.loc[("a", "c"), "rate"])
    assert table.loc[("a", "c"), "rate_high"] == pytest.approx(0.03)

    # Its error by differences of the closed form t_ac = (1 + k_ba / k_bc) / k_ab + 1 / k_bc.
    def closed(ab, ba, bc):
        return (1 + ba / bc) / ab + 1 / bc

    base, errors = (1.0, 0.5, 0.5), (0.1, 0.05, 0.05)
    square = 0.0
    for k in range(3):
        moved = list(base)
        moved[k] += 1e-5
        square += ((closed(*moved) - closed(*base)) / 1e-5 * errors[k]) ** 2
    error = np.log(table.loc[("a", "c"), "high"] / 4.0) * 4.0 / 1.96
    assert error == pytest.approx(np.sqrt(square), rel=0.02)
    np.testing.assert_allclose(weight_table(found, names, [""] * 3, 1.96)["weight"], np.array([2, 4, 1]) / 7)


def test_a_way_through_what_is_not_known_is_not_known():
    names = ["a", "b", "c"]
    found = three(middle_known=False)
    blocked = reasons_unstated(found, np.zeros(3), names, radius=1.0, n_paths=100, never_left={})
    table = passage_table(found, names, blocked, 1.96).set_index(["from", "to"])
    assert table.loc[("a", "b"), "time"] == pytest.approx(1.0)
    assert table.loc[("a", "b"), "valid"]
    assert np.isnan(table.loc[("a", "c"), "time"])
    assert table.loc[("a", "c"), "reason"] == "the way may lead through b"
    assert table.loc[("b", "c"), "reason"] == "0 of 100 paths left b in the time that was simulated"
    assert table.loc[("b", "c"), "low"] == pytest.approx(40.0 / 3)
    assert weight_table(found, names, blocked, 1.96)["weight"].isna().all()


@pytest.mark.parametrize(("censored", "stated"), [(40, True), (60, False)])
def test_half_of_the_paths_have_to_arrive(censored, stated):
    names, found = ["a", "b", "c"], three()
    found.censored[1] = censored
    blocked = reasons_unstated(found, np.zeros(3), names, radius=1.0, n_paths=100, never_left={})
    table = passage_table(found, names, blocked, 1.96).set_index(["from", "to"])
    # The extrapolated rates of b are neither stated nor used for the way from a to c.
    for pair in (("b", "c"), ("a", "c")):
        assert table.loc[pair, "valid"] == stated
        assert np.isfinite(table.loc[pair, "time"]) == stated
    assert np.isfinite(table.loc[("b", "c"), "rate"]) == stated
    assert table.loc[("a", "b"), "valid"]
