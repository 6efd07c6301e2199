"""Fixed points of a drift, with their spectra and an account of the search."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import Drift, jacobian
from landscape.topography.field import Field, as_states, field_around, length
from landscape.topography.fixed_points.search import RootSet, Settings, StartRuns, from_starts, search

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

logger = logging.getLogger(__name__)

Stability = Literal["stable", "saddle", "unstable", "marginal"]
# Real parts below this share of the largest eigenvalue are zero within rounding.
MARGINAL = 1e-9


@dataclass(frozen=True)
class FixedPoint:
    r"""A state at which the drift vanishes.

    Attributes
    ----------
    x
        State, shape ``(d,)``.
    eigenvalues
        Complex eigenvalues of the Jacobian at ``x``, largest real part first, shape ``(d,)``, per unit time.
    index
        Morse index: number of eigenvalues with a positive real part.
    stability
        ``"stable"`` (all real parts negative), ``"unstable"`` (all positive), ``"saddle"`` (both signs), or
        ``"marginal"`` where a real part vanishes within rounding and linearisation does not decide.
    residual
        Root mean square of the drift at ``x``, in its unit.
    converged
        Whether the residual is one that a state within ``tolerance`` of a fixed point can have,
        :math:`|f| \le \lVert J \rVert_2\, \epsilon` in units of the scale. False where Newton's method converged but
        the drift does not vanish, as where it jumps across zero.
    n_steps
        Newton steps that led here.
    n_starts
        Starts that the flow took here.
    """

    x: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    index: int
    stability: Stability
    residual: float
    converged: bool
    n_steps: int
    n_starts: int

    @property
    def leading_eigenvalue(self) -> complex:
        """Eigenvalue of largest real part: minus the rate of return of a stable point."""
        return complex(self.eigenvalues[0])


@dataclass(frozen=True)
class FailedStart:
    """A start from which Newton's method did not converge: its row, its last state, and the residual there."""

    start: int
    x: NDArray[np.float64]
    residual: float
    n_steps: int
    converged: bool = False


@dataclass(frozen=True)
class FixedPoints(Sequence[FixedPoint]):
    r"""Fixed points, stable ones first, with the outcome of every start.

    Attributes
    ----------
    points
        The records, sorted by index, then by the number of starts that the flow took there.
    ends
        For each start the position in ``points`` of the fixed point to which the flow took it, -1 where it did not
        settle or ``relax=False``; shape ``(n_starts,)``.
    failed
        Starts from which neither the flow nor Newton led to a fixed point.
    degree
        Sum over points of the sign of :math:`\det(-J)`. A field that points into a ball has degree 1 (Poincare-Hopf),
        so that any other number there shows that points are missing.
    n_unsettled
        Starts that did not settle: the field has a cycle, diverges, or needs more ``relax_steps``.
    scale
        Length of each coordinate in which distances are measured, shape ``(d,)``.
    names
        Names of the coordinates, if given.
    """

    points: tuple[FixedPoint, ...]
    ends: NDArray[np.int64]
    failed: tuple[FailedStart, ...]
    degree: int
    n_unsettled: int
    scale: NDArray[np.float64]
    names: tuple[str, ...] | None = None

    @overload
    def __getitem__(self, key: int) -> FixedPoint: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[FixedPoint, ...]: ...
    def __getitem__(self, key: int | slice) -> FixedPoint | tuple[FixedPoint, ...]:
        """Point or points by position."""
        return self.points[key]

    def __len__(self) -> int:
        """Number of fixed points."""
        return len(self.points)

    def __iter__(self) -> Iterator[FixedPoint]:
        """Iterate over the points."""
        return iter(self.points)

    @property
    def stable(self) -> tuple[FixedPoint, ...]:
        """The attractors among the points."""
        return tuple(p for p in self.points if p.stability == "stable")

    @property
    def saddles(self) -> tuple[FixedPoint, ...]:
        """The points with stable and unstable directions."""
        return tuple(p for p in self.points if p.stability == "saddle")

    @property
    def converged(self) -> bool:
        """Whether every start led to a fixed point."""
        return not self.failed

    def states(self) -> pd.DataFrame:
        """Points by coordinates."""
        columns = self.names or tuple(f"x{i}" for i in range(len(self.scale)))
        values = np.array([p.x for p in self.points]).reshape(len(self), len(columns))
        return pd.DataFrame(values, columns=list(columns))

    def table(self) -> pd.DataFrame:
        """Table with one row per point; ``leading_eigenvalue`` is a real part."""
        rows = {
            "stability": [p.stability for p in self.points],
            "index": [p.index for p in self.points],
            "leading_eigenvalue": [p.leading_eigenvalue.real for p in self.points],
            "residual": [p.residual for p in self.points],
            "converged": [p.converged for p in self.points],
            "n_starts": [p.n_starts for p in self.points],
            "n_steps": [p.n_steps for p in self.points],
        }
        return pd.DataFrame(rows)


