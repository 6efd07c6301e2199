"""The model record: drift, noise, bound and time step of one stochastic model, with the names and scales of its variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics.drift import Drift, RegulatoryDrift, jacobian
from landscape.dynamics.sde import Diffusion, Scheme, Trajectories, integrate, simulate

# Time step in units of the shortest lifetime. Over one lifetime the decay of a gene alone is then off by a tenth.
STEP_SHARE = 0.2
# Names that an error or the representation of a model lists.
N_NAMES = 10

D = TypeVar("D", bound=Drift)


@dataclass(frozen=True, eq=False, repr=False)
class Model(Generic[D]):
    r"""A stochastic model :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` (Ito), reflected at a lower bound.

    The record is immutable: methods such as :meth:`held_at` return another model. It can be called as its drift, and
    functions of :mod:`landscape.topography` that take a drift take a model:
    ``landscape.topography.fixed_points(model, states)``.

    Parameters
    ----------
    drift
        :math:`f`, a callable from states ``(n, d)`` to velocities ``(n, d)``, such as a :class:`RegulatoryDrift`.
    diffusion
        :math:`D`, in squared units of the state per unit of time: a positive number, the diagonal of shape ``(d,)``, a
        symmetric positive definite matrix of shape ``(d, d)``, or a callable from states ``(n, d)`` to diagonals
        ``(n, d)``, such as :func:`chemical_diffusion`.
    regulators
        Name of each variable, ``d`` of them; empty for a model without names.
    scale
        :math:`c` of each variable, shape ``(d,)``: a state :math:`x` stands for the expression :math:`(c x)^2`.
    lower
        Reflecting lower bound of every variable, ``None`` for none.
    max_step
        Largest time step. By default a fifth of the shortest lifetime, :math:`0.2 / \max_i \gamma_i`, where the drift
        has decay rates :math:`\gamma`.

    Raises
    ------
    ValueError
        If names or scales do not match the drift, a name is repeated, or a scale or number is not positive.

    Examples
    --------
    A toggle switch of two genes that repress each other:

    >>> import torch, landscape as ls
    >>> drift = ls.dynamics.RegulatoryDrift.from_arrays([[0.0, -8.0], [-8.0, 0.0]], bias=2.0, threshold=0.5, hill=4.0)
    >>> model = ls.dynamics.Model(drift, diffusion=0.01, regulators=("A", "B"))
    >>> model
    Model(2 variables: A, B; diffusion 0.01, lower 0.0, step 0.2)
    >>> states = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    >>> path = model.simulate(states, duration=2.0, save_at=[0.0, 1.0, 2.0])
    >>> tuple(path.states.shape)
    (3, 3, 2)

    Its attractors, and those of the model without gene A:

    >>> len(ls.topography.fixed_points(model, states, rng=0).stable)
    2
    >>> without = model.knocked_out(["A"])
    >>> len(ls.topography.fixed_points(without, without.clamped(states), rng=0).stable)
    1
    """

    drift: D
    diffusion: Diffusion
    regulators: tuple[str, ...] = ()
    scale: NDArray[np.float64] | None = None
    lower: float | None = 0.0
    max_step: float | None = None

    def __post_init__(self) -> None:
        n = self.n_variables
        if self.regulators and len(self.regulators) != n:
            msg = f"Expected a name for each of {n} variables, found {len(self.regulators)}."
            raise ValueError(msg)
        if len(set(self.regulators)) != len(self.regulators):
            repeated = {name for name in self.regulators if self.regulators.count(name) > 1}
            msg = f"Expected distinct names of variables, found {sorted(repeated)[:N_NAMES]} repeated."
            raise ValueError(msg)
        if self.scale is not None and n is not None and np.shape(self.scale) != (n,):
            msg = f"Expected a scale for each of {n} variables, found shape {np.shape(self.scale)}."
            raise ValueError(msg)
        if self.scale is not None and not (np.isfinite(self.scale) & (np.asarray(self.scale) >= 0)).all():
            msg = f"Expected scales that are finite and not negative, found {float(np.min(self.scale))}."
            raise ValueError(msg)
        constant = self.diffusion_constant if self._has_constant_diffusion else None
        for name, value in (("max_step", self.max_step), ("diffusion", constant)):
            if value is not None and not 0 < value < np.inf:
                msg = f"Expected `{name}` to be positive and finite, found {value}."
                raise ValueError(msg)

    def __repr__(self) -> str:
        n, names = self.n_variables, ", ".join(self.regulators[:N_NAMES])
        variables = "variables" if n is None else f"{n} variables"
        noise = f"{self.diffusion_constant:.3g}" if self._has_constant_diffusion else type(self.diffusion).__name__
        parts = [f"diffusion {noise}", f"lower {self.lower}"]
        if self.max_step is not None or hasattr(self.drift, "decay"):
            parts.append(f"step {self.step:.3g}")
        if held := getattr(self.drift, "held", None):
            parts.append("held " + ", ".join(f"{(self.regulators or range(i + 1))[i]}={v:g}" for i, v in held.items()))
        more = ", ..." if len(self.regulators) > N_NAMES else ""
        return f"Model({variables}{': ' if names else ''}{names}{more}; {', '.join(parts)})"

    def __call__(self, x: Tensor) -> Tensor:
        """Velocity :math:`f(x)` at states of shape ``(n, d)``, same shape."""
        return self.drift(x)

    def jacobian(self, x: Tensor) -> Tensor:
        """Jacobian of the drift at states of shape ``(n, d)``, shape ``(n, d, d)``."""
        return jacobian(self.drift, x)

    @property
    def n_variables(self) -> int | None:
        """Number of variables :math:`d`; ``None`` where neither the drift nor names state it."""
        return getattr(self.drift, "n_genes", len(self.regulators) or None)

    @property
    def diffusion_constant(self) -> float:
        r""":math:`D` as a number, where it is the same for all variables and states.

        Raises
        ------
        TypeError
            If the diffusion is an array or a callable.
        """
        if self._has_constant_diffusion:
            return float(self.diffusion)  # type: ignore[arg-type]
        msg = f"Expected a diffusion that is one number, found {type(self.diffusion).__name__}; set one by `with_diffusion`."
        raise TypeError(msg)

    @property
    def step(self) -> float:
        """Largest time step of a simulation.

        Raises
        ------
        ValueError
            If the drift has no decay rates and no ``max_step`` is given.
        """
        return STEP_SHARE / self._fastest_decay() if self.max_step is None else self.max_step

    def step_within(self, interval: float) -> float:
        """Time step for an interval: :attr:`step`, or the interval where that is shorter."""
        return min(self.step, interval)

    def n_steps(self, duration: float) -> int:
        """Smallest number of equal steps, none longer than :attr:`step`, that make up a duration."""
        count = duration * self._fastest_decay() / STEP_SHARE if self.max_step is None else duration / self.max_step
        return int(np.ceil(count))

    def simulate(
        self,
        start: ArrayLike | Tensor,
        *,
        duration: float,
        step: float | None = None,
        save_at: Sequence[float] | None = None,
        rng: RandomLike = 0,
        scheme: Scheme = "euler",
        first: int = 0,
    ) -> Trajectories:
        """Simulate an ensemble and keep its states at given times.

        Parameters
        ----------
        start
            States at time 0, shape ``(n, d)``.
        duration
            Total time, rounded to a whole number of steps.
        step
            Time step; by default :attr:`step`, or the duration if that is shorter.
        save_at
            Times to keep; by default the start and the end.
        rng, scheme, first
            As in :func:`landscape.dynamics.integrate`.

        Returns
        -------
        The ``times`` that were kept, shape ``(m,)``, and the ``states``, shape ``(m, n, d)``.

        Raises
        ------
        ValueError
            If shapes do not match, a number is out of its range, or the drift is not finite at a state.
        """
        return simulate(
            self.drift,
            self._states(start),
            diffusion=self.diffusion,
            duration=duration,
            step=self.step_within(duration) if step is None else step,
            rng=rng,
            scheme=scheme,
            lower=self.lower,
            save_at=save_at,
            first=first,
        )

    def integrate(
        self,
        start: ArrayLike | Tensor,
        *,
        step: float | None = None,
        rng: RandomLike = 0,
        scheme: Scheme = "euler",
        first: int = 0,
    ) -> Iterator[Tensor]:
        """Integrate an ensemble without an end, one state after each step.

        Parameters
        ----------
        start
            States at time 0, shape ``(n, d)``.
        step
            Time step; by default :attr:`step`.
        rng, scheme, first
            As in :func:`landscape.dynamics.integrate`.

        Yields
        ------
        States of shape ``(n, d)``.
        """
        return integrate(
            self.drift,
            self._states(start),
            diffusion=self.diffusion,
            step=self.step if step is None else step,
            rng=rng,
            scheme=scheme,
            lower=self.lower,
            first=first,
        )

    def index(self, regulators: Iterable[str | int]) -> list[int]:
        """Position of each variable, given by name or position.

        Raises
        ------
        KeyError
            If a name is unknown.
        IndexError
            If a position is out of range.
        """
        positions = {name: i for i, name in enumerate(self.regulators)}
        found = []
        for name in regulators:
            if isinstance(name, str) and name not in positions:
                known = f"one of {[*positions][:N_NAMES]}" if positions else "a position: the model has no names"
                msg = f"Expected {known}{', ...' if len(positions) > N_NAMES else ''}, found {name!r}."
                raise KeyError(msg)
            position = positions[name] if isinstance(name, str) else int(name)
            if self.n_variables is not None and not 0 <= position < self.n_variables:
                msg = f"Expected positions between 0 and {self.n_variables - 1}, found {position}."
                raise IndexError(msg)
            found.append(position)
        return found

    def held_at(self, levels: Mapping[str, float] | Mapping[int, float]) -> Model[D]:
        """Model with further genes clamped at levels; see :meth:`RegulatoryDrift.held_at`.

        Apply :meth:`clamped` to the states of cells to start with the genes at their levels.

        Parameters
        ----------
        levels
            Level of each gene, in units of the state, by name or position.

        Raises
        ------
        KeyError, IndexError
            If a gene is unknown.
        TypeError
            If the drift is no :class:`RegulatoryDrift`.
        """
        if not isinstance(self.drift, RegulatoryDrift):
            msg = f"Expected a RegulatoryDrift, whose genes can be clamped, found {type(self.drift).__name__}."
            raise TypeError(msg)
        held = dict(zip(self.index(levels), map(float, levels.values()), strict=True))
        return replace(self, drift=self.drift.held_at(held))  # type: ignore[arg-type]

    def knocked_out(self, regulators: Iterable[str | int]) -> Model[D]:
        """Model with genes clamped at zero, by name or position; errors as for :meth:`held_at`."""
        return self.held_at(dict.fromkeys(self.index(regulators), 0.0))

    def edges_at(self, levels: Mapping[tuple[str, str], float] | Mapping[tuple[int, int], float]) -> Model[D]:
        """Model in which some targets see a regulator at a level, by (regulator, target); see :meth:`RegulatoryDrift.edges_at`.

        Parameters
        ----------
        levels
            Level of each edge, in units of the state, by the names or positions of its regulator and target; 0 removes it.

        Raises
        ------
        KeyError, IndexError
            If a gene is unknown.
        TypeError
            If the drift is no :class:`RegulatoryDrift`.
        """
        if not isinstance(self.drift, RegulatoryDrift):
            msg = f"Expected a RegulatoryDrift, whose edges can be held, found {type(self.drift).__name__}."
            raise TypeError(msg)
        found = {tuple(self.index(edge)): float(level) for edge, level in levels.items()}
        return replace(self, drift=self.drift.edges_at(found))  # type: ignore[arg-type]

    def clamped(self, states: ArrayLike | Tensor) -> Tensor:
        """Copy of states, shape ``(n, d)``, in which clamped genes are at their levels."""
        x = states.to(torch.float64, copy=True) if isinstance(states, Tensor) else torch.tensor(np.array(states, float))
        for gene, level in getattr(self.drift, "held", {}).items():
            x[:, gene] = level
        return x

    def with_diffusion(self, diffusion: Diffusion | None) -> Model[D]:
        """Model with another noise; with ``None`` the model itself."""
        return self if diffusion is None else replace(self, diffusion=diffusion)

    def expression(self, states: ArrayLike | Tensor) -> NDArray[np.float64]:
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

    @property
    def _has_constant_diffusion(self) -> bool:
        return not callable(self.diffusion) and np.ndim(self.diffusion) == 0

    def _states(self, start: ArrayLike | Tensor) -> Tensor:
        x = start if isinstance(start, Tensor) else torch.as_tensor(np.array(start, dtype=float))
        if x.ndim != 2 or self.n_variables not in (None, x.shape[1]):
            msg = f"Expected states of shape (n, {self.n_variables or 'd'}), found {tuple(x.shape)}."
            raise ValueError(msg)
        return x

    def _fastest_decay(self) -> float:
        decay = getattr(self.drift, "decay", None)
        if decay is None:
            msg = f"A {type(self.drift).__name__} has no decay rates that give a time step; pass `max_step`."
            raise ValueError(msg)
        return float(decay.max())


GeneModel = Model[RegulatoryDrift]


def drift_of(field: Any) -> Any:
    """Drift of a model; any other callable is returned as it is."""
    return field.drift if isinstance(field, Model) else field
