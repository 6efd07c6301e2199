"""Paths of one model with many clamps and pulses at once, under one noise, and the rest states to which they relax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics import GeneModel, RegulatoryDrift
from landscape.dynamics.sde import Noise, noise_factor
from landscape.perturbation.clamps import (
    Clamp,
    edges_of,
    genes_of,
    held_last,
    held_throughout,
    last_release,
    level_of,
    release_of,
)

# Numbers in the states that are simulated at once (2 MB): whole clamps up to this size, since the operations on one array
# follow one another and a small one stays in the cache.
CHUNK_NUMBERS = 2**18
# Numbers of noise that are kept for the next clamps and models (256 MB); beyond, they are drawn again.
MAX_NOISE_NUMBERS = 2**25
# A path has settled when its distance from rest is below this share of the reach of a fate. The distance is estimated by the
# rate at which steps become shorter, looked at every few steps, and the path is carried over it, so that the rest state is
# far more accurate than that.
NEARNESS, STEPS_PER_LOOK = 1e-2, 5
# Lifetimes after which a path that has not settled has no rest state: a hundred times what an isolated gene takes to halve
# its distance six times.
MAX_LIFETIMES = 400.0


@dataclass(frozen=True, eq=False)
class ClampedPaths:
    """Paths of a model with some clamps.

    Attributes
    ----------
    first
        Position of the first of these clamps.
    path
        States at the times that are kept, the last of them the end, shape ``(t, c, n, d)``.
    rest
        States to which the paths relax without noise, shape ``(c, n, d)``.
    settled
        Whether a path comes to rest, shape ``(c, n)``.
    pulsed
        Positions of the clamps with a pulse, among these.
    rest_held, settled_held
        The same for these clamps, from their last release on but with the genes still held.
    """

    first: int
    path: Tensor
    rest: Tensor
    settled: NDArray[np.bool_]
    pulsed: tuple[int, ...]
    rest_held: Tensor
    settled_held: NDArray[np.bool_]


def clamped_paths(
    model: GeneModel,
    clamps: Sequence[Clamp],
    start: Tensor,
    *,
    n_steps: int,
    step: float,
    n_times: int,
    reach: float,
    noise: CommonNoise,
    single: bool = False,
) -> Iterator[ClampedPaths]:
    r"""Simulate a model with each of several clamps from one start and under one noise, and relax the ends.

    Clamped genes have their levels and no noise. All others follow the Euler-Maruyama scheme of
    :func:`landscape.dynamics.integrate` with the same numbers, and then the noise-free flow in exponential Euler steps,

    .. math:: x_i \leftarrow x_i + \frac{1 - e^{-\gamma_i h}}{\gamma_i} f_i(x),

    which are exact in the decay and have the fixed points of the drift. A gene that is released follows the model from its
    level on; times of release are rounded to whole steps, at least one.

    Parameters
    ----------
    model
        The model.
    clamps
        Level of each clamped gene, by position, or its level and the time for which it is held; an empty one for the model
        itself.
    start
        Start of the paths, shape ``(n, d)``.
    n_steps, step
        Number of steps with noise, and length of all steps.
    n_times
        Number of times to keep, equally spaced, with the end; ``n_steps`` is a multiple of it.
    reach
        Distance by which fates are told apart (:attr:`References.reach`), in units of the state.
    noise
        Noise of the paths.
    single
        Compute in single precision, in half of the time. Rounding, 1e-7 of a level, is far below the error of a step.

    Yields
    ------
    Paths of some of the clamps, in order.
    """
    size = max(1, CHUNK_NUMBERS // start.numel())
    drift = replace(model.drift, held={})
    if single:
        drift, start = _in_single(drift), start.float()
    for first in range(0, len(clamps), size):
        every = [{**model.drift.held, **clamp} for clamp in clamps[first : first + size]]
        hold, field = _Hold(every, start.shape[1], step), _Field(drift, every)
        path, released = _simulate(model, field, hold, start, n_steps=n_steps, step=step, n_times=n_times, noise=noise)
        tolerance = NEARNESS * reach
        rest, settled = _relax(field, hold.free, path[-1].clone(), step=step, tolerance=tolerance)
        pulsed = tuple(sorted(released))
        held, held_settled = torch.empty((0, *start.shape), dtype=torch.float64), torch.empty((0, len(start)))
        if pulsed:
            last = cast("list[Clamp]", [held_last(every[c]) for c in pulsed])
            free = _Hold(last, start.shape[1], step).free
            held, held_settled = _relax(
                _Field(drift, [every[c] for c in pulsed]),
                free,
                torch.stack([released[c] for c in pulsed]),
                step=step,
                tolerance=tolerance,
            )
        yield ClampedPaths(first, path, rest, settled.numpy(), pulsed, held, held_settled.numpy().astype(bool))


def _in_single(drift: RegulatoryDrift) -> RegulatoryDrift:
    """Drift in single precision; one that is no regulatory drift stays as it is."""
    if not isinstance(drift, RegulatoryDrift):
        return drift
    numbers: dict[str, Any] = {
        one.name: value.float() for one in fields(drift) if isinstance(value := getattr(drift, one.name), Tensor)
    }
    return replace(drift, **numbers)


class CommonNoise:
    """Noise of an ensemble, the same at every iteration; one standard normal number for each path and gene a step.

    Parameters
    ----------
    seed
        Seed.
    n, dimension, n_steps
        Number of paths, genes and steps.
    """

    def __init__(self, seed: int, n: int, dimension: int, n_steps: int) -> None:
        self.seed, self.shape, self.n_steps = seed, (n, dimension), n_steps
        self.keep = n * dimension * n_steps <= MAX_NOISE_NUMBERS
        self.kept: list[Tensor] = []

    def __iter__(self) -> Iterator[Tensor]:
        """Iterate over the steps, shape ``(n, d)`` each."""
        if len(self.kept) == self.n_steps:
            yield from self.kept
            return
        draw, drawn = Noise(self.seed, *self.shape, first=0, device=torch.device("cpu")), list[Tensor]()
        for _ in range(self.n_steps):
            xi = draw()
            if self.keep:
                drawn.append(xi)
            if len(drawn) == self.n_steps:
                self.kept = drawn
            yield xi


class _Field:
    """Drift of several clamps at once; only the targets of edges that are held have a velocity of their own."""

    def __init__(self, drift: RegulatoryDrift, clamps: Sequence[Clamp]) -> None:
        self.drift, self.decay = drift, drift.decay
        self.edited = {
            k: (drift.edges_at(edges), sorted({target for _, target in edges}))
            for k, clamp in enumerate(clamps)
            if (edges := edges_of(clamp))
        }

    def __call__(self, rows: Tensor, clamp: Tensor) -> Tensor:
        """Velocity of states ``(r, d)``, each of the clamp of this number, ``(r,)``."""
        velocity = self.drift(rows)
        for k, (edited, targets) in self.edited.items():
            of = torch.nonzero(clamp == k)[:, 0]
            x = rows[of]
            inputs = edited.response(x) @ edited.weights[targets].T + (edited.bias + edited.signal)[targets]
            production = edited.ceiling[targets] * torch.sigmoid(inputs)
            velocity[of[:, None], torch.tensor(targets)] = production - self.decay[targets] * x[:, targets]
        return velocity


class _Hold:
    """Levels of the clamped genes of several clamps, and the steps for which they are held."""

    def __init__(self, clamps: Sequence[Clamp], dimension: int, step: float) -> None:
        self.n_clamps = len(clamps)
        pairs = [
            (k, gene, level_of(v), release_of(v))
            for k, clamp in enumerate(clamps)
            for gene, v in genes_of(clamp).items()
        ]
        self.clamp, self.gene = (torch.tensor([p[i] for p in pairs], dtype=torch.long) for i in (0, 1))
        self.level = torch.tensor([p[2] for p in pairs], dtype=torch.float64)
        # Step after which a gene is released, and the last such step of each clamp.
        self.until = torch.tensor([max(1.0, round_to(p[3], step)) for p in pairs], dtype=torch.float64)
        self.release = {k: max(1, int(round_to(t, step))) for k, c in enumerate(clamps) if (t := last_release([c]))}
        self.free = torch.ones((len(clamps), dimension), dtype=torch.float64)
        for k, clamp in enumerate(clamps):
            self.free[k, list(held_throughout(clamp))] = 0.0

    def __call__(self, x: Tensor, k: int) -> Tensor:
        """Set the genes that are clamped after ``k`` steps to their levels, in place; states have shape ``(c, n, d)``."""
        if not len(self.level):
            return x
        on = slice(None) if not self.release else self.until >= k
        x[self.clamp[on], :, self.gene[on]] = self.level[on, None].to(x.dtype)
        return x


def round_to(time: float, step: float) -> float:
    """Time in whole steps; infinity stays."""
    return time if time == np.inf else float(round(time / step))


def _simulate(
    model: GeneModel,
    field: _Field,
    hold: _Hold,
    start: Tensor,
    *,
    n_steps: int,
    step: float,
    n_times: int,
    noise: CommonNoise,
) -> tuple[Tensor, dict[int, Tensor]]:
    """States at the times that are kept, and those of each clamp with a pulse at its last release."""
    n, d = start.shape
    factor = noise_factor(model.diffusion, d)
    x = hold(start.repeat(hold.n_clamps, 1, 1), 0)
    clamp = torch.arange(hold.n_clamps).repeat_interleave(n)
    kept, released = [], dict[int, Tensor]()
    for k, xi in enumerate(islice(noise, n_steps), 1):
        rows = x.view(-1, d)
        xi = xi.to(rows.dtype)
        if callable(model.diffusion):
            increment = factor(rows, xi.repeat(hold.n_clamps, 1)).view(x.shape)
        else:
            increment = factor(xi, xi)
        x = torch.add(x, field(rows, clamp).view(x.shape), alpha=step).add_(increment, alpha=step**0.5)
        if model.lower is not None:
            x.sub_(model.lower).abs_().add_(model.lower)
        x = hold(x, k)
        released.update({c: x[c].clone() for c, last in hold.release.items() if last == k})
        if k % (n_steps // n_times) == 0:
            kept.append(x)
    if bad := int((~torch.isfinite(x)).any(-1).sum()):
        msg = f"Expected paths that stay finite, found {bad} of {n * hold.n_clamps} that do not; a drift may be unbounded."
        raise ValueError(msg)
    return torch.stack(kept), released


def _relax(field: _Field, freedom: Tensor, x: Tensor, *, step: float, tolerance: float) -> tuple[Tensor, Tensor]:
    """Rest states of the flow of the free genes of each clamp, ``(c, d)``, and whether they are ones; ``x`` is changed."""
    c, n, d = x.shape
    out, settled = x.view(-1, d), torch.zeros(c * n, dtype=torch.bool)
    gain = -torch.expm1(-field.decay * step) / field.decay
    clamp = torch.arange(c).repeat_interleave(n)
    rows, free = torch.arange(c * n), (freedom * gain).to(x.dtype).repeat_interleave(n, 0)
    now = out.clone()
    for k in range(1, int(MAX_LIFETIMES / (step * float(field.decay.max()))) + 1):
        moved = field(now, clamp).mul_(free)
        now.add_(moved)
        if k % STEPS_PER_LOOK == STEPS_PER_LOOK - 1:
            before = torch.linalg.vector_norm(moved, dim=1) / d**0.5
        if k % STEPS_PER_LOOK:
            continue
        length = torch.linalg.vector_norm(moved, dim=1) / d**0.5
        # Steps that shrink by a factor r from one to the next still have r / (1 - r) of the last one to go.
        shrinks = length < before
        ahead = torch.where(shrinks, length / (before - length).clamp_min(TINY), torch.inf)
        rest = (length == 0) | (shrinks & (length * ahead <= tolerance))
        if rest.any():
            out[rows[rest]] = now[rest].addcmul_(moved[rest], torch.where(length > 0, ahead, 0.0)[rest, None])
            settled[rows[rest]] = True
            rows, now, free, clamp = rows[~rest], now[~rest], free[~rest], clamp[~rest]
            if not len(rows):
                break
    out[rows] = now
    return out.view(c, n, d), settled.view(c, n)
