r"""Ensembles of the stochastic differential equation :math:`dx = f(x)\,dt + \sqrt{2 D(x)}\,dB` (Ito)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape.dynamics.drift import Drift, evaluate

Diffusion = float | Tensor | np.ndarray | Callable[[Tensor], Tensor]
# Particles are seeded in blocks of this size, so that an ensemble split over workers at block borders is the same.
BLOCK = 1024


@dataclass(frozen=True)
class Trajectories:
    """Sampled paths: ``times`` of shape ``(m,)`` and ``states`` of shape ``(m, n, d)``."""

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
        return lambda x, xi: xi @ factor.T
    if value.ndim == 1 and value.shape != (dimension,) or value.ndim > 2:
        msg = f"Expected `diffusion` to be a number or of shape ({dimension},), found {tuple(value.shape)}."
        raise ValueError(msg)
    if not (value > 0).all() or not torch.isfinite(value).all():
        msg = f"Expected `diffusion` to be positive, found {float(value.min())}."
        raise ValueError(msg)
    scale = torch.sqrt(2 * value)
    return lambda x, xi: scale * xi


class _Noise:
    """Standard normal numbers whose stream depends on the seed and the particle's block alone."""

    def __init__(self, seed: int, n: int, dimension: int) -> None:
        blocks = np.random.SeedSequence(seed).spawn(-(-n // BLOCK))
        self.sizes = [min(BLOCK, n - start) for start in range(0, n, BLOCK)]
        self.generators = [torch.Generator().manual_seed(int(b.generate_state(1, np.uint64)[0] >> 1)) for b in blocks]
        self.dimension = dimension

    def __call__(self) -> Tensor:
        draws = [
            torch.randn((size, self.dimension), generator=g, dtype=torch.float64)
            for size, g in zip(self.sizes, self.generators, strict=True)
        ]
        return draws[0] if len(draws) == 1 else torch.cat(draws)


def walk(
    drift: Drift,
    start: Tensor,
    *,
    diffusion: Diffusion,
    step: float,
    rng: RandomLike = 0,
    scheme: Literal["euler", "heun"] = "euler",
    lower: float | None = None,
) -> Iterator[Tensor]:
    r"""Walk an ensemble for ever, one state of shape ``(n, d)`` after each step.

    Euler-Maruyama has weak order 1; Heun's scheme averages the drift over both ends of the step and has weak
    order 2 for noise that does not depend on the state, which it therefore requires.

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
        Seed. Particle ``i`` sees the noise of its block of 1,024 whatever else runs.
    scheme
        ``"euler"`` or ``"heun"``.
    lower
        Reflecting lower bound of every coordinate.

    Raises
    ------
    ValueError
        If the step is not positive, the states are not a batch, or Heun's scheme meets state-dependent noise.
    """
    if start.ndim != 2:
        msg = f"Expected `start` of shape (n, d), found {tuple(start.shape)}."
        raise ValueError(msg)
    if not torch.isfinite(start).all():
        msg = f"Expected finite `start`, found {int((~torch.isfinite(start)).any(1).sum())} of {len(start)} states not so."
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
    x = start.detach().to(torch.float64)
    factor = noise_factor(diffusion, x.shape[1])
    noise = _Noise(seed_of(rng), *x.shape)
    while True:
        with torch.no_grad():
            kick = factor(x, noise()) * step**0.5
            velocity = evaluate(drift, x)
            ahead = x + velocity * step + kick
            if scheme == "heun":
                ahead = x + 0.5 * (velocity + evaluate(drift, ahead)) * step + kick
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
    scheme: Literal["euler", "heun"] = "euler",
    lower: float | None = None,
    save_at: Sequence[float] | None = None,
) -> Trajectories:
    """Simulate an ensemble and keep it at given times.

    Parameters
    ----------
    drift, start, diffusion, step, rng, scheme, lower
        As in :func:`walk`.
    duration
        Total time; rounded to a whole number of steps.
    save_at
        Times to keep, each rounded to a whole number of steps; by default the start and the end.

    Returns
    -------
    Times that were kept, and states of shape ``(m, n, d)``.

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
    path = walk(drift, start, diffusion=diffusion, step=step, rng=rng, scheme=scheme, lower=lower)
    for k in range(1, int(at.max(initial=0)) + 1):
        x = next(path)
        if k in keep:
            kept[k] = x
    return Trajectories(torch.as_tensor(at * step), torch.stack([kept[k] for k in at.tolist()]))
