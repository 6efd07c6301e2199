"""Initial states, targets along a path, and populations that grow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from landscape.circuits import krumsiek, toggle
from landscape.circuits.ensemble import Noise, growth_rate, noise_of, simulate_ensemble, start_states
from landscape.circuits.targets import draw_targets
from landscape.dynamics import integrate


def test_initial_states_fluctuate_like_genes_made_at_a_constant_rate():
    circuit, n = krumsiek(), 5000
    x = start_states(circuit, n, Noise("chemical", 100.0), np.random.default_rng(0), {"Cebpa": 0.0, "Eklf": 0.5})
    mean = circuit.initial_state(levels={"Cebpa": 0.0, "Eklf": 0.5})
    assert (x[:, mean == 0] == 0).all()
    on = mean > 0
    assert ((x.mean(0) - mean).abs()[on] < 5 * np.sqrt(0.01 / n)).all()
    assert ((x.var(0) * 100 / mean - 1).abs()[on] < 5 * np.sqrt(2 / n)).all()
    y = start_states(circuit, n, Noise("constant", 0.01), np.random.default_rng(0), {})
    variance = 0.01 * circuit.vector("time_scale")
    on = circuit.initial_state() > 0
    assert ((y.var(0) / variance - 1).abs()[on] < 5 * np.sqrt(2 / n)).all()


def test_targets_follow_their_equation_without_noise():
    circuit = krumsiek()
    drift, start = circuit.drift(), circuit.initial_state()[None] * 1.05
    targets = draw_targets(circuit.genes, 30, np.random.default_rng(0))
    step = 0.01
    times = np.array([0, 33, 150])
    found = simulate_ensemble(
        drift, start.repeat(3, 1), times, targets, noise=Noise("constant", 1e-16), step=step, n_steps=160,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    def field(_, z):
        x, y = torch.as_tensor(z[:11])[None], z[11:]
        return np.r_[drift(x)[0].numpy(), (targets.level(drift.gates(x))[0].numpy() - y) / targets.time_scale.numpy()]

    z0 = np.r_[start[0].numpy(), targets.level(drift.gates(start))[0].numpy()]
    exact = solve_ivp(field, (0, 1.5), z0, rtol=1e-9, atol=1e-11, t_eval=times * step).y.T
    # Euler has a global error of about step * |x''| t / 2, below 0.01 here as rates are below 2 per unit time.
    np.testing.assert_allclose(found.states, exact[:, :11], atol=0.01)
    np.testing.assert_allclose(found.targets, exact[:, 11:], atol=0.01)


def test_growth_weights_states_by_their_history():
    # Truth: without interaction, the population at time t is the law of paths weighted by exp(integral of growth).
    circuit, n, steps, step, rate = toggle(), 4000, 60, 0.05, 0.8
    drift, law = circuit.drift(), Noise("chemical", 30.0)
    grow = lambda x: rate * (x[:, 0] > x[:, 1]).to(x.dtype)  # noqa: E731
    start = start_states(circuit, n, law, np.random.default_rng(0), {})
    path, log, x = (
        integrate(drift, start, diffusion=law.diffusion(drift), step=step, rng=1, lower=0.0),
        torch.zeros(n),
        start,
    )
    for _ in range(steps):
        log = log + grow(x) * step
        x = next(path)
    weight = torch.exp(log) / torch.exp(log).mean()
    won = (x[:, 0] > x[:, 1]).double()
    expected = float((weight * won).mean())
    error = float((weight * (won - expected)).std()) / np.sqrt(n)
    none = draw_targets(circuit.genes, 3, np.random.default_rng(0))
    grown = simulate_ensemble(
        drift, start_states(circuit, n, law, np.random.default_rng(2), {}), np.full(n, steps), none, noise=law,
        step=step, n_steps=steps, rng=np.random.default_rng(3), growth=grow,
    )  # fmt: skip
    share = float((grown.states[:, 0] > grown.states[:, 1]).double().mean())
    # Resampling adds the variance of the weights, as the reference has: two errors of one size, five in all.
    assert abs(share - expected) < 5 * np.sqrt(2) * error
    assert expected > 0.7 + 5 * error
    # Siblings go their own way: no two cells are the same.
    assert len(torch.unique(grown.states, dim=0)) == n
    # A cell's targets come along with it when it divides.
    assert float((grown.targets - none.level(drift.gates(grown.states))).abs().mean()) < 0.1


def test_growth_by_fate_and_its_errors():
    circuit = toggle()
    rate = growth_rate(circuit, {"A": 0.5, "other": -0.1})
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    assert rate(x).tolist() == [0.5, 0.0, -0.1]
    assert growth_rate(circuit, None) is None
    with pytest.raises(
        ValueError, match=r"Unknown fates \['C'\] in `growth`; circuit 'toggle' has \['A', 'B', 'other'\]"
    ):
        growth_rate(circuit, {"C": 1.0})
    with pytest.raises(ValueError, match="finite growth rates"):
        growth_rate(circuit, {"A": np.inf})


def test_noise_is_what_was_asked_for():
    circuit = krumsiek()
    assert noise_of(circuit, "chemical", None, None) == Noise("chemical", circuit.system_size)
    assert noise_of(circuit, "constant", None, 0.3) == Noise("constant", 0.3)
    with pytest.raises(ValueError, match="'chemical' or 'constant', found 'white'"):
        noise_of(circuit, "white", None, None)
    with pytest.raises(ValueError, match="only `system_size` has a meaning"):
        noise_of(circuit, "chemical", None, 0.1)
    with pytest.raises(ValueError, match="only `diffusion` has a meaning"):
        noise_of(circuit, "constant", 10, None)
    with pytest.raises(ValueError, match="`system_size` to be positive and finite, found -3"):
        noise_of(circuit, "chemical", -3, None)
