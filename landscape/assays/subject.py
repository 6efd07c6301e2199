"""What assays look at: a model, its replicates, its rewired twins, and the cells that it is a model of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike, generator, seed_of
from landscape.assays.rewires import has_network, rewired
from landscape.circuits import Circuit
from landscape.dynamics import Model, jacobian
from landscape.topography.field import field_around
from landscape.topography.fixed_points.newton import newton

FloatArray = NDArray[np.float64]

# Grades from the most informative to the least.
GRADES = ("A", "B", "C", "D")
# Lifetimes in which the flow comes to rest, and those after which it is looked whether it has: where a state moves by less than this share of the
# spread of cells in a lifetime.
REST, CHECK, STILL = 40.0, 4.0, 1e-4
# Steps of the classical Runge-Kutta scheme in the shortest lifetime: over one lifetime the decay of a gene alone is off by a ten-thousandth.
STEPS_PER_LIFETIME = 2.5
# Cells and random states from which attractors are sought.
N_STARTS, N_RANDOM = 60, 60
# Distance below which two attractors are one, and up to which Newton's method may move the end of a flow, over the spread of cells; its tolerance and steps.
SAME, NEWTON, NEWTON_STEPS = 0.01, 1e-9, 50
# Quantiles of the levels of cells between which levels count as observed.
OBSERVED = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Subject:
    """A model beside the cells that it is a model of, as assays take it.

    Parameters
    ----------
    model
        Drift and noise.
    cells
        States of cells, shape ``(n, d)``: what levels are observed, and where random ones are drawn from.
    memories
        Stable phenotypes that cells show, shape ``(k, d)``: the fates of a circuit, the observed attractors of a fit.
    names
        Names of the memories.
    start
        States with which development begins, shape ``(m, d)``; ``None``: not known.
    ensemble
        Replicates of the model. ``None``: the model is known, as that of a circuit, and its numbers are exact up to the error of simulation. Empty: it was
        fitted without replicates, so that its numbers have no interval.
    grade
        What the direction of a fit identifies, A to D.
    times
        Time of each cell, shape ``(n,)``.
    duration
        Time in which cells develop, in the unit of the model; by default twelve lifetimes.
    barriers
        Heights between memories, shape ``(k, k)``, from row to column.
    fixed
        Parts of the model that the fit sets and the data do not: ``"decay"``, ``"symmetry"``.
    extras
        What some assays need beside these: ``"coder"`` (:class:`landscape.assays.Coder`), ``"targets"`` (:class:`landscape.assays.Targets`), and
        ``"barrier_interval"``, the lower and upper ends of ``barriers``.
    refused
        Why nothing can be concluded from these data at all; empty where it can.

    Raises
    ------
    ValueError
        If shapes do not match, a value is not finite, or the grade is unknown.
    """

    model: Model[Any]
    cells: FloatArray
    memories: FloatArray
    names: tuple[str, ...] = ()
    start: FloatArray | None = None
    ensemble: tuple[Model[Any], ...] | None = None
    grade: str = "A"
    times: FloatArray | None = None
    duration: float | None = None
    barriers: FloatArray | None = None
    fixed: frozenset[str] = frozenset()
    refused: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("cells", "memories", "start"):
            value = getattr(self, name)
            if value is None:
                continue
            found = np.array(value, dtype=float, ndmin=2)
            if found.ndim != 2 or found.shape[1] != (self.model.n_variables or found.shape[1]):
                msg = f"Expected `{name}` of shape (n, {self.model.n_variables}), found {found.shape}."
                raise ValueError(msg)
            if not np.isfinite(found).all():
                msg = f"Expected finite `{name}`, found {int((~np.isfinite(found)).any(1).sum())} states that are not."
                raise ValueError(msg)
            object.__setattr__(self, name, found)
        if self.grade not in GRADES:
            msg = f"Expected a grade out of {GRADES}, found {self.grade!r}."
            raise ValueError(msg)
        if not self.names:
            object.__setattr__(self, "names", tuple(f"state {k + 1}" for k in range(len(self.memories))))
        if len(self.names) != len(self.memories):
            msg = f"Expected a name for each of {len(self.memories)} memories, found {len(self.names)}."
            raise ValueError(msg)
        object.__setattr__(self, "_rewires", [])

    @classmethod
    def of_circuit(cls, circuit: Circuit, *, n_cells: int = 600, rng: RandomLike = 0, **options: Any) -> Subject:
        """A circuit with its truth: its fates are the memories, and cells are drawn from its own paths at random times.

        Parameters
        ----------
        circuit
            Circuit with fates.
        n_cells
            Number of cells.
        rng
            Seed.
        options
            Further fields of the record, such as another ``model`` beside the cells of this circuit.
        """
        random = generator(rng)
        drift = circuit.drift()
        scale = float(circuit.vector("time_scale").min())
        model = Model(drift, circuit.diffusion / 2, circuit.genes, max_step=0.2 * scale)
        begin = circuit.initial_state().numpy()
        spread = np.sqrt(circuit.diffusion) * random.standard_normal((n_cells, len(begin))) * (begin > 0)
        start = np.abs(begin + spread)
        save = np.linspace(0, circuit.duration, 21)
        path = model.simulate(
            start, duration=circuit.duration, step=circuit.duration / 400, save_at=save.tolist(), rng=random
        )
        chosen = random.integers(len(save), size=n_cells)
        cells = path.states.numpy()[chosen, np.arange(n_cells)]
        given: dict[str, Any] = {
            "model": model,
            "cells": cells,
            "memories": circuit.fate_states.to_numpy(dtype=float),
            "names": tuple(map(str, circuit.fate_states.index)),
            "start": start[: n_cells // 3],
            "times": save[chosen],
            "duration": circuit.duration,
        }
        return cls(**{**given, **options})

    @cached_property
    def view(self) -> View:
        """The model itself."""
        return View(self.model, self)

    @cached_property
    def replicates(self) -> list[View]:
        """Replicates of the model; empty where it is known or has none."""
        return [View(model, self) for model in self.ensemble or ()]

    def rewires(self, n: int, rng: RandomLike = 0) -> list[View]:
        """Models with rewired networks beside the same cells; the same for every assay, since they are kept.

        Parameters
        ----------
        n
            Number of them.
        rng
            Seed of the first call.
        """
        kept: list[View] = self._rewires  # type: ignore[attr-defined]
        seed = seed_of(rng)
        while len(kept) < n:
            random = np.random.default_rng((seed, len(kept)))
            kept.append(View(rewired(self.model, self.cells, random), self))
        return kept[:n]

    @property
    def has_network(self) -> bool:
        """Whether there is a network to rewire."""
        return has_network(self.model)


@dataclass(frozen=True, eq=False)
class View:
    """One model beside the cells of a subject: the model itself, a replicate, or a rewired twin."""

    model: Model[Any]
    subject: Subject

    @property
    def memories(self) -> FloatArray:
        """Memories of the subject."""
        return self.subject.memories

    def cells(self, n: int, rng: np.random.Generator) -> FloatArray:
        """States of cells drawn with replacement, shape ``(n, d)``."""
        return self.subject.cells[rng.integers(len(self.subject.cells), size=n)]

    @cached_property
    def levels(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest observed level of each gene."""
        low, high = np.quantile(self.subject.cells, OBSERVED, axis=0)
        return low, high

    @cached_property
    def rates(self) -> FloatArray:
        """Rate at which each gene alone decays, shape ``(d,)``."""
        drift = self.model.drift
        if hasattr(drift, "decay"):
            return np.asarray(drift.decay, dtype=float)
        if hasattr(drift, "time_scale"):
            return 1.0 / np.asarray(drift.time_scale, dtype=float)
        at = torch.as_tensor(self.memories)
        return np.abs(np.diagonal(jacobian(drift, at).numpy(), axis1=1, axis2=2)).mean(0)

    @property
    def lifetime(self) -> float:
        """Longest lifetime of a gene."""
        return float(1.0 / self.rates.min())

    @property
    def duration(self) -> float:
        """Time in which cells develop."""
        return 12.0 * self.lifetime if self.subject.duration is None else self.subject.duration

    def flow(self, states: ArrayLike, duration: float) -> FloatArray:
        """States after a time without noise, by the classical Runge-Kutta scheme."""
        x = torch.as_tensor(np.asarray(states, dtype=float))
        return runge_kutta(self.model.drift, x, duration, self.n_steps(duration)).numpy()

    def n_steps(self, duration: float) -> int:
        """Number of steps of a time."""
        return max(1, int(np.ceil(duration * self.rates.max() * STEPS_PER_LIFETIME)))

    def settle(self, states: ArrayLike) -> FloatArray:
        """Where the flow takes states in forty lifetimes, shape ``(n, d)``."""
        return self.rest(self.model.drift, np.asarray(states, dtype=float))

    def rest(self, drift: Any, states: FloatArray, *, lifetimes: float = REST, together: bool = False) -> FloatArray:
        """Where the flow of another drift, with the rates of this model, takes states; those at rest are followed no further.

        Parameters
        ----------
        drift
            The drift.
        states
            States, shape ``(n, d)``.
        lifetimes
            Longest time, in longest lifetimes of a gene.
        together
            Whether rows cannot be taken apart, because the drift is another one in each of them.
        """
        x = torch.as_tensor(states.copy())
        span = CHECK * self.lifetime
        low, high = self.levels
        still = STILL * float(np.linalg.norm(high - low)) * float(self.rates.min())
        rows = torch.arange(len(x))
        for _ in range(int(np.ceil(lifetimes / CHECK))):
            x[rows] = runge_kutta(drift, x[rows], span, self.n_steps(span))
            with torch.no_grad():
                moving = torch.linalg.vector_norm(drift(x[rows]), dim=1) > still
            if not moving.any():
                break
            rows = rows if together else rows[moving]
        return x.numpy()

    def nearest(self, states: ArrayLike) -> NDArray[np.int64]:
        """Memory nearest to each state, shape ``(n,)``."""
        apart = np.linalg.norm(np.asarray(states)[:, None] - self.memories[None], axis=2)
        return apart.argmin(1)

    def rest_points(self, starts: ArrayLike) -> FloatArray:
        """Attractor to which the flow takes each start, exact by Newton's method; NaN where it comes to no rest, shape ``(n, d)``."""
        ends = torch.as_tensor(self.settle(starts))
        field = field_around(self.model.drift, ends)
        run = newton(field, field.inside(ends), tolerance=NEWTON, max_steps=NEWTON_STEPS)
        found = field.outside(run.y)
        low, high = self.levels
        moved = torch.linalg.vector_norm(found - ends, dim=1) > SAME * float(np.linalg.norm(high - low))
        growth = torch.linalg.eigvals(
            jacobian(self.model.drift, torch.where(run.converged[:, None], found, ends))
        ).real.amax(1)
        bad = ~run.converged | moved | (growth >= 0)
        return torch.where(bad[:, None], torch.nan, found).numpy()

    def distinct(self, points: FloatArray) -> FloatArray:
        """Points without those that are not known and those that repeat an earlier one, shape ``(m, d)``."""
        low, high = self.levels
        same = SAME * float(np.linalg.norm(high - low))
        kept: list[FloatArray] = []
        for point in points[np.isfinite(points).all(1)]:
            if all(np.linalg.norm(point - other) > same for other in kept):
                kept.append(point)
        return np.array(kept).reshape(-1, points.shape[1])

    @cached_property
    def attractors(self) -> FloatArray:
        """Attractors that the flow reaches from memories, cells and random states between the observed levels, shape ``(a, d)``."""
        random = np.random.default_rng(0)
        low, high = self.levels
        box = random.uniform(low, high, (N_RANDOM, len(low)))
        return self.distinct(np.vstack([self.own, self.rest_points(np.vstack([self.cells(N_STARTS, random), box]))]))

    @cached_property
    def own(self) -> FloatArray:
        """Attractor to which the flow takes each memory, shape ``(k, d)``; NaN where it comes to no rest."""
        return self.rest_points(self.memories)

    @cached_property
    def states(self) -> FloatArray:
        """Distinct attractors to which the flow takes the memories, shape ``(m, d)``: those that two memories share count once."""
        return self.distinct(self.own)

    @cached_property
    def gap(self) -> FloatArray:
        """Distance of each of :attr:`states` to the next one, shape ``(m,)``."""
        apart = np.linalg.norm(self.states[:, None] - self.states[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        return apart.min(1)

    @property
    def lacks(self) -> str:
        """Which memories are no attractors of the model, in words; empty where all are."""
        n = int((~self.keeps).sum())
        return f"{n} of {len(self.keeps)} cell types are no attractors of the model" if n else ""

    @property
    def merged(self) -> str:
        """That the model has fewer than two distinct states, in words; empty where it has."""
        return "" if len(self.states) > 1 else "the flow leads from all cell types to one state, or comes to no rest"

    @cached_property
    def keeps(self) -> NDArray[np.bool_]:
        """Whether each memory is one of the attractors: the flow from it ends nearer to it than half its distance to the next one."""
        apart = np.linalg.norm(self.memories[:, None] - self.memories[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        return np.linalg.norm(self.own - self.memories, axis=1) < apart.min(1) / 2


def runge_kutta(drift: Any, x: Tensor, duration: float, n_steps: int) -> Tensor:
    """States after a time by the classical Runge-Kutta scheme."""
    h = duration / n_steps
    with torch.no_grad():
        for _ in range(n_steps):
            first = drift(x)
            second = drift(x + h / 2 * first)
            third = drift(x + h / 2 * second)
            x = x + h / 6 * (first + 2 * second + 2 * third + drift(x + h * third))
    return x