@on_one_thread
def fixed_points(
    drift: Drift,
    starts: ArrayLike | Tensor,
    *,
    relax: bool = True,
    deflate: bool = True,
    n_random: int = 0,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    metric: ArrayLike | Tensor | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 100,
    relax_steps: int = 2000,
    rng: RandomLike = 0,
    names: Sequence[str] | None = None,
) -> FixedPoints:
    r"""Find the fixed points of a drift, :math:`f(x^*) = 0`, with their exact spectra.

    Four searches share their results. The flow takes every start to an attractor (Bogacki-Shampine steps, all
    starts at once). Damped Newton steps with the exact Jacobian polish the distinct ends. Edge tracking between
    attractors finds states on the boundaries of their basins, from which the flow leads to saddles. Deflated Newton
    runs [1]_ search for what remains until several sweeps in a row find nothing. A point is returned only if the Newton
    correction :math:`|J^{-1} f|` is below ``tolerance`` scales, so that fields that merely come close to zero have no
    points. No search proves completeness; ``degree`` shows when points are missing.

    Parameters
    ----------
    drift
        Callable from states of shape ``(n, d)`` to velocities of the same shape, float64 torch tensors. Its
        Jacobian is taken from its ``jacobian`` method or by automatic differentiation.
    starts
        States to start from, shape ``(n, d)`` or ``(d,)``: cells, random states, or guesses.
    relax
        Follow the flow before Newton's method. Otherwise only Newton's method runs from the starts.
    deflate
        Search for saddles and other points that the flow does not reach.
    n_random
        Number of further starts, uniform in ``bounds`` or in the bounding box of the starts.
    bounds
        Lower and upper bounds of the coordinates, numbers or shape ``(d,)``; points outside are not returned.
    metric
        Length of each coordinate, a number or shape ``(d,)``; by default the root mean square distance of the
        starts from their mean. Points closer than 1e-5 of it are the same.
    tolerance
        Largest Newton correction of a converged point over the scale.
    max_steps, relax_steps
        Maximum number of steps of a Newton run, and of a trajectory of the flow.
    rng
        Seed of the random starts and of the sweeps.
    names
        Names of the coordinates, for :meth:`FixedPoints.states`.

    Returns
    -------
    Sequence of :class:`FixedPoint`, stable ones first, with the starts that failed. It is empty for a field without
    fixed points.

    Raises
    ------
    TypeError
        If the drift is not callable or does not return float64 tensors, or the starts are not numbers.
    ValueError
        If shapes do not match, the drift is not finite at a start or cannot be differentiated, or an option is out
        of its range.

    References
    ----------
    .. [1] Farrell, Birkisson, Funke (2015), *SIAM Journal on Scientific Computing* 37, A2026.
       https://doi.org/10.1137/140984798
    """
    states = as_states(starts, name="starts")
    if not tolerance > 0 or max_steps < 1 or relax_steps < 1 or n_random < 0:
        msg = (
            "Expected positive `tolerance`, `max_steps`, `relax_steps` and `n_random` >= 0, found "
            f"{tolerance}, {max_steps}, {relax_steps}, {n_random}."
        )
        raise ValueError(msg)
    d = states.shape[1]
    if names is not None and len(names) != d:
        msg = f"Expected {d} `names`, one per coordinate, found {len(names)}."
        raise ValueError(msg)
    lower, upper = _bounds(bounds, d)
    random = generator(rng)
    if n_random:
        low = states.min(0).values if lower is None else lower
        high = states.max(0).values if upper is None else upper
        states = torch.cat([states, low + (high - low) * torch.as_tensor(random.uniform(size=(n_random, d)))])
    field = field_around(drift, states, metric=metric)
    roots = RootSet(field, Settings(tolerance, max_steps, relax_steps, lower, upper))
    runs = from_starts(field, field.inside(states), roots, relaxed=relax)
    if deflate:
        search(field, field.inside(states), roots, random)
    return _records(field, roots, runs, relaxed=relax, names=names)


