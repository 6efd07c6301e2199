"""First hits of balls by simulated paths, corrected for excursions within a time step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape._random import RandomLike, torch_generator
from landscape.dynamics import Drift, evaluate, jacobian
from landscape.dynamics.sde import noise_factor
from landscape.topography.whitening import constant_diffusion, diffusion_diagonal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.dynamics.sde import Diffusion

# Steps per relaxation time of the fastest direction; the error of Heun's scheme (weak order 2) is then about a permille.
STEPS_PER_TIME = 20
# Rates below this are zero for the time step.
MIN_RATE = 1e-12
MAX_STEPS = 1_000_000
# States at which the default time step is evaluated, besides the targets.
STATES_FOR_STEP = 64
# Paths are dropped from the batch when a fifth of it has arrived: copying at every hit would cost more than it saves.
KEEP = 0.8
# Share of a step by which rounding may separate a chord from a point that lies on it.
ROUNDING = 1e-9
Pair = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Hits:
    """First hits: ``target`` of each path, -1 where none was hit, and the ``time`` of the hit or of the end."""

    target: NDArray[np.int64]
    time: NDArray[np.float64]
    step: float

    @property
    def unresolved(self) -> int:
        """Number of paths that hit no target."""
        return int((self.target < 0).sum())


def default_step(drift: Drift, states: Tensor) -> float:
    """Time step: a twentieth of the shortest relaxation time at the given states."""
    rates = torch.linalg.matrix_norm(jacobian(drift, states).detach(), ord=2)
    return 1.0 / (STEPS_PER_TIME * max(float(rates.max()), MIN_RATE))


def first_hits(
    drift: Drift,
    start: Tensor,
    targets: Tensor,
    *,
    radius: float,
    diffusion: Diffusion,
    max_time: float | None,
    step: float | None = None,
    stop_share: float = 1.0,
    rng: RandomLike = 0,
    lower: float | None = None,
    excluded: Tensor | None = None,
) -> Hits:
    r"""Simulate paths until each has entered one of several balls.

    Between two states outside a ball at distances :math:`g_0, g_1` from it, a Brownian bridge has been inside with
    probability :math:`e^{-g_0 g_1 / (D_n\, dt)}`. Sampling this event reduces the bias of order :math:`\sqrt{dt}` of a
    check at the ends of steps to the order of the integrator.

    Parameters
    ----------
    drift, diffusion
        As in :func:`landscape.dynamics.integrate`. Heun's scheme where the noise is constant, else Euler-Maruyama.
    start
        Initial states, shape ``(n, d)``.
    targets
        Centres of the balls, shape ``(k, d)``.
    radius
        Radius of all balls; in one dimension it may be 0.
    max_time
        Time at which the simulation ends; by default :data:`MAX_STEPS` steps, because a high barrier may never be
        crossed.
    step
        Time step; by default :func:`default_step` at the targets and about 64 of the initial states.
    stop_share
        Stop when this share of paths has arrived.
    rng
        Seed.
    lower
        Reflecting lower bound of every coordinate.
    excluded
        For each path a target that is ignored, such as the attractor in which it starts; shape ``(n,)``.
    """
    n, d = start.shape
    few = start[:: max(1, n // STATES_FOR_STEP)]
    step = default_step(drift, torch.cat([targets, few])) if step is None else step
    max_time = MAX_STEPS * step if max_time is None else max_time
    if not step > 0 or not max_time > 0:
        msg = f"Expected positive `step` and `max_time`, found {step} and {max_time}."
        raise ValueError(msg)
    factor = noise_factor(diffusion, d)
    normal = _normal_diffusion(diffusion, d)
    random = torch_generator(rng)
    target = np.full(n, -1)
    time = np.full(n, np.nan)
    x, rows = start.clone(), torch.arange(n)
    skip = None if excluded is None else excluded.clone()
    inside = _distance(x, targets) <= radius
    if skip is not None:
        inside[torch.arange(n), skip] = False
    alive = ~inside.any(1)
    target[~alive.numpy()] = inside[~alive].double().argmax(1).numpy()
    time[~alive.numpy()] = 0.0
    elapsed, n_alive = 0.0, int(alive.sum())
    while n_alive > n * (1 - stop_share) and elapsed < max_time:
        if n_alive < KEEP * len(x):
            skip = None if skip is None else skip[alive]
            x, rows, alive = x[alive], rows[alive], alive[alive]
        with torch.no_grad():
            ahead = _move(drift, x, factor, step, random, euler=callable(diffusion))
        if lower is not None:
            ahead = lower + (ahead - lower).abs()
        hit = _entered(x, ahead, targets, radius, step, normal, random)
        if skip is not None:
            hit[torch.arange(len(x)), skip] = False
        arrived = hit.any(1) & alive
        elapsed += step
        if arrived.any():
            which = rows[arrived].numpy()
            # If several balls were entered in one step, the one nearest to its end.
            apart = torch.where(hit[arrived], _distance(ahead[arrived], targets), torch.inf)
            target[which], time[which] = apart.argmin(1).numpy(), elapsed - 0.5 * step
            alive = alive & ~arrived
            n_alive -= len(which)
        x = ahead
    time[np.isnan(time)] = elapsed
    return Hits(target, time, step)


def _move(drift: Drift, x: Tensor, factor: Pair, step: float, random: torch.Generator, *, euler: bool) -> Tensor:
    kick = factor(x, torch.randn(x.shape, generator=random, dtype=torch.float64)) * step**0.5
    velocity = evaluate(drift, x)
    ahead = x + velocity * step + kick
    return ahead if euler else x + 0.5 * step * (velocity + evaluate(drift, ahead)) + kick


def _distance(x: Tensor, targets: Tensor) -> Tensor:
    return torch.cdist(x, targets, compute_mode="donot_use_mm_for_euclid_dist")


def _entered(
    x: Tensor, ahead: Tensor, targets: Tensor, radius: float, step: float, normal: Pair, random: torch.Generator
) -> Tensor:
    """Whether each path has been in each ball during a step, shape ``(n, k)``."""
    away = x[:, None] - targets
    before = away.norm(dim=2)
    after = _distance(ahead, targets)
    # The chord may cross a ball, or a point, with both ends outside.
    chord = (ahead - x)[:, None]
    along = (-(away * chord).sum(2) / chord.square().sum(2).clamp_min(TINY)).clamp(0, 1)
    closest = (away + along[..., None] * chord).norm(dim=2)
    gaps = (before - radius).clamp_min(0) * (after - radius).clamp_min(0)
    chance = torch.exp(-gaps / (normal(x, away / before.clamp_min(TINY)[..., None]) * step))
    excursion = torch.rand(chance.shape, generator=random, dtype=torch.float64) < chance
    # With a radius of zero, rounding would separate every chord from the point that it crosses.
    return (closest <= radius + ROUNDING * chord.norm(dim=2)) | excursion


def _normal_diffusion(diffusion: Diffusion, d: int) -> Pair:
    """Diffusion along unit vectors ``(n, k, d)`` at states ``(n, d)``, shape ``(n, k)``."""
    if callable(diffusion):
        return lambda x, u: (diffusion_diagonal(diffusion, x)[:, None] * u.square()).sum(2)
    value = constant_diffusion(diffusion, d)
    if value.ndim == 2:
        return lambda x, u: ((u @ value) * u).sum(2)
    if bool((value == value[0]).all()):
        return lambda x, u: value[0]
    return lambda x, u: (value * u.square()).sum(2)
