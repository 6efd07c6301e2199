"""The input of every solver: states, a drift with its noise, and the drift in dimensionless coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape.dynamics import Drift, Model, evaluate, jacobian

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from landscape.dynamics.sde import Diffusion

# Jacobians of a batch are built and factorised in blocks of at most this many numbers (128 MB in float64).
BLOCK_NUMBERS = 2**24
# Rounding errors of a few dozen operations on a state, in units of its magnitude.
ROUNDING = 64 * torch.finfo(torch.float64).eps
# A spread below this share of the largest magnitude is rounding: all states are one.
SAME_STATE = 1e-12


@dataclass(frozen=True)
class Field:
    r"""Drift in :math:`y = (x - c) / s`, so that tolerances have no unit and do not depend on the origin.

    Lengths are root mean squares over coordinates. Time keeps its unit.

    Attributes
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    centre, scale
        :math:`c` and :math:`s`, both of shape ``(d,)``.
    """

    drift: Drift
    centre: Tensor
    scale: Tensor

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.scale)

    @property
    def rounding(self) -> float:
        """Dimensionless length below which two states differ by rounding alone."""
        return ROUNDING * float(1 + (self.centre.abs() / self.scale).max())

    def inside(self, x: Tensor) -> Tensor:
        """Convert states to dimensionless coordinates."""
        return (x - self.centre) / self.scale

    def outside(self, y: Tensor) -> Tensor:
        """Convert dimensionless coordinates to states."""
        return self.centre + self.scale * y

    def __call__(self, y: Tensor) -> Tensor:
        """Velocity in dimensionless coordinates; may be infinite or NaN outside the domain of the drift."""
        with torch.no_grad():
            return self.drift(self.outside(y)) / self.scale

    def jacobian(self, y: Tensor) -> Tensor:
        """Jacobian in dimensionless coordinates, shape ``(n, d, d)``."""
        found = jacobian(self.drift, self.outside(y)).detach()
        return found * (self.scale / self.scale[:, None])


def length(y: Tensor) -> Tensor:
    """Root mean square over coordinates, the length in which all tolerances are measured."""
    return torch.linalg.vector_norm(y, dim=-1) / y.shape[-1] ** 0.5


def as_states(value: ArrayLike | Tensor, *, name: str) -> Tensor:
    """Convert states to shape ``(n, d)`` in float64; one state of shape ``(d,)`` becomes a batch of one.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the shape is wrong, there are no states, or some are not finite.
    """
    if isinstance(value, Tensor):
        states = value.detach()
    else:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            msg = f"Expected `{name}` to hold real numbers, found dtype {array.dtype}."
            raise TypeError(msg)
        states = torch.as_tensor(array.astype(np.float64))
    if states.is_complex():
        msg = f"Expected `{name}` to hold real numbers, found dtype {states.dtype}."
        raise TypeError(msg)
    states = states.to(torch.float64)
    states = states[None, :] if states.ndim == 1 else states
    if states.ndim != 2 or 0 in states.shape:
        msg = f"Expected `{name}` of shape (n, d) with n and d at least 1, found {tuple(states.shape)}."
        raise ValueError(msg)
    if bad := int((~torch.isfinite(states)).any(1).sum()):
        msg = f"Expected finite `{name}`, found {bad} of {len(states)} states with NaN or infinite values."
        raise ValueError(msg)
    return states


def field_around(drift: Drift, states: Tensor, *, metric: ArrayLike | Tensor | None = None) -> Field:
    """Check a drift at given states and express it in dimensionless coordinates.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    states
        States that define centre and scale, shape ``(n, d)``, float64.
    metric
        Length of each coordinate, a number or shape ``(d,)``. By default one number, the root mean square distance
        of the states from their mean, so that the result is invariant to rotation and scaling; the largest magnitude
        if all states are equal, and 1 if that is zero.

    Raises
    ------
    TypeError
        If the drift is not callable, or returns no float64 tensor.
    ValueError
        If the drift returns another shape or values that are not finite, or the metric is not positive.
    """
    if not callable(drift):
        msg = (
            f"Expected `drift` to be a callable from states (n, d) to velocities (n, d), found {type(drift).__name__}."
        )
        raise TypeError(msg)
    d = states.shape[1]
    velocity = evaluate(drift, states)
    if velocity.dtype != torch.float64:
        msg = f"Expected the drift to return torch.float64, found {velocity.dtype}; build it with float64 tensors."
        raise TypeError(msg)
    centre = states.mean(0)
    if metric is None:
        spread = float((states - centre).square().mean().sqrt())
        if spread <= SAME_STATE * float(states.abs().max()) or spread == 0:
            spread = float(states.abs().max()) or 1.0
        return Field(drift, centre, torch.full((d,), spread, dtype=torch.float64))
    given = torch.as_tensor(np.array(metric, dtype=np.float64))
    if given.ndim > 1 or (given.ndim == 1 and given.shape != (d,)):
        msg = f"Expected `metric` to be a number or of shape ({d},), found {tuple(given.shape)}."
        raise ValueError(msg)
    if not (torch.isfinite(given) & (given > 0)).all():
        msg = f"Expected `metric` to be positive and finite, found {float(given.min())}."
        raise ValueError(msg)
    return Field(drift, centre, given.expand(d).clone())


def as_states_and_attractors(states: ArrayLike | Tensor, attractors: ArrayLike | Tensor) -> tuple[Tensor, Tensor]:
    """Convert both with :func:`as_states` and check that their dimensions agree."""
    x, centres = as_states(states, name="states"), as_states(attractors, name="attractors")
    if x.shape[1] != centres.shape[1]:
        msg = f"Expected `states` and `attractors` of the same dimension, found {x.shape[1]} and {centres.shape[1]}."
        raise ValueError(msg)
    return x, centres


def drift_and_noise(drift: Drift, diffusion: Diffusion | None) -> tuple[Drift, Diffusion]:
    """Drift and diffusion, where a :class:`~landscape.dynamics.Model` without ``diffusion`` supplies its own.

    Parameters
    ----------
    drift
        A drift or a model.
    diffusion
        :math:`D`, as in :func:`landscape.dynamics.integrate`. It takes precedence over that of a model.

    Raises
    ------
    TypeError
        If neither argument gives a diffusion.
    """
    if diffusion is not None:
        return drift, diffusion
    if isinstance(drift, Model):
        return drift, drift.diffusion
    msg = (
        f"Expected a `diffusion` for a drift of type {type(drift).__name__}, found none; pass `diffusion=...`, or a "
        "`landscape.dynamics.Model`, which has its own."
    )
    raise TypeError(msg)


def distinct(y: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Cluster states greedily: the first state that is in no cluster yet becomes the leader of a new one.

    Parameters
    ----------
    y
        States, shape ``(n, d)``.
    radius
        States at most this far from a leader belong to its cluster.

    Returns
    -------
    Indices of the leaders, and for each state the position of its leader among them.
    """
    member = torch.full((len(y),), -1)
    leaders: list[int] = []
    while (open_rows := torch.nonzero(member < 0)[:, 0]).numel():
        leader = int(open_rows[0])
        close = length(y[open_rows] - y[leader]) <= radius
        close[0] = True
        member[open_rows[close]] = len(leaders)
        leaders.append(leader)
    return torch.tensor(leaders, dtype=torch.long), member
