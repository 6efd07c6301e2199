"""A hub drives its targets, which have no other edges: cells at rest suggest false ones, which direction removes.

Gene 0 holds two states by itself, switches 1 to 3 on and 4 and 5 off. In cells at rest every target is a proxy of the hub, so that a
regression of each gene on all others finds edges everywhere, symmetric ones; with the velocities of cells on their way the
same regression finds the five that exist.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import RegulatoryDrift, fit_rates, simulate

TRUE = np.zeros((6, 6), dtype=bool)
TRUE[1:, 0] = True
FALSE = ~TRUE & ~np.eye(6, dtype=bool)


def _hub() -> RegulatoryDrift:
    weights = np.zeros((6, 6))
    weights[0, 0], weights[1:4, 0], weights[4:, 0] = 8.0, 5.0, -5.0
    return RegulatoryDrift.from_arrays(weights, bias=[-4.0, -2.5, -2.5, -2.5, 2.5, 2.5], ceiling=1.0, hill=4.0)


def _cells(times: list[float], n: int) -> torch.Tensor:
    start = torch.as_tensor(np.random.default_rng(0).uniform(0, 1, (n, 6)))
    found = simulate(_hub(), start, diffusion=0.004, duration=max(times), step=0.05, lower=0.0, save_at=times, rng=1)
    return found.states.reshape(-1, 6)


def _edges(x: torch.Tensor, velocity: torch.Tensor) -> np.ndarray:
    """Size of each edge ``[target, regulator]``: weight times the spread of its input; the hub alone may act on itself."""
    support = 1 - torch.eye(6, dtype=torch.float64)
    support[0, 0] = 1
    drift = fit_rates(x, velocity, support=support).drift
    return drift.weights.numpy() * drift.response(x).numpy().std(0)


@pytest.fixture(scope="module")
def at_rest() -> np.ndarray:
    x = _cells([30.0], 3000)
    assert 0.2 < (x[:, 0] > 0.5).double().mean() < 0.8
    return _edges(x, torch.zeros_like(x))


@pytest.fixture(scope="module")
def on_the_way() -> np.ndarray:
    x = _cells([0.3, 0.8, 1.5, 3.0], 750)
    noise = 0.05 * torch.as_tensor(np.random.default_rng(2).standard_normal(x.shape))
    return _edges(x, _hub()(x) + noise)


def _largest_false(size: np.ndarray) -> np.ndarray:
    """Largest false edge into each gene over the largest true one, that of the hub (for the hub: its own)."""
    return np.where(FALSE, size, 0).max(1) / size[:, 0]


def test_cells_at_rest_feign_edges_among_the_targets_and_back_to_the_hub(at_rest):
    size = np.abs(at_rest)
    # No gene but the hub itself would be said to be driven by the hub.
    assert (_largest_false(size)[1:] > 0.5).all()
    assert size[FALSE].mean() > 0.5 * size[TRUE].mean()


def test_a_direction_leaves_the_edges_of_the_hub_alone(on_the_way, at_rest):
    size = np.abs(on_the_way)
    assert (np.sign(on_the_way[1:, 0]) == [1, 1, 1, -1, -1]).all()
    # Of a true edge less than a fifth: the logistic saturates, where noise of .05 in velocities leaves its input open.
    assert (_largest_false(size) < 0.2).all()
    ratio, before = size[FALSE].mean() / size[TRUE].mean(), np.abs(at_rest)
    assert ratio < 0.2 * before[FALSE].mean() / before[TRUE].mean()
