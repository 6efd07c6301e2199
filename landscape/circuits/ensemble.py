"""Ensembles of a circuit: cells that are measured once, and the fates that they would have reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from landscape._random import RandomLike, generator, seed_of
from landscape.circuits.circuit import OTHER, Circuit
from landscape.circuits.kinetics import HillCube
from landscape.circuits.readout import Targets
from landscape.dynamics.sde import Diffusion, walk

Growth = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Noise:
    """Noise of a circuit.

    Attributes
    ----------
    kind
        ``"chemical"`` (chemical Langevin) or ``"constant"``.
    size
        System size for chemical noise, diffusion for constant noise.
    """

    kind: Literal["chemical", "constant"]
    size: float

    def diffusion(self, drift: HillCube) -> Diffusion:
        """Diffusion for :func:`landscape.dynamics.walk`."""
        if self.kind == "constant":
            return self.size
        return lambda x: drift.chemical_diffusion(x, self.size)

    def spread(self, level: Tensor, time_scale: Tensor) -> Tensor:
        r"""Standard deviation of a gene that is made at a constant rate: :math:`\sqrt{x/\Omega}` or :math:`\sqrt{D\tau}`."""
        if self.kind == "constant":
            return torch.sqrt(self.size * time_scale) * torch.ones_like(level)
        return torch.sqrt(level / self.size)


def noise_of(
    circuit: Circuit, noise: Literal["chemical", "constant"], system_size: float | None, diffusion: float | None
) -> Noise:
    """Noise from the arguments of a public function, with the circuit's own size by default."""
    if noise not in ("chemical", "constant"):
        msg = f"Expected `noise` to be 'chemical' or 'constant', found {noise!r}."
        raise ValueError(msg)
    used, other, default = ("system_size", diffusion, circuit.system_size)
    value = system_size
    if noise == "constant":
        used, other, value, default = ("diffusion", system_size, diffusion, circuit.diffusion)
    if other is not None:
        msg = f"With `noise={noise!r}` only `{used}` has a meaning; drop the other one."
        raise ValueError(msg)
    value = default if value is None else value
    if not 0 < value < np.inf:
        msg = f"Expected `{used}` to be positive and finite, found {value}."
        raise ValueError(msg)
    return Noise(noise, float(value))


@dataclass(frozen=True)
class Ensemble:
    """Cells of one simulation, in the order of ``times``.

    Attributes
    ----------
    states
        State of each cell when it is measured, shape ``(n, d)``.
    targets
        Levels of its target genes then, shape ``(n, t)``.
    final
        State that it would have reached at the end, shape ``(n, d)``.
    """

    states: Tensor
    targets: Tensor
    final: Tensor


def start_states(circuit: Circuit, n: int, noise: Noise, rng: np.random.Generator, held: Mapping[str, float]) -> Tensor:
    """Initial states: each gene fluctuates around its level as it would if it were made at a constant rate."""
    mean = circuit.initial_state(levels=held).expand(n, -1)
    spread = noise.spread(mean, circuit.vector("time_scale", 1.0))
    normal = torch.as_tensor(rng.standard_normal(tuple(mean.shape)))
    # A gene that is off has no copies, and a knocked-out one never any.
    return torch.where(mean > 0, (mean + spread * normal).abs(), mean)


def follow(
    drift: HillCube,
    start: Tensor,
    times: np.ndarray,
    targets: Targets,
    *,
    noise: Noise,
    duration: float,
    step: float,
    rng: np.random.Generator,
    growth: Growth | None = None,
    stride: int = 2,
) -> Ensemble:
    """Walk cells to the end, reading each at its own time.

    Parameters
    ----------
    drift, start
        Drift and initial states, shape ``(n, d)``.
    times
        Time at which each cell is measured, ascending.
    targets
        Target genes; they start in equilibrium with the initial state.
    noise, step, duration
        Noise, time step and the time at which fates are read.
    rng
        Generator.
    growth
        Net growth rate of states ``(n, d) -> (n,)``. The cells of one time point are then a population of constant
        size: in every ``stride`` steps each gets as many offspring as its growth makes it worth (systematic
        resampling). Cells stop to divide when they are measured.
    stride
        Steps between updates of the targets and of the population.
    """
    at = np.round(times / step / stride).astype(int)
    n_rounds = max(round(duration / step / stride), int(at.max(initial=0)))
    dt = step * stride
    decay = torch.exp(-dt / targets.time_scale)
    x = start.clone()
    y = targets.level(drift.gates(x))
    states = x.clone()
    diffusion = noise.diffusion(drift)
    path = walk(drift, x, diffusion=diffusion, step=step, rng=rng, lower=0.0)
    cohorts = [np.flatnonzero(at == k) for k in np.unique(at)]
    for k in range(1, n_rounds + 1):
        first = int(np.searchsorted(at, k))
        if growth is not None and first < len(at):
            parents = _resample(growth(x) * dt, [c for c in cohorts if c[0] >= first], rng)
            x, y = x[parents], torch.cat([y[:first], y[parents[first:]]])
            path = walk(drift, x, diffusion=diffusion, step=step, rng=rng, lower=0.0)
        for _ in range(stride):
            before, x = x, next(path)
        if first < len(at):
            aim = targets.level(drift.gates(0.5 * (before[first:] + x[first:])))
            y[first:] = aim + (y[first:] - aim) * decay
            last = int(np.searchsorted(at, k, side="right"))
            states[first:last] = x[first:last]
    return Ensemble(states, y, x)