def _bounds(bounds: tuple[ArrayLike, ArrayLike] | None, d: int) -> tuple[Tensor | None, Tensor | None]:
    if bounds is None:
        return None, None
    low, high = (torch.as_tensor(np.broadcast_to(np.asarray(b, dtype=float), (d,)).copy()) for b in bounds)
    if not (low < high).all():
        msg = f"Expected `bounds` with lower below upper, found {low.tolist()} and {high.tolist()}."
        raise ValueError(msg)
    return low, high


def classify(eigenvalues: NDArray[np.complex128], *, rate: float = 0.0) -> Stability:
    """Stability by the signs of the real parts; ``"marginal"`` where one vanishes relative to the largest or to a rate."""
    real, size = eigenvalues.real, np.abs(eigenvalues).max(initial=rate)
    if (np.abs(real) <= MARGINAL * size).any():
        return "marginal"
    if (real < 0).all():
        return "stable"
    return "unstable" if (real > 0).all() else "saddle"


def spectrum(drift: Drift, x: Tensor) -> NDArray[np.complex128]:
    """Eigenvalues of the Jacobian at each of the states ``(n, d)``, largest real part first."""
    if not len(x):
        return np.zeros(x.shape, dtype=np.complex128)
    values = np.linalg.eigvals(jacobian(drift, x).detach().numpy()).astype(np.complex128)
    order = np.lexsort((-values.imag, -values.real), axis=1)
    return np.take_along_axis(values, order, axis=1)


def _records(
    field: Field, roots: RootSet, runs: StartRuns, *, relaxed: bool, names: Sequence[str] | None
) -> FixedPoints:
    x = field.outside(roots.y)
    values = spectrum(field.drift, x)
    force = field(roots.y)
    residual = (force * field.scale).square().mean(1).sqrt()
    vanishes = _vanishes(field, roots, force)
    arrivals = torch.bincount(runs.end[runs.end >= 0], minlength=len(x))
    # The rate is the speed over the scale at a typical start: in one dimension the only eigenvalue has no other to
    # vanish relative to.
    index = (values.real > MARGINAL * np.abs(values).max(axis=1, initial=runs.rate, keepdims=True)).sum(1)
    points = [
        FixedPoint(
            x=x[k].numpy(),
            eigenvalues=values[k],
            index=int(index[k]),
            stability=classify(values[k], rate=runs.rate),
            residual=float(residual[k]),
            converged=bool(vanishes[k]),
            n_steps=roots.n_steps[k],
            n_starts=int(arrivals[k]),
        )
        for k in range(len(x))
    ]
    order = sorted(range(len(x)), key=lambda k: (points[k].index, -points[k].n_starts, tuple(points[k].x)))
    position = np.full(len(x) + 1, -1)
    position[order] = np.arange(len(x))
    missed = torch.nonzero(~runs.converged & (runs.end < 0))[:, 0].tolist()
    where = field.outside(runs.y).numpy()
    speed = runs.residual * float(field.scale.square().mean().sqrt())
    failed = tuple(FailedStart(k, where[k], float(speed[k]), int(runs.n_steps[k])) for k in missed)
    if failed:
        logger.warning("%d of %d starts led to no fixed point", len(failed), len(runs.y))
    if jumps := int((~vanishes).sum()):
        logger.warning("the drift does not vanish at %d of %d fixed points: it may jump there", jumps, len(x))
    return FixedPoints(
        points=tuple(points[k] for k in order),
        ends=position[runs.end.numpy()],
        failed=failed,
        degree=roots.degree(),
        n_unsettled=int((~runs.settled).sum()) if relaxed else 0,
        scale=field.scale.numpy(),
        names=None if names is None else tuple(names),
    )


def _vanishes(field: Field, roots: RootSet, force: Tensor) -> Tensor:
    """Whether the drift at each root is one that a state within tolerance of a root can have, shape ``(n,)``."""
    if not len(roots.y):
        return torch.zeros(0, dtype=torch.bool)
    slope = torch.linalg.matrix_norm(field.jacobian(roots.y), ord=2)
    return length(force) <= slope * (roots.settings.tolerance + field.rounding)
