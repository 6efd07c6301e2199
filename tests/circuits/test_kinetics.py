"""Gates, drift and noise of the HillCube against their formulae."""

from __future__ import annotations

import numpy as np
import torch

from landscape.circuits import Circuit, krumsiek
from landscape.circuits.ensemble import Noise
from landscape.dynamics import integrate


def test_gates_are_normalised_hill_functions():
    drift = krumsiek().drift()
    x = torch.tensor([[0.0, 0.25, 0.5, 1.0, -0.3, 2.0, *[0.7] * 5]], dtype=torch.float64)
    hill = lambda v: v**4 * (1 + 0.5**4) / (v**4 + 0.5**4)  # noqa: E731
    expected = [0.0, hill(0.25), hill(0.5), 1.0, 0.0, hill(2.0), *[hill(0.7)] * 5]
    np.testing.assert_allclose(drift.gates(x)[0], expected, rtol=1e-14)


def test_drift_of_one_rule_by_hand():
    circuit = krumsiek()
    x = torch.rand((4, 11), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    h = dict(zip(circuit.genes, circuit.drift().gates(x).T, strict=True))
    cebpa = h["Cebpa"] * (1 - (h["Scl"] + h["Fog1"] * h["Gata1"] - h["Scl"] * h["Fog1"] * h["Gata1"]))
    gata2 = h["Gata2"] * (1 - h["Pu1"]) * (1 - h["Gata1"] * h["Fog1"])
    f = circuit.drift()(x)
    i, j = circuit.genes.index("Cebpa"), circuit.genes.index("Gata2")
    torch.testing.assert_close(f[:, i], cebpa - x[:, i])
    torch.testing.assert_close(f[:, j], (gata2 - x[:, j]) / 1.3)


def test_chemical_noise_of_a_constantly_made_gene_has_poisson_variance():
    # x = copies / Omega with Poisson copies in the stationary state: mean 0.8, variance 0.8 / Omega.
    circuit = Circuit("one", {"A": "True"}, (), {}, time_scale=2.0)
    drift = circuit.drift(levels={"A": 0.8})
    n, step, omega = 6000, 0.05, 60.0
    path = integrate(
        drift, torch.full((n, 1), 0.8, dtype=torch.float64), diffusion=Noise("chemical", omega).diffusion(drift),
        step=step, rng=5, lower=0.0,
    )  # fmt: skip
    for _ in range(300):
        x = next(path)
    # Euler-Maruyama of a linear process over-estimates the variance by the factor 1 / (1 - step / 2 tau), here 1.3 %.
    variance = 0.8 / omega / (1 - step / 4)
    assert abs(float(x.mean()) - 0.8) < 5 * np.sqrt(variance / n)
    assert abs(float(x.var()) - variance) < 5 * variance * np.sqrt(2 / n)


def test_chemical_diffusion_by_hand_and_never_negative():
    circuit = krumsiek()
    drift = circuit.drift(["Gata1"])
    x = torch.full((1, 11), 1.5, dtype=torch.float64)
    d = drift.chemical_diffusion(x, 50.0)
    made = drift.target(x)
    assert (made < 0).any()  # above level 1 the extension extrapolates
    np.testing.assert_allclose(d, (np.maximum(made.numpy(), 0) + 1.5) / (100 * circuit.vector("time_scale").numpy()))
    x[:, circuit.genes.index("Gata1")] = 0.0
    assert drift.chemical_diffusion(x, 50.0)[0, circuit.genes.index("Gata1")] == 0
