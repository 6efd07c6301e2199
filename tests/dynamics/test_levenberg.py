"""Levenberg-Marquardt for many saturating curves at once, against scipy's least squares and planted curves."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from landscape.dynamics._levenberg import fit_logistic

PENALTY = 1e-3


def problem(n=400, inputs=6, targets=4, noise=0.05, seed=0):
    gen = np.random.default_rng(seed)
    x = gen.normal(size=(n, inputs)) @ gen.normal(size=(inputs, inputs))  # correlated, as regulators are
    x = (x - x.mean(0)) / x.std(0)
    slope, offset = gen.normal(size=(targets, inputs)), gen.normal(size=targets)
    y = 2.0 / (1 + np.exp(-(x @ slope.T + offset))) + noise * gen.normal(size=(n, targets))
    return x, y, slope, offset


def solve(x, y, free=None, w=None, max_steps=100):
    n, targets = y.shape
    w = np.full(n, 1 / n) if w is None else w / w.sum()
    free = np.ones((targets, x.shape[1])) if free is None else free
    ceiling = torch.full((targets,), np.log(2.5), dtype=torch.float64)
    return fit_logistic(
        torch.as_tensor(x),
        torch.as_tensor(y),
        torch.as_tensor(w)[:, None],
        free=torch.as_tensor(free),
        start=(
            torch.zeros(targets, x.shape[1], dtype=torch.float64),
            torch.zeros(targets, dtype=torch.float64),
            ceiling,
        ),
        log_ceiling=ceiling,
        penalty=PENALTY,
        max_steps=max_steps,
    )


def reference(x, y, columns, w):
    """The same loss of one target, minimised by scipy."""
    root = np.sqrt(w / w.sum())

    def residuals(p):
        made = np.exp(p[-1]) / (1 + np.exp(-(x[:, columns] @ p[:-2] + p[-2])))
        return np.r_[root * (made - y), np.sqrt(PENALTY) * p[:-2], np.sqrt(PENALTY) * (p[-1] - np.log(2.5))]

    start = np.r_[np.zeros(len(columns) + 1), np.log(2.5)]
    return least_squares(residuals, start, method="lm", xtol=1e-12, ftol=1e-14).cost * 2


def test_every_target_ends_where_scipys_least_squares_ends():
    x, y, _, _ = problem()
    gen = np.random.default_rng(1)
    w, free = gen.gamma(1.0, size=len(x)), np.ones((4, 6))
    free[1, [0, 3]] = 0.0
    found = solve(x, y, free=free, w=w)
    assert found.n_unsettled == 0
    for i in range(4):
        columns = np.flatnonzero(free[i])
        # The loss at the end is at most SETTLED above the minimum.
        assert found.loss[i] == pytest.approx(reference(x, y[:, i], columns, w), abs=1e-6)
    assert (found.slope[1, [0, 3]] == 0).all()


def test_planted_curves_come_back_without_noise():
    x, y, slope, offset = problem(n=3000, noise=0.0)
    found = solve(x, y)
    # The penalty pulls slopes of size 1 by about penalty / curvature (.05): .02.
    made = torch.exp(found.log_ceiling) * torch.sigmoid(torch.as_tensor(x) @ found.slope.T + found.offset)
    assert float(((made - torch.as_tensor(y)) ** 2).mean()) < PENALTY
    np.testing.assert_array_equal(
        np.sign(found.slope.numpy())[np.abs(slope) > 0.3], np.sign(slope)[np.abs(slope) > 0.3]
    )


def test_steps_that_run_out_are_counted():
    x, y, _, _ = problem()
    found = solve(x, y, max_steps=1)
    assert found.n_steps == 1
    assert found.n_unsettled == 4


def test_targets_do_not_know_of_each_other():
    x, y, _, _ = problem()
    together, alone = solve(x, y), solve(x, y[:, [2]])
    np.testing.assert_allclose(together.slope[2], alone.slope[0], rtol=1e-9, atol=1e-12)
