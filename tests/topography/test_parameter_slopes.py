"""Derivatives of a regulatory drift in its parameters, against automatic differentiation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from landscape.dynamics import RegulatoryDrift
from landscape.topography.parameter_slopes import parameter_slopes


@pytest.mark.parametrize("held", [{}, {1: 0.8}])
@pytest.mark.parametrize("ceiling", [0.0, 1.4])
def test_slopes_are_those_of_automatic_differentiation(held, ceiling):
    drift = RegulatoryDrift.from_arrays(
        [[1.0, -2.0, 0.3], [0.5, 1.5, 0.0], [-1.0, 0.2, 2.0]], bias=[0.2, -0.1, 0.4], ceiling=[1.0, 1.2, ceiling],
        decay=[1.0, 0.7, 1.3], hill=2.0, held=held,
    )  # fmt: skip
    x = torch.tensor([[0.4, 0.6, 0.1], [0.9, 0.0, 0.7]], dtype=torch.float64)
    found = parameter_slopes(drift, x)

    def derivative(name):
        """Of each velocity, in each of the parameters, shape ``(n, d, ...)``."""
        return torch.autograd.functional.jacobian(lambda p: replace(drift, **{name: p})(x), getattr(drift, name))

    for name in ("bias", "ceiling"):
        own = torch.diagonal(derivative(name), dim1=1, dim2=2)
        torch.testing.assert_close(getattr(found, name), own, rtol=1e-12, atol=1e-14)
    # The velocity is linear in the decay rates. (That of a held gene takes its rate as a plain number.)
    by_decay = replace(drift, decay=drift.decay + 1)(x) - drift(x)
    torch.testing.assert_close(found.decay, by_decay, rtol=1e-12, atol=1e-14)
    by_weights = torch.diagonal(derivative("weights"), dim1=1, dim2=2).transpose(1, 2)
    torch.testing.assert_close(found.bias[:, :, None] * found.response[:, None], by_weights, rtol=1e-12, atol=1e-14)
    velocity = drift.ceiling * found.ceiling + drift.decay * found.decay
    torch.testing.assert_close(velocity, drift(x), rtol=1e-12, atol=1e-14)
