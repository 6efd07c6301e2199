"""The rate fit recovers a planted drift and says how well."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import RegulatoryDrift, fit_rates
from landscape.dynamics.rates import response_thresholds


def planted(n: int = 1500, d: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    weights = np.array([[0, -4, 0, 2.0], [-4, 0, 0, 0], [3, 0, 0, 0], [0, 0, 5, 0.0]])
    x = torch.as_tensor(rng.uniform(0, 1, (n, d)))
    start = RegulatoryDrift.from_arrays(weights, bias=0.5, ceiling=1.1, hill=8.0)
    # The truth answers with the thresholds that the fit will use, so that it lies inside the family.
    return RegulatoryDrift(**{**vars(start), "threshold": response_thresholds(x)}), x


def test_a_drift_inside_the_family_is_recovered():
    truth, x = planted()
    fit = fit_rates(x, truth(x), penalty=1e-9, max_steps=2000)

    assert fit.velocity_r2 > 1 - 1e-4
    # The penalty of 1e-9 on standardised weights of about one biases them by far less than this.
    np.testing.assert_allclose(fit.drift.weights, truth.weights, atol=0.05)
    np.testing.assert_allclose(fit.drift.ceiling, truth.ceiling, rtol=0.02)


def test_the_support_is_kept():
    truth, x = planted()
    support = (truth.weights != 0).to(torch.float64)
    fit = fit_rates(x, truth(x), support=support)
    assert (fit.drift.weights[support == 0] == 0).all()


def test_decay_is_part_of_production():
    truth, x = planted()
    # As fast as production is large: slower decay leaves rates that no state needs, which are cut off as stated.
    fast = RegulatoryDrift(**{**vars(truth), "decay": torch.full((4,), 2.0, dtype=torch.float64)})
    fit = fit_rates(x, fast(x), decay=2.0, penalty=1e-9, max_steps=2000)
    np.testing.assert_allclose(fit.drift.weights, truth.weights, atol=0.05)


def test_weights_of_cells_count_like_copies():
    truth, x = planted(n=200)
    velocity = truth(x) + 0.1 * torch.as_tensor(np.random.default_rng(1).standard_normal((200, 4)))
    twice = torch.cat([x, x[:100]])
    copied = fit_rates(twice, torch.cat([velocity, velocity[:100]]), penalty=1e-2, max_steps=1000)
    weighted = fit_rates(x, velocity, weights=torch.cat([2 * torch.ones(100), torch.ones(100)]).double(),
                         penalty=1e-2, max_steps=1000)  # fmt: skip
    # Thresholds are quantiles of the states as they come, which copies shift a little; compare predictions.
    np.testing.assert_allclose(copied.drift(x), weighted.drift(x), atol=0.02)


def test_a_gene_that_does_not_vary_is_refused():
    _, x = planted(n=50)
    x[:, 2] = 0.3
    with pytest.raises(ValueError, match=r"found 1 that do not \(columns \[2\]\)"):
        fit_rates(x, torch.zeros_like(x))


def test_values_that_are_not_finite_are_refused():
    _, x = planted(n=50)
    bad = torch.zeros_like(x)
    bad[3, 1] = torch.nan
    with pytest.raises(ValueError, match="`velocity` has 1 values"):
        fit_rates(x, bad)


def test_a_limit_that_is_reached_is_said():
    truth, x = planted(n=200)
    assert not fit_rates(x, truth(x), penalty=1e-9, max_steps=3).converged
