"""Matching populations: recovery of what carries a population forward."""

from __future__ import annotations

import numpy as np
import torch

from landscape.dynamics import Model, RegulatoryDrift, match_populations, simulate


def decay_problem():
    """One gene that is switched off by another and decays: the truth is a rate."""
    weights = np.array([[0.0, 0.0], [-8.0, 0.0]])
    truth = RegulatoryDrift.from_arrays(weights, bias=[6.0, 4.0], ceiling=1.0, decay=[1.0, 0.5], hill=2.0)
    rng = np.random.default_rng(0)
    start = torch.as_tensor(np.c_[rng.uniform(0.9, 1.1, 400), rng.uniform(0.7, 1.2, 400)])
    times = [0.0, 1.0, 2.0, 4.0]
    path = simulate(truth, start, diffusion=2e-3, duration=4.0, step=0.02, rng=1, lower=0.0, save_at=times)
    return truth, {t: path.states[k] for k, t in enumerate(times)}


def test_a_wrong_decay_rate_is_corrected():
    truth, populations = decay_problem()
    wrong = RegulatoryDrift.from_arrays(
        truth.weights.numpy(), bias=truth.bias.numpy(), ceiling=[1.0, 2.0], decay=[1.0, 1.5], hill=2.0
    )
    found = match_populations(Model(wrong, 1e-2), populations, n_steps=150, n_particles=200, rng=0)

    assert found.distance.max() < 0.1 * found.initial_distance.max()
    # Expected shape of the mean over time, from the truth itself.
    start = populations[0.0]
    late = found.model.simulate(start, duration=3.0, step=0.02, rng=5)
    true = simulate(truth, start, diffusion=2e-3, duration=3.0, step=0.02, rng=6, lower=0.0)
    # A time that was not fitted; 400 cells with a spread below .15 leave a standard error below .01 on each side.
    np.testing.assert_allclose(late.states[-1].mean(0), true.states[-1].mean(0), atol=0.05)


def test_the_same_seed_gives_the_same_model():
    truth, populations = decay_problem()
    a, b = (
        match_populations(Model(truth, 1e-2), populations, n_steps=5, n_particles=50, rng=3).model.drift.weights
        for _ in range(2)
    )
    assert torch.equal(a, b)


def test_the_support_holds():
    truth, populations = decay_problem()
    support = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    found = match_populations(Model(truth, 1e-2), populations, support=support, n_steps=5, n_particles=50)
    assert (found.model.drift.weights[support == 0] == 0).all()