def _resample(log_weight: Tensor, cohorts: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Parents of the next round: systematic resampling within each cohort."""
    parents = np.arange(len(log_weight))
    for cohort in cohorts:
        weight = np.exp(log_weight[cohort].numpy())
        edges = np.cumsum(weight) / weight.sum() * len(cohort)
        picks = np.searchsorted(edges, np.arange(len(cohort)) + rng.random())
        parents[cohort] = cohort[np.minimum(picks, len(cohort) - 1)]
    return parents


def fate_shares(
    circuit: Circuit,
    *,
    knockouts: Iterable[str] = (),
    levels: Mapping[str, float] | None = None,
    n: int = 2000,
    duration: float | None = None,
    noise: Literal["chemical", "constant"] = "chemical",
    system_size: float | None = None,
    diffusion: float | None = None,
    step: float = 0.05,
    rng: RandomLike = 0,
) -> pd.Series:
    r"""Share of trajectories from the initial state that end in each fate.

    Parameters
    ----------
    circuit
        The circuit.
    knockouts, levels
        Genes without production, and levels at which production is held.
    n
        Number of trajectories; the standard error of a share :math:`p` is :math:`\sqrt{p(1-p)/n}`.
    duration
        Time at which fates are read; by default the circuit's.
    noise, system_size, diffusion
        ``"chemical"`` noise of a system size, or ``"constant"`` noise of a diffusion; by default the circuit's.
    step
        Time step of Euler-Maruyama.
    rng
        Seed or generator.

    Returns
    -------
    Shares, indexed by the fates and ``"other"``; they sum to 1.
    """
    positive("n", n)
    states = circuit.initial_state(knockouts, levels)[None]
    table = _absorbed(
        circuit,
        states,
        n,
        spread=True,
        noise=noise_of(circuit, noise, system_size, diffusion),
        held=circuit.held(knockouts, levels),
        duration=duration,
        step=step,
        rng=generator(rng),
    )
    return pd.Series(table[0], index=[*circuit.fates, OTHER], name="share")


def committor_of_states(
    states: np.ndarray | Tensor,
    circuit: Circuit,
    *,
    n_replicates: int,
    noise: Noise,
    held: Mapping[str, float],
    duration: float | None,
    step: float,
    rng: RandomLike,
) -> np.ndarray:
    """Share of replicates of each state that end in each fate and in none, shape ``(n, n_fates + 1)``."""
    x = torch.as_tensor(np.asarray(states), dtype=torch.float64)
    if x.ndim != 2 or x.shape[1] != len(circuit.genes) or not torch.isfinite(x).all() or (x < 0).any():
        msg = f"Expected finite states of shape (n, {len(circuit.genes)}), not negative, found {tuple(x.shape)}."
        raise ValueError(msg)
    positive("n_replicates", n_replicates)
    return _absorbed(
        circuit,
        x,
        n_replicates,
        spread=False,
        noise=noise,
        held=held,
        duration=duration,
        step=step,
        rng=generator(rng),
    )


def _absorbed(
    circuit: Circuit,
    states: Tensor,
    n: int,
    *,
    spread: bool,
    noise: Noise,
    held: Mapping[str, float],
    duration: float | None,
    step: float,
    rng: np.random.Generator,
) -> np.ndarray:
    duration = circuit.duration if duration is None else duration
    positive("duration", duration)
    positive("step", step)
    drift = circuit.drift(levels=held)
    start = start_states(circuit, n, noise, rng, held) if spread else states.repeat_interleave(n, 0)
    x = start
    path = walk(drift, start, diffusion=noise.diffusion(drift), step=step, rng=seed_of(rng), lower=0.0)
    for _ in range(round(duration / step)):
        x = next(path)
    found = circuit.classify(x).reshape(len(states), n)
    return np.stack([(found == name).mean(1) for name in [*circuit.fates, OTHER]], axis=1)


def positive(name: str, value: float) -> None:
    """Refuse a number that is not positive and finite."""
    if not 0 < value < np.inf:
        msg = f"Expected `{name}` to be positive and finite, found {value}."
        raise ValueError(msg)
