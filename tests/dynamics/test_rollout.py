"""The adjoint of simulated paths against automatic differentiation of the same steps."""

from __future__ import annotations

import pytest
import torch

from landscape.dynamics import RegulatoryDrift
from landscape.dynamics._rollout import Rollout

WIDTHS = [0.1] * 12 + [0.25] * 6
KEEP = [5, 12, 18]


def problem(hill: float):
    gen = torch.Generator().manual_seed(3)
    d, n = 4, 9

    def uniform(*shape):
        return torch.rand(*shape, generator=gen, dtype=torch.float64)

    values = (
        4 * uniform(d, d) - 2, uniform(d) - 0.5, uniform(d) + 0.5, uniform(d) + 0.5, uniform(d) / 2 + 0.2,
        torch.tensor(-3.0, dtype=torch.float64),
    )  # fmt: skip
    kicks = torch.randn(len(WIDTHS), n, d, generator=gen, dtype=torch.float64)
    return values, torch.full((d,), hill, dtype=torch.float64), uniform(n, d), kicks, uniform(len(KEEP), n, d)


def plain(weights, bias, ceiling, decay, threshold, log_diffusion, hill, x, kicks):
    zero = torch.zeros_like(bias)
    drift = RegulatoryDrift(weights, bias, ceiling, decay, threshold, hill, zero)
    kept = []
    for k, width in enumerate(WIDTHS):
        x = (x + drift(x) * width + (2 * width) ** 0.5 * torch.exp(0.5 * log_diffusion) * kicks[k]).abs()
        if k + 1 in KEEP:
            kept.append(x)
    return torch.stack(kept)


@pytest.mark.parametrize("hill", [2.0, 4.0, 2.7])
def test_paths_and_gradients_are_those_of_automatic_differentiation(hill):
    values, power, start, kicks, target = problem(hill)
    found = []
    for follow in (
        lambda *p: plain(*p, power, start, kicks),
        lambda *p: Rollout.apply(*p, power, start, kicks, WIDTHS, KEEP),
    ):
        leaves = [value.clone().requires_grad_(True) for value in values]
        path = follow(*leaves)
        ((path - target) ** 2).sum().backward()
        found.append((path.detach(), [leaf.grad for leaf in leaves]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-12, atol=1e-12)
    for expected, gradient in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-9)


def test_some_states_were_reflected():
    values, power, start, kicks, _ = problem(4.0)
    loud = 30 * kicks
    path = Rollout.apply(*values, power, start, loud, WIDTHS, KEEP)
    assert (path >= 0).all()
    assert torch.isfinite(path).all()
