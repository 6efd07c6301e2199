"""Ensembles of a circuit: noise, initial states, growth, and cells that are each measured at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from landscape.circuits.circuit import OTHER, Circuit
from landscape.circuits.kinetics import HillCube
from landscape.circuits.targets import Targets
from landscape.dynamics.sde import Diffusion, integrate

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
        """Diffusion for :func:`landscape.dynamics.integrate`; a knocked-out gene has no noise."""
        if self.kind == "constant":
            removed = [i for i, level in drift.held.items() if level == 0]
            diagonal = torch.full_like(drift.time_scale, self.size).index_fill(0, torch.tensor(removed).long(), 0.0)
            return lambda x: diagonal.expand_as(x)
        return lambda x: drift.chemical_diffusion(x, self.size)

    def spread(self, level: Tensor, time_scale: Tensor) -> Tensor:
        r"""Standard deviation of a gene with a constant production rate: :math:`\sqrt{x/\Omega}` or :math:`\sqrt{D\tau}`."""
        if self.kind == "constant":
            return torch.sqrt(self.size * time_scale) * torch.ones_like(level)
        return torch.sqrt(level / self.size)


def noise_of(
    circuit: Circuit, noise: Literal["chemical", "constant"], system_size: float | None, diffusion: float | None
) -> Noise:
    """Noise from the arguments of a public function, by default with the size of the circuit."""
    if noise not in ("chemical", "constant"):
        msg = f"Expected `noise` to be 'chemical' or 'constant', found {noise!r}."
        raise ValueError(msg)
    used, other, default = ("system_size", diffusion, circuit.system_size)
    value = system_size
    if noise == "constant":
        used, other, value, default = ("diffusion", system_size, diffusion, circuit.diffusion)
    if other is not None:
        msg = f"With `noise={noise!r}` only `{used}` has a meaning; omit the other one."
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
        State of each cell at its measurement, shape ``(n, d)``.
    targets
        Levels of its target genes at its measurement, shape ``(n, t)``.
    final
        State at the end if it were not measured, shape ``(n, d)``.
    """

    states: Tensor
    targets: Tensor
    final: Tensor


def start_states(circuit: Circuit, n: int, noise: Noise, rng: np.random.Generator, held: Mapping[str, float]) -> Tensor:
    """Initial states: each gene fluctuates around its level as with a constant production rate."""
    mean = circuit.initial_state(levels=held).expand(n, -1)
    spread = noise.spread(mean, circuit.vector("time_scale"))
    normal = torch.as_tensor(rng.standard_normal(tuple(mean.shape)))
    # A gene that is off, or knocked out, has no copies.
    return torch.where(mean > 0, (mean + spread * normal).abs(), mean)


def simulate_ensemble(
    drift: HillCube,
    start: Tensor,
    times: np.ndarray,
    targets: Targets,
    *,
    noise: Noise,
    step: float,
    n_steps: int,
    rng: np.random.Generator,
    growth: Growth | None = None,
    stride: int = 2,
) -> Ensemble:
    """Simulate cells to the end and record each at its own time.

    Parameters
    ----------
    drift, start
        Drift and initial states, shape ``(n, d)``.
    times
        Step number at which each cell is measured, ascending, shape ``(n,)``.
    targets
        Target genes, initially in equilibrium with the initial state.
    noise, step, n_steps
        Noise, time step, and number of steps to the time at which fates are classified.
    rng
        Generator.
    growth
        Net growth rate of states ``(n, d) -> (n,)``. The cells of one time point are then a population of constant
        size, in which every step draws offspring in proportion to growth (systematic resampling). Cells do not divide
        after their measurement.
    stride
        Steps between updates of the targets.
    """
    x, states, y = start.clone(), start.clone(), targets.level(drift.gates(start))
    diffusion = noise.diffusion(drift)
    path = integrate(drift, x, diffusion=diffusion, step=step, rng=rng, lower=0.0)
    cohorts = [np.flatnonzero(times == k) for k in np.unique(times)]
    stops = {int(k) for k in times}
    anchor, since = x, 0
    for k in range(1, max(n_steps, int(times.max())) + 1):
        first = int(np.searchsorted(times, k))
        if growth is not None and first < len(times):
            parents = _resample(growth(x) * step, [c for c in cohorts if c[0] >= first], rng)
            x, anchor, y = x[parents], anchor[parents], y[parents]
            path = integrate(drift, x, diffusion=diffusion, step=step, rng=rng, lower=0.0)
        x = next(path)
        if first < len(times) and (k % stride == 0 or k in stops):
            # Exact relaxation towards the level at the middle of the interval: second order in its length.
            aim = targets.level(drift.gates(0.5 * (anchor[first:] + x[first:])))
            y[first:] = aim + (y[first:] - aim) * torch.exp(-(k - since) * step / targets.time_scale)
            anchor, since = x, k
        if k in stops:
            last = int(np.searchsorted(times, k, side="right"))
            states[first:last] = x[first:last]
    return Ensemble(states, y, x)


def _resample(log_weight: Tensor, cohorts: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Parents of the next generation, by systematic resampling within each cohort."""
    parents = np.arange(len(log_weight))
    for cohort in cohorts:
        weight = np.exp(log_weight[cohort].numpy())
        edges = np.cumsum(weight) / weight.sum() * len(cohort)
        picks = np.searchsorted(edges, np.arange(len(cohort)) + rng.random())
        parents[cohort] = cohort[np.minimum(picks, len(cohort) - 1)]
    return parents


def growth_rate(circuit: Circuit, growth: Mapping[str, float] | Growth | None) -> Growth | None:
    """Growth rate as a function of states; rates by fate apply to the states that :meth:`Circuit.classify` assigns to it.

    Raises
    ------
    ValueError
        If a fate is unknown or a rate not finite.
    """
    if growth is None or callable(growth):
        return growth
    known = [*circuit.fates, OTHER]
    if unknown := sorted(set(growth) - set(known)):
        msg = f"Unknown fates {unknown} in `growth`; circuit {circuit.name!r} has {known}."
        raise ValueError(msg)
    rates = {name: float(rate) for name, rate in growth.items()}
    if bad := {name: rate for name, rate in rates.items() if not np.isfinite(rate)}:
        msg = f"Expected finite growth rates, found {bad}."
        raise ValueError(msg)

    def rate(x: Tensor) -> Tensor:
        return torch.tensor([rates.get(fate, 0.0) for fate in circuit.classify(x)], dtype=torch.float64)

    return rate


def require_positive(**values: float) -> None:
    """Raise unless all numbers are positive and finite."""
    for name, value in values.items():
        if not 0 < value < np.inf:
            msg = f"Expected `{name}` to be positive and finite, found {value}."
            raise ValueError(msg)


def require_whole(minimum: int, **values: int) -> None:
    """Raise unless all numbers are integers of at least ``minimum``."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            msg = f"Expected `{name}` to be a whole number, found {value!r}."
            raise TypeError(msg)
        if value < minimum:
            msg = f"Expected `{name}` to be at least {minimum}, found {value}."
            raise ValueError(msg)
