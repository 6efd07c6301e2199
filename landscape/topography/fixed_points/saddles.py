"""Saddles between attractors, refined by Newton's method, and the two downhill trajectories from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.dynamics import Drift, jacobian
from landscape.topography.field import Field, as_states, distinct, field_around
from landscape.topography.fixed_points.basin_boundaries import boundary_states
from landscape.topography.fixed_points.flow import relax
from landscape.topography.fixed_points.newton import newton
from landscape.topography.fixed_points.roots import MARGINAL, spectrum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Displacement off a saddle, in units of the field's scale: the flow is linear there, and it is far above rounding.
OFFSET = 1e-3
# Neighbours to which the basin of each attractor is followed, nearest pairs first, and steps of a trajectory along a border.
NEIGHBOURS, BORDER_STEPS = 8, 2_000
# States on a border, and saddles, that are nearer to each other than this are one, in units of the field's scale.
SAME_START, SAME_SADDLE = 1e-3, 1e-5
# Correction at which Newton's method has found a saddle, over that scale, and its steps.
NEWTON_TOLERANCE, NEWTON_STEPS = 1e-10, 100


@dataclass(frozen=True, eq=False)
class Saddle:
    r"""A fixed point with one unstable direction: the transition state between two attractors.

    Attributes
    ----------
    x
        State, shape ``(d,)``.
    eigenvalues
        Complex eigenvalues of the Jacobian, largest real part first, shape ``(d,)``.
    index
        Number of eigenvalues with a positive real part; 1 for a saddle between two attractors.
    unstable
        Unit eigenvector of the leading eigenvalue, its largest entry positive, shape ``(d,)``.
    residual
        Root mean square of the drift at ``x``.
    n_steps
        Newton steps.
    converged
        Whether Newton converged onto a point of index 1.
    """

    x: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    index: int
    unstable: NDArray[np.float64]
    residual: float
    n_steps: int
    converged: bool


@dataclass(frozen=True)
class Descent:
    """Downhill trajectory from a saddle: ``path`` of shape ``(m, d)`` from the saddle, and whether it settled."""

    path: NDArray[np.float64]
    settled: bool

    @property
    def end(self) -> NDArray[np.float64]:
        """Last state, shape ``(d,)``."""
        return self.path[-1]


def find_saddle(
    drift: Drift,
    guess: ArrayLike | Tensor,
    *,
    tolerance: float = 1e-10,
    max_steps: int = 100,
    scale: float | None = None,
) -> Saddle:
    r"""Refine a guess to a fixed point by Newton's method and classify it.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape.
    guess
        State near the saddle, shape ``(d,)``.
    tolerance
        Largest Newton correction at the end, over ``scale``.
    max_steps
        Maximum number of Newton steps.
    scale
        Unit of length of the corrections; by default the magnitude of the guess.

    Returns
    -------
    The saddle. ``converged`` is false where Newton's method failed or the point has another index than 1.
    """
    start = as_states(guess, name="guess")
    field = field_around(drift, start, metric=scale)
    run = newton(field, field.inside(start), tolerance=tolerance, max_steps=max_steps)
    return saddle_at(drift, field.outside(run.y), n_steps=int(run.n_steps[0]), converged=bool(run.converged[0]))


def saddle_at(drift: Drift, x: Tensor, *, n_steps: int = 0, converged: bool = True) -> Saddle:
    """Record of a fixed point whose state, of shape ``(1, d)``, is already exact."""
    values = spectrum(drift, x)[0]
    index = int((values.real > MARGINAL * np.abs(values).max(initial=0.0)).sum())
    all_values, vectors = np.linalg.eig(jacobian(drift, x).detach().numpy()[0])
    leading = np.real(vectors[:, np.argmax(all_values.real)])
    leading = leading / max(float(np.linalg.norm(leading)), TINY)
    leading = leading * (np.sign(leading[np.abs(leading).argmax()]) or 1.0)
    with torch.no_grad():
        residual = float(drift(x).square().mean().sqrt())
    return Saddle(x[0].numpy(), values, index, leading, residual, n_steps, bool(converged and index == 1))


def saddles_on_borders(drift: Drift, attractors: Tensor) -> list[Saddle]:
    """Saddles of index 1 on the borders between basins, by edge tracking.

    The border is bracketed on the segments between neighbouring attractors. Within it, saddles of index 1 attract the flow,
    so that this needs no guess of where they lie.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape.
    attractors
        Stable fixed points, shape ``(k, d)``.
    """
    field = field_around(drift, attractors)
    k = len(attractors)
    states = boundary_states(
        field,
        field.inside(attractors),
        torch.ones(k, dtype=torch.bool),
        max_steps=BORDER_STEPS,
        max_pairs=NEIGHBOURS * k,
    )
    states = states[torch.isfinite(field(states)).all(1)]
    if not len(states):
        return []
    starts = states[distinct(states, SAME_START)[0]]
    runs = newton(field, starts, tolerance=NEWTON_TOLERANCE, max_steps=NEWTON_STEPS)
    found = runs.y[runs.converged]
    if not len(found):
        return []
    records = [saddle_at(drift, field.outside(y[None])) for y in found[distinct(found, SAME_SADDLE)[0]]]
    return [saddle for saddle in records if saddle.converged]


def descents(drift: Drift, saddle: Saddle, *, scale: float, max_steps: int = 5_000) -> tuple[Descent, Descent]:
    """Follow the flow from a saddle along plus and minus its unstable direction.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape.
    saddle
        Saddle from which to start.
    scale
        Typical length, such as the distance between attractors; the first displacement is a thousandth of it.
    max_steps
        Maximum number of steps of the flow.
    """
    x = torch.as_tensor(saddle.x)
    field = Field(drift, x, torch.full_like(x, scale))
    offset = torch.as_tensor(saddle.unstable) * OFFSET * len(x) ** 0.5
    starts = torch.stack([offset, -offset])
    trajectories: list[list[Tensor]] = [[starts[0]], [starts[1]]]

    def observe(rows: Tensor, y: Tensor, speed: Tensor) -> None:
        del speed
        for row, state in zip(rows.tolist(), y, strict=True):
            trajectories[row].append(state)

    end = relax(field, starts, max_steps=max_steps, observe=observe)
    first, second = (
        Descent(
            np.vstack([saddle.x, field.outside(torch.stack(trajectory)).numpy()]),
            bool(end.settled[row]),
        )
        for row, trajectory in enumerate(trajectories)
    )
    return first, second


def nearest_attractor(end: NDArray[np.float64], attractors: NDArray[np.float64], *, within: float) -> int | None:
    """Attractor at which a descent ended, ``None`` if none lies within the given distance."""
    apart = np.linalg.norm(attractors - end, axis=1)
    best = int(apart.argmin())
    return best if apart[best] <= within else None
