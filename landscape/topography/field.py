"""A drift in dimensionless coordinates: what every solver of this folder works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape.dynamics import Drift, evaluate, jacobian

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Jacobians of a batch are built and factorised in blocks of at most this many numbers (128 MB in float64).
BLOCK_NUMBERS = 2**24


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
        """Length that rounding alone makes of the largest state in use."""
        return 64 * torch.finfo(torch.float64).eps * float(1 + (self.centre.abs() / self.scale).max())

    def inside(self, x: Tensor) -> Tensor:
        """Dimensionless coordinates of states."""
        return (x - self.centre) / self.scale

    def outside(self, y: Tensor) -> Tensor:
        """States of dimensionless coordinates."""
        return self.centre + self.scale * y

    def __call__(self, y: Tensor) -> Tensor:
        """Velocity in dimensionless coordinates; may be infinite or NaN far from where the drift makes sense."""
        with torch.no_grad():
            return self.drift(self.outside(y)) / self.scale

    def jacobian(self, y: Tensor) -> Tensor:
        """Jacobian in dimensionless coordinates, shape ``(n, d, d)``."""
        found = jacobian(self.drift, self.outside(y)).detach()
        return found * (self.scale / self.scale[:, None])


def length(y: Tensor) -> Tensor:
    """Root mean square over coordinates, which is what all tolerances of this folder measure."""
    return torch.linalg.vector_norm(y, dim=-1) / y.shape[-1] ** 0.5


def as_states(value: ArrayLike | Tensor, *, name: str) -> Tensor:
    """States of shape ``(n, d)`` in float64; one state of shape ``(d,)`` counts as a batch of one.

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If the shape is another one, there are none, or some are not finite.
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
    """Dimensionless field of a drift that has been checked at given states.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    states
        States around which to work, shape ``(n, d)``, float64.
    metric
        Length of each coordinate, a number or shape ``(d,)``. By default one number, the root mean square distance
        of the states from their mean, so that rotating or rescaling the coordinates changes nothing; the largest
        magnitude where all states are one, and 1 where that is zero.

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
        # A spread at the level of rounding says that all states are one.
        if spread <= 1e-12 * float(states.abs().max()) or spread == 0:
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
    """Both as :func:`as_states`, of one dimension."""
    x, centres = as_states(states, name="states"), as_states(attractors, name="attractors")
    if x.shape[1] != centres.shape[1]:
        msg = f"Expected `states` and `attractors` of the same dimension, found {x.shape[1]} and {centres.shape[1]}."
        raise ValueError(msg)
    return x, centres
