"""The deflated Newton step against the Newton step of the deflated problem."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from landscape.dynamics import jacobian
from landscape.topography.field import Field
from landscape.topography.fixed_points.newton import log_deflation, newton

WEIGHTS = torch.as_tensor(np.random.default_rng(0).normal(size=(3, 3)) * 2)


def force(x):
    return torch.tanh(x @ WEIGHTS.T) - x


@pytest.fixture
def field():
    return Field(force, torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))


def states(n):
    return torch.as_tensor(np.random.default_rng(1).uniform(0.2, 0.8, (n, 3)))


def test_step_is_that_of_the_deflated_problem(field):
    y, roots = states(6), torch.as_tensor(np.random.default_rng(2).normal(size=(2, 3)))

    def deflated(x):
        square = (x[:, None] - roots).square().mean(-1)
        return (1 + 1 / square).prod(1, keepdim=True) * force(x)

    step = torch.linalg.solve(jacobian(deflated, y), -deflated(y)[:, :, None])[:, :, 0]
    step = step / step.square().mean(1, keepdim=True).sqrt().clamp_min(1.0)  # The longest step is 1.
    found = newton(field, y, tolerance=1e-12, max_steps=1, roots=roots, damped=False)
    np.testing.assert_allclose(found.y, y + step, atol=1e-12)
    np.testing.assert_allclose(log_deflation(y, roots), torch.log((deflated(y) / force(y))[:, 0]), atol=1e-12)


def test_convergence_is_quadratic(field):
    y = torch.full((1, 3), 0.05, dtype=torch.float64)
    sizes = [float(newton(field, y, tolerance=1e-15, max_steps=k).correction[0]) for k in range(1, 9)]
    small = [s for s in sizes if 1e-12 < s < 0.1]
    # At an odd field's root in 0 the second derivative vanishes, so that the order is 3.
    assert all(later < earlier**2 for earlier, later in zip(small, small[1:], strict=False))
    assert small


def test_a_deflated_root_is_not_found_again(field):
    zero = torch.zeros(1, 3, dtype=torch.float64)
    found = newton(field, states(50), tolerance=1e-10, max_steps=100, roots=zero)
    assert not (found.converged & (found.y.abs().max(1).values < 1e-3)).any()
    assert found.converged.any()  # The other roots of the field.


def test_a_solve_that_misses_its_right_hand_side_met_a_singular_jacobian():
    """Rows that are multiples but for rounding: the solution is finite, huge and wrong."""
    matrix = torch.tensor([[0.1, 0.3], [0.2, 0.6 + 2e-16]], dtype=torch.float64)
    offset = torch.tensor([1.0, 1.0], dtype=torch.float64)  # not in the range: there is no root
    field = Field(
        lambda x: x @ matrix.T - offset, torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    )
    start = torch.zeros(1, 2, dtype=torch.float64)
    raw = torch.linalg.solve_ex(matrix, offset[:, None])[0]
    assert torch.isfinite(raw).all()
    assert raw.abs().max() > 1e12
    found = newton(field, start, tolerance=1e-10, max_steps=1)
    assert torch.isinf(found.correction).all()
    assert not found.converged.any()
    # The step is that of Levenberg and Marquardt with the smallest damping: the least squares, of minimal length.
    best = torch.linalg.pinv(matrix, rtol=1e-9) @ offset
    step = found.y[0] - start[0]
    np.testing.assert_allclose(step / step.norm(), best / best.norm(), atol=1e-6)


def test_a_singular_jacobian_is_survived():
    field = Field(lambda x: x**2 - 1, torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    found = newton(field, torch.tensor([[0.0], [2.0]], dtype=torch.float64), tolerance=1e-10, max_steps=50)
    assert found.converged.tolist() == [False, True]
    assert found.n_steps[0] < 50  # Given up, not repeated to the end.
