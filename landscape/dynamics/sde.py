r"""Simulation of the stochastic differential equation :math:`dx = f(x)\,dt + \sqrt{2 D(x)}\,dB` (Ito)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape.dynamics.drift import Drift, RegulatoryDrift, evaluate

Scheme = Literal["euler", "heun"]
Diffusion = float | Tensor | np.ndarray | Callable[[Tensor], Tensor]
# Particles are seeded in blocks of this size: an ensemble split between workers at multiples of it sees the same noise.
BLOCK = 1024


@dataclass(frozen=True)
class Trajectories:
    """Sampled paths.

    Attributes
    ----------
    times
        Shape ``(m,)``.
    states
        Shape ``(m, n, d)``.
    """

    times: Tensor
    states: Tensor


def noise_factor(diffusion: Diffusion, dimension: int) -> Callable[[Tensor, Tensor], Tensor]:
    r"""Map from states and standard normal numbers to :math:`\sqrt{2D}\,\xi`.

    Parameters
    ----------
    diffusion
        A number, the diagonal of shape ``(d,)``, a symmetric positive definite matrix of shape ``(d, d)``, or a
        callable from states ``(n, d)`` to diagonals ``(n, d)``.
    dimension
        :math:`d`.

    Raises
    ------
    ValueError
        If the diffusion is not positive or has another shape.
    """
    if callable(diffusion):

        def dependent(x: Tensor, xi: Tensor) -> Tensor:
            diagonal = diffusion(x)
            if diagonal.shape != x.shape or not (diagonal >= 0).all():
                msg = f"Expected `diffusion(x)` of shape {tuple(x.shape)} and not negative, found {diagonal.shape}."
                raise ValueError(msg)
            return torch.sqrt(2 * diagonal) * xi

        return dependent
    # A copy, because torch does not share memory with read-only arrays.
    value = (
        diffusion.to(torch.float64) if isinstance(diffusion, Tensor) else torch.as_tensor(np.array(diffusion, float))
    )
    if value.ndim == 2:
        if value.shape != (dimension, dimension) or not torch.allclose(value, value.T):
            msg = f"Expected a symmetric `diffusion` of shape ({dimension}, {dimension}), found {tuple(value.shape)}."
            raise ValueError(msg)
        factor, info = torch.linalg.cholesky_ex(2 * value)
        if info:
            msg = "Expected `diffusion` to be positive definite; its Cholesky factorisation fails."
            raise ValueError(msg)
        return lambda x, xi: xi @ factor.T.to(x.device)
    if value.ndim == 1 and value.shape != (dimension,) or value.ndim > 2:
        msg = f"Expected `diffusion` to be a number or of shape ({dimension},), found {tuple(value.shape)}."
        raise ValueError(msg)
    if not (value > 0).all() or not torch.isfinite(value).all():
        msg = f"Expected `diffusion` to be positive, found {float(value.min())}."
        raise ValueError(msg)
    scale = torch.sqrt(2 * value)
    return lambda x, xi: scale.to(x.device) * xi


def chemical_diffusion(
    drift: RegulatoryDrift, *, system_size: float | Tensor | np.ndarray
) -> Callable[[Tensor], Tensor]:
    r"""Diagonal diffusion of the chemical Langevin equation, for independent births and deaths of single molecules.

    .. math:: D_{ii}(x) = \frac{a_i\, s(h_i(x)) + \gamma_i x_i^+}{2 \Omega_i}

    Parameters
    ----------
    drift
        Drift with production and decay. A clamped gene keeps the noise of its own births and deaths.
    system_size
        :math:`\Omega`, molecules per unit of the state: one number, or one for each gene, shape ``(d,)``.

    Returns
    -------
    Callable from states ``(n, d)`` to diagonals ``(n, d)``, in squared units of the state per unit of time. Every
    function that takes a diffusion takes it.

    Raises
    ------
    TypeError
        If the drift is no :class:`RegulatoryDrift`.
    ValueError
        If the size is not positive or has another shape.

    References
    ----------
    Gillespie (2000), *Journal of Chemical Physics* 113, 297. https://doi.org/10.1063/1.481811
    """
    if not isinstance(drift, RegulatoryDrift):
        msg = f"Expected a RegulatoryDrift, which has production and decay, found {type(drift).__name__}."
        raise TypeError(msg)
    size = torch.as_tensor(np.array(system_size, dtype=float))
    if size.ndim > 1 or (size.ndim == 1 and size.shape != (drift.n_genes,)):
        msg = f"Expected `system_size` to be a number or of shape ({drift.n_genes},), found {tuple(size.shape)}."
        raise ValueError(msg)
    if not (torch.isfinite(size) & (size > 0)).all():
        msg = f"Expected `system_size` to be positive and finite, found {float(size.min())}."
        raise ValueError(msg)

    def diagonal(x: Tensor) -> Tensor:
        return (drift.production(x) + drift.decay * x.clamp_min(0.0)) / (2.0 * size.to(x.device))

    return diagonal


class Noise:
    """Standard normal numbers whose stream depends only on the seed and the number of a particle's block."""

    def __init__(self, seed: int, n: int, dimension: int, *, first: int, device: torch.device) -> None:
        starts = range(0, n, BLOCK)
        self.sizes = [min(BLOCK, n - start) for start in starts]
        # The key of a block is its number, so that every worker draws the same numbers for it.
        keys = [np.random.SeedSequence(seed, spawn_key=((first + start) // BLOCK,)) for start in starts]
        states = [int(key.generate_state(1, np.uint64)[0] >> 1) for key in keys]
        self.generators = [torch.Generator(device).manual_seed(state) for state in states]
        self.dimension, self.device = dimension, device

    def __call__(self) -> Tensor:
        """Numbers of the next step, shape ``(n, d)``."""
        draws = [
            torch.randn((size, self.dimension), generator=g, dtype=torch.float64, device=self.device)
            for size, g in zip(self.sizes, self.generators, strict=True)
        ]
        return draws[0] if len(draws) == 1 else torch.cat(draws)


def integrate(
    drift: Drift,
    start: Tensor,
    *,
    diffusion: Diffusion,
    step: float,
    rng: RandomLike = 0,
    scheme: Scheme = "euler",
    lower: float | None = None,
    first: int = 0,
) -> Iterator[Tensor]:
    r"""Integrate an ensemble without an end, one state after each step.

    The Euler-Maruyama scheme has weak order 1. Heun's scheme averages the drift over both ends of the step; it requires
    noise that does not depend on the state and then has weak order 2. Everything runs on the device of ``start``, where
    the drift must work as well.

    Parameters
    ----------
    drift
        Callable ``(n, d) -> (n, d)``.
    start
        States at time 0, shape ``(n, d)``.
    diffusion
        :math:`D`, see :func:`noise_factor`.
    step
        Time step.
    rng
        Seed or generator. The noise of a full block of 1,024 particles does not depend on the other particles.
    scheme
        ``"euler"`` or ``"heun"``.
    lower
        Reflecting lower bound of every coordinate.
    first
        Number of the first particle, a multiple of 1,024. Workers that integrate parts of one ensemble with the same
        seed draw the noise that a single worker would.

    Yields
    ------
    States of shape ``(n, d)``.

    Raises
    ------
    ValueError
        If the step is not positive, ``first`` is no multiple of 1,024, the states are not finite or no batch, or Heun's
        scheme is used with noise that depends on the state.
    """
    if start.ndim != 2:
        msg = f"Expected `start` of shape (n, d), found {tuple(start.shape)}."
        raise ValueError(msg)
    if not torch.isfinite(start).all():
        msg = f"Expected finite `start`, found {int((~torch.isfinite(start)).any(1).sum())} of {len(start)} states that are not."
        raise ValueError(msg)
    if not step > 0:
        msg = f"Expected a positive `step`, found {step}."
        raise ValueError(msg)
    if scheme not in ("euler", "heun"):
        msg = f"Expected `scheme` to be 'euler' or 'heun', found {scheme!r}."
        raise ValueError(msg)
    if scheme == "heun" and callable(diffusion):
        msg = "Heun's scheme needs noise that does not depend on the state; use `scheme='euler'`."
        raise ValueError(msg)
    if first < 0 or first % BLOCK:
        msg = f"Expected `first` to be a multiple of {BLOCK}, found {first}; split an ensemble at such numbers."
        raise ValueError(msg)
    x = start.detach().to(torch.float64)
    factor = noise_factor(diffusion, x.shape[1])
    noise = Noise(seed_of(rng), *x.shape, first=first, device=x.device)
    while True:
        with torch.no_grad():
            increment = factor(x, noise()) * step**0.5
            velocity = evaluate(drift, x)
            ahead = x + velocity * step + increment
            if scheme == "heun":
                ahead = x + 0.5 * (velocity + evaluate(drift, ahead)) * step + increment
            x = ahead if lower is None else lower + (ahead - lower).abs()
        yield x


def simulate(
    drift: Drift,
    start: Tensor,
    *,
    diffusion: Diffusion,
    duration: float,
    step: float = 0.01,
    rng: RandomLike = 0,
    scheme: Scheme = "euler",
    lower: float | None = None,
    save_at: Sequence[float] | None = None,
    first: int = 0,
) -> Trajectories:
    """Simulate an ensemble and keep its states at given times.

    Parameters
    ----------
    drift, start, diffusion, step, rng, scheme, lower, first
        As in :func:`integrate`.
    duration
        Total time, rounded to a whole number of steps.
    save_at
        Times to keep, each rounded to a whole number of steps. By default the start and the end.

    Returns
    -------
    The times that were kept and the states.

    Raises
    ------
    ValueError
        If a time lies outside the duration.
    """
    n_steps = round(duration / step)
    wanted = np.array([0.0, duration] if save_at is None else save_at, dtype=float)
    at = np.round(wanted / step).astype(int)
    if n_steps < 0 or (at < 0).any() or (at > n_steps).any():
        msg = f"Expected times between 0 and {duration}, found {wanted.min()} to {wanted.max()}."
        raise ValueError(msg)
    kept: dict[int, Tensor] = {0: start.detach().to(torch.float64)}
    keep = set(at.tolist())
    path = integrate(drift, start, diffusion=diffusion, step=step, rng=rng, scheme=scheme, lower=lower, first=first)
    for k in range(1, int(at.max(initial=0)) + 1):
        x = next(path)
        if k in keep:
            kept[k] = x
    return Trajectories(torch.as_tensor(at * step), torch.stack([kept[k] for k in at.tolist()]))
