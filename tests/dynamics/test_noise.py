"""Noise of a known drift against Ornstein-Uhlenbeck processes, whose populations are known at every time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import Model, RegulatoryDrift, fit_diffusion
from landscape.dynamics.noise import LOWEST, TOLERANCE

DIFFUSION = 0.004


def relaxing(decay: float = 1.0, d: int = 3) -> RegulatoryDrift:
    """Every gene relaxes to level 1."""
    zero = torch.zeros(d, dtype=torch.float64)
    one = torch.ones(d, dtype=torch.float64)
    return RegulatoryDrift(torch.diag(zero), zero, 2 * decay * one, decay * one, 0.5 * one, 4 * one, zero)


def carried(n: int, seed: int, times: tuple[float, ...] = (0.0, 0.5, 1.0, 3.0)) -> dict[float, torch.Tensor]:
    """Exact samples: cells of each time are others, as in an experiment."""
    rng = np.random.default_rng(seed)
    found = {}
    for t in times:
        start = 0.7 + 0.02 * rng.standard_normal((n, 3))
        spread = np.sqrt(DIFFUSION * (1 - np.exp(-2 * t)))
        found[t] = torch.as_tensor(1 + (start - 1) * np.exp(-t) + spread * rng.standard_normal((n, 3)))
    return found


def test_the_noise_of_an_ornstein_uhlenbeck_process_is_found():
    logs = [np.log(fit_diffusion(Model(relaxing(), 0.1), carried(400, seed), rng=seed)) for seed in range(6)]
    error = np.mean(logs) - np.log(DIFFUSION)
    # The search stops within its tolerance; steps of a tenth of a lifetime and less add half of their width at most.
    assert abs(error) < 4 * np.std(logs, ddof=1) / np.sqrt(6) + TOLERANCE + 0.025
    assert np.std(logs, ddof=1) < 0.3


def test_the_same_seed_gives_the_same_noise():
    populations = carried(100, 0)
    once, again, other = (fit_diffusion(Model(relaxing(), 0.1), populations, rng=seed) for seed in (0, 0, 1))
    assert once == again != other


def test_noise_stays_below_its_upper_bound():
    assert fit_diffusion(Model(relaxing(), DIFFUSION / 10), carried(200, 0)) == pytest.approx(DIFFUSION / 10, rel=0.15)


def test_populations_without_noise_have_none():
    one = torch.ones(200, 3, dtype=torch.float64)
    found = fit_diffusion(Model(relaxing(), 1.0), {0.0: 0.5 * one, 1.0: one * (1 - 0.5 * np.exp(-1.0))})
    assert found == pytest.approx(LOWEST, rel=0.5)


def test_cells_that_multiply_count_as_what_they_become():
    # Two groups that hardly move; cells of the upper one double twice in a unit of time.
    rng = np.random.default_rng(0)
    n, spread = 600, 0.05

    def groups(share: float, width: float) -> torch.Tensor:
        level = np.where(np.arange(n) < share * n, 1.5, 0.5)[:, None]
        return torch.as_tensor(level + width * rng.standard_normal((n, 3)))

    populations = {0.0: groups(0.5, spread), 1.0: groups(0.8, np.sqrt(spread**2 + 2 * DIFFUSION))}

    def growth(x: torch.Tensor) -> torch.Tensor:
        return np.log(4.0) * (x[:, 0] > 1.0)

    still = relaxing(decay=1e-3)
    modelled = fit_diffusion(Model(still, 1.0), populations, growth=growth)
    ignored = fit_diffusion(Model(still, 1.0), populations)
    # A variance from 600 cells has a relative standard error of sqrt(2 / 1800) = .03, and half of it was there before.
    assert modelled == pytest.approx(DIFFUSION, rel=0.35)
    assert abs(np.log(ignored / DIFFUSION)) > abs(np.log(modelled / DIFFUSION))
