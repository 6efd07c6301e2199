"""The model record: drift, noise, bounds and step of one stochastic model, with the names and units of its variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics.drift import Drift, RegulatoryDrift, jacobian
from landscape.dynamics.sde import Diffusion, Trajectories, integrate, simulate

# Euler-Maruyama step over the shortest lifetime: the relaxation of a gene alone is then off by a tenth in a lifetime.
STEP_SHARE = 0.2

D = TypeVar("D", bound=Drift)


@dataclass(frozen=True, eq=False)
class Model(Generic[D]):
    r"""A stochastic model :math:`dx = f(x)\,dt + \sqrt{2D}\,dB`, reflected at a lower bound.

    The record is itself a drift, with its Jacobian, and goes wherever :mod:`landscape.topography` takes one:
    ``landscape.topography.fixed_points(model, states)``.

    Parameters
    ----------
    drift
        :math:`f`, a callable from states ``(n, d)`` to velocities ``(n, d)``, such as a :class:`RegulatoryDrift`.
    diffusion
        :math:`D`, as in :func:`landscape.dynamics.integrate`.
    regulators
        Name of each variable, shape ``(d,)``.
    scale
        :math:`c` of each variable, shape ``(d,)``: a state stands for the abundance :math:`e = (c x)^2`.
    lower
        Reflecting lower bound of every variable, ``None`` for none.
    max_step
        Largest time step. By default a fifth of the shortest lifetime :math:`1 / \max_i \gamma_i`, where the drift has
        decay rates.

    Raises
    ------
    ValueError
        If the names or scales do not match the drift, or a name is given twice.

    Examples
    --------
    >>> import torch, landscape as ls
    >>> drift = ls.dynamics.RegulatoryDrift.from_arrays([[0.0, -8.0], [-8.0, 0.0]], bias=2.0, threshold=0.5, hill=4.0)
    >>> model = ls.dynamics.Model(drift, diffusion=0.01, regulators=("A", "B"))
    >>> round(model.step, 3)
    0.2
    >>> tuple(model.simulate(torch.rand(5, 2), duration=2.0).states[-1].shape)
    (5, 2)
    >>> model.held_at({"A": 0.0}).drift.held
    {0: 0.0}
    """

    drift: D
    diffusion: Diffusion
    regulators: tuple[str, ...] = ()
    scale: NDArray[np.float64] | None = None
    lower: float | None = 0.0
    max_step: float | None = None

    def __post_init__(self) -> None:
        expected = getattr(self.drift, "n_genes", len(self.regulators))
        if self.regulators and len(self.regulators) != expected:
            msg = f"Expected a name for each of {expected} variables, found {len(self.regulators)}."
            raise ValueError(msg)
        if len(set(self.regulators)) != len(self.regulators):
            msg = "Expected distinct names of variables, found some that are repeated."
            raise ValueError(msg)
        if self.scale is not None and self.regulators and len(self.scale) != len(self.regulators):
            msg = f"Expected a scale for each of {len(self.regulators)} variables, found {len(self.scale)}."
            raise ValueError(msg)
        if self.max_step is not None and not self.max_step > 0:
            msg = f"Expected a positive `max_step`, found {self.max_step}."
            raise ValueError(msg)

    def __call__(self, x: Tensor) -> Tensor:
        """Velocity at states of shape ``(n, d)``."""
        return self.drift(x)

    def jacobian(self, x: Tensor) -> Tensor:
        """Jacobian of the drift at states of shape ``(n, d)``, shape ``(n, d, d)``."""
        return jacobian(self.drift, x)

    @property
    def diffusion_constant(self) -> float:
        r""":math:`D` where it is one number for all variables and states.

        Raises
        ------
        TypeError
            If it is none.
        """
        if isinstance(self.diffusion, int | float | np.number):
            return float(self.diffusion)
        msg = f"Expected a diffusion that is one number, found {type(self.diffusion).__name__}."
        raise TypeError(msg)

    @property
    def step(self) -> float:
        """Largest time step of a simulation.

        Raises
        ------
        ValueError
            If the drift has no decay rates and no ``max_step`` is given.
        """
        return STEP_SHARE / self._fastest() if self.max_step is None else self.max_step

    def step_within(self, interval: float) -> float:
        """Time step that is no longer than an interval."""
        return min(self.step, interval)

    def n_steps(self, duration: float) -> int:
        """Fewest steps of at most :attr:`step` that make up a duration."""
        count = duration * self._fastest() / STEP_SHARE if self.max_step is None else duration / self.max_step
        return int(np.ceil(count))

    def simulate(
        self,
        start: Tensor,
        *,
        duration: float,
        step: float | None = None,
        save_at: Sequence[float] | None = None,
        rng: RandomLike = 0,
        scheme: Literal["euler", "heun"] = "euler",
        first: int = 0,
    ) -> Trajectories:
        """Simulate an ensemble and keep it at given times.

        Parameters
        ----------
        start
            States at time 0, shape ``(n, d)``.
        duration
            Total time.
        step
            Time step; by default :attr:`step`, or the duration if that is shorter.
        save_at, rng, scheme, first
            As in :func:`landscape.dynamics.simulate`.

        Returns
        -------
        Times that were kept, and states of shape ``(m, n, d)``.
        """
        return simulate(
            self.drift,
            start,
            diffusion=self.diffusion,
            duration=duration,
            step=self.step_within(duration) if step is None else step,
            rng=rng,
            scheme=scheme,
            lower=self.lower,
            save_at=save_at,
            first=first,
        )

    def integrate(self, start: Tensor, *, step: float | None = None, **options: Any) -> Iterator[Tensor]:
        """States after each step without an end, as :func:`landscape.dynamics.integrate` yields them.

        Parameters
        ----------
        start
            States at time 0, shape ``(n, d)``.
        step
            Time step; by default :attr:`step`.
        options
            ``rng``, ``scheme`` and ``first`` of :func:`landscape.dynamics.integrate`.
        """
        step = self.step if step is None else step
        return integrate(self.drift, start, diffusion=self.diffusion, step=step, lower=self.lower, **options)

    def index(self, regulators: Iterable[str | int]) -> list[int]:
        """Position of each variable.

        Raises
        ------
        KeyError
            If a name is unknown.
        """
        positions = {name: i for i, name in enumerate(self.regulators)}
        found = []
        for name in regulators:
            if isinstance(name, str) and name not in positions:
                msg = f"Expected one of the {len(self.regulators)} variables of the model, found {name!r}; known are {list(self.regulators)[:10]}."
                raise KeyError(msg)
            found.append(positions[name] if isinstance(name, str) else int(name))
        return found

    def held_at(self, levels: Mapping[str, float] | Mapping[int, float]) -> Model[D]:
        """Model with further genes clamped at levels, by name or position; see :meth:`RegulatoryDrift.held_at`.

        Raises
        ------
        KeyError
            If a name is unknown.
        TypeError
            If the drift has no genes to clamp.
        """
        if not isinstance(self.drift, RegulatoryDrift):
            msg = f"Expected a RegulatoryDrift, whose genes can be held at a level, found {type(self.drift).__name__}."
            raise TypeError(msg)
        held = dict(zip(self.index(levels), map(float, levels.values()), strict=True))
        return replace(self, drift=self.drift.held_at(held))  # type: ignore[arg-type]

    def knocked_out(self, regulators: Iterable[str | int]) -> Model[D]:
        """Model with genes clamped at zero."""
        return self.held_at(dict.fromkeys(self.index(regulators), 0.0))

    def clamped(self, states: ArrayLike | Tensor) -> Tensor:
        """Copy of states, shape ``(n, d)``, in which clamped genes have their levels."""
        x = states.to(torch.float64, copy=True) if isinstance(states, Tensor) else torch.tensor(np.array(states, float))
        for gene, level in getattr(self.drift, "held", {}).items():
            x[:, gene] = level
        return x

    def with_diffusion(self, diffusion: Diffusion | None) -> Model[D]:
        """Model with another noise; ``None`` keeps it."""
        return self if diffusion is None else replace(self, diffusion=diffusion)

    def expression(self, states: ArrayLike) -> NDArray[np.float64]:
        """Depth-normalised expression :math:`(c x)^2` that states stand for, shape ``(n, d)``.

        Raises
        ------
        ValueError
            If the model has no scale.
        """
        if self.scale is None:
            msg = "Expected a model with a `scale`, such as `landscape.get.model(adata)`; this one has none."
            raise ValueError(msg)
        return (np.asarray(states, dtype=float) * self.scale) ** 2

    def _fastest(self) -> float:
        decay = getattr(self.drift, "decay", None)
        if decay is None:
            msg = f"A {type(self.drift).__name__} has no decay rates that give a time step; pass `max_step`."
            raise ValueError(msg)
        return float(decay.max())


GeneModel = Model[RegulatoryDrift]


def drift_of(field: Any) -> Any:
    """Drift of a model; any other callable is one itself."""
    return field.drift if isinstance(field, Model) else field
