"""Passage times on a grid: by the backward equation, and by the Markov chain of jumps between volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import csr_array, eye_array
from torch import Tensor

from landscape.dynamics import Drift, evaluate
from landscape.markov import mean_absorption_time
from landscape.markov.linear_solver import solve
from landscape.topography.passage.finite_volume import FiniteVolumes, finite_volumes
from landscape.topography.whitening import constant_diffusion, diffusion_diagonal, whitened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

# Potential over noise at which a reflecting wall has no effect: a share of e^-40 of the weight lies beyond.
WALL = 40.0
# The wall is searched at distances that grow by this factor, at most so often, on this many points.
WALL_GROWTH, MAX_WALLS, WALL_POINTS = 1.25, 60, 2001
# Points along each axis in one and in two dimensions.
N_GRID = {1: 4_001, 2: 201}
# In one dimension the target may be a point: a radius over the size of the box that catches the nearest grid point.
GRID_ROUNDING = 1e-9


@dataclass(frozen=True)
class GridTime:
    """Passage time on a grid, its ``change`` from a grid of half the resolution, and whether the system was ``solved``."""

    time: float
    change: float
    solved: bool


def grid_time(
    drift: Drift,
    a: Tensor,
    b: Tensor,
    diffusion: Diffusion,
    radius: float,
    bounds: tuple[ArrayLike, ArrayLike] | None,
    n_grid: int | None,
    *,
    chain: bool,
) -> GridTime:
    """Mean time from ``a`` to the ball around ``b``, both of shape ``(1, d)``, on a grid and on one of half the resolution.

    Raises
    ------
    ValueError
        In more than two dimensions, without ``bounds`` in two, or where the drift does not confine the process.
    """
    d = a.shape[1]
    if d > 2:
        msg = f"Grids are for one or two dimensions, found {d}; use `method='simulation'`."
        raise ValueError(msg)
    if bounds is None:
        if d == 2:
            msg = "Expected `bounds`, the corners of a box with reflecting walls, for a grid in two dimensions."
            raise ValueError(msg)
        low, high = _line(drift, a, b, diffusion, radius)
    else:
        low, high = (np.broadcast_to(np.asarray(v, float), (d,)) for v in bounds)
    n = n_grid or N_GRID[d]
    answers = [_on_grid(drift, a, b, diffusion, radius, low, high, m, chain=chain) for m in (n // 2 + 1, n)]
    return GridTime(answers[1][0], abs(answers[1][0] - answers[0][0]), answers[1][1])


def _on_grid(
    drift: Drift,
    a: Tensor,
    b: Tensor,
    diffusion: Diffusion,
    radius: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n: int,
    *,
    chain: bool,
) -> tuple[float, bool]:
    d = a.shape[1]
    grid = finite_volumes(drift, low, high, [n] * d, diffusion=diffusion)
    inside = grid.ball(b.numpy()[0], radius + (GRID_ROUNDING * float(np.max(high - low)) if d == 1 else 0.0))
    if not len(inside):
        msg = f"No grid point lies within `radius` {radius} of the target; raise `n_grid` or `radius`."
        raise ValueError(msg)
    tau, solved = _by_chain(grid, inside) if chain else _by_equation(grid, inside)
    axes = [np.linspace(lo, hi, n) for lo, hi in zip(low, high, strict=True)]
    at = RegularGridInterpolator(axes, tau.reshape([n] * d))(a.numpy())
    return float(at[0]), solved


def _by_equation(grid: FiniteVolumes, inside: NDArray[np.int64]) -> tuple[NDArray[np.float64], bool]:
    rest = np.setdiff1d(np.arange(len(grid.points)), inside)
    answer = solve(csr_array(-grid.generator[rest][:, rest]), np.ones((len(rest), 1)))
    tau = np.zeros(len(grid.points))
    tau[rest] = answer.x[:, 0]
    return tau, answer.converged


def _by_chain(grid: FiniteVolumes, inside: NDArray[np.int64]) -> tuple[NDArray[np.float64], bool]:
    # Uniformisation: every volume jumps at the rate of the fastest one, possibly to itself, so that all steps have the
    # same mean duration.
    fastest = float(-grid.generator.diagonal().min())
    jumps = csr_array(eye_array(len(grid.points)) + grid.generator / fastest)
    found = mean_absorption_time(jumps, inside)
    return found.time / fastest, found.converged


def _line(
    drift: Drift, a: Tensor, b: Tensor, diffusion: Diffusion, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval from the target to where the potential beyond the start is too high to be reached."""
    whitened(drift, torch.cat([a, b]), diffusion)
    start, goal = float(a), float(b)
    side = 1.0 if start > goal else -1.0
    edge = goal + side * radius
    width = abs(start - edge)
    for k in range(MAX_WALLS):
        reach = width * WALL_GROWTH**k
        x = torch.linspace(start, start + side * reach, WALL_POINTS, dtype=torch.float64)[:, None]
        level = (
            diffusion_diagonal(diffusion, x) if callable(diffusion) else constant_diffusion(diffusion, 1).expand_as(x)
        )
        force = -side * evaluate(drift, x) / level
        height = torch.cumulative_trapezoid(force[:, 0], dx=reach / (WALL_POINTS - 1))
        if float(height[-1] - height.min().clamp_max(0)) > WALL:
            ends = np.array([[edge], [start + side * reach]])
            return ends.min(0), ends.max(0)
    msg = "The drift does not confine the process beyond the start; pass `bounds` with a reflecting wall."
    raise ValueError(msg)
