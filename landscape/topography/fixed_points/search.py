"""The search for all roots of a field: flow, Newton's method, edge tracking and deflation."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.topography.field import Field, distinct, length
from landscape.topography.fixed_points.basin_boundaries import boundary_states
from landscape.topography.fixed_points.flow import relax
from landscape.topography.fixed_points.newton import newton

logger = logging.getLogger(__name__)

# All lengths are in units of the field's scale.
# Two roots nearer than this are one.
SAME = 1e-5
# Ends of the flow nearer than this are one start for Newton's method, which finds the same root from both.
SAME_END = 1e-3
# A start that settles within this distance of a root has converged to that root.
SAME_REST = 1e-2
# Numbers in the Jacobians of one sweep: 400 starts at 50 genes, 25 at 200. Small fields have 100 starts for each
# coordinate, and a sweep has at least 24 and at most 1,000.
SWEEP_NUMBERS, SWEEP_STARTS, MIN_STARTS, MAX_STARTS = 1_000_000, 100, 24, 1000
# Steps of a run in a sweep. Of 1,000 runs on a network of 10 genes with 11 points, 100 steps found 4 % more than 30
# at three times the cost; further starts find more.
SWEEP_STEPS = 40
MAX_SWEEPS = 12
# One sweep in three is undamped: such runs find roots that descent misses.
SWEEPS_PER_UNDAMPED = 3
# Consecutive sweeps without a new root that end the search, and how many do where the degree says that one is missing.
EMPTY_SWEEPS, EMPTY_SWEEPS_IF_MISSING = 3, 6
# Steps of a trajectory along a boundary; one that needs more counts as leaving its basin.
TRAJECTORY_STEPS = 500
# States of a boundary that are polished, and ordered pairs of attractors that are joined, for each start of a sweep.
POLISHED_PER_START, PAIRS_PER_START = 4, 2
# Displacement off an unstable root: the flow is linear there, and it is far above rounding.
OFFSET = 1e-3
# Random starts fill the box of all states and a margin of this share around it.
MARGIN = 0.1
# Noise on states between roots, and the decades of the distance of states beside roots.
BETWEEN_NOISE, BESIDE_DECADES = 0.05, (-2, 0)


@dataclass(frozen=True)
class Settings:
    """Options of :func:`~landscape.topography.fixed_points`."""

    tolerance: float
    max_steps: int
    relax_steps: int
    lower: Tensor | None
    upper: Tensor | None


class RootSet:
    """Distinct roots found so far."""

    def __init__(self, field: Field, settings: Settings) -> None:
        self.field, self.settings = field, settings
        self.y = torch.zeros((0, field.dimension), dtype=torch.float64)
        self.residual = torch.zeros(0, dtype=torch.float64)
        self.n_steps: list[int] = []

    def nearest(self, y: Tensor, radius: float) -> Tensor:
        """Index of the root within a radius of each state, -1 where there is none."""
        if not len(self.y) or not len(y):
            return torch.full((len(y),), -1)
        apart, index = (torch.cdist(y, self.y) / y.shape[1] ** 0.5).min(1)
        return torch.where(apart <= radius, index, -1)

    def add(self, y: Tensor, residual: Tensor, n_steps: Tensor) -> int:
        """Add states that are not yet known; return the number of new roots."""
        before = len(self.y)
        for k in residual.argsort().tolist():
            # Distances are computed for each candidate in turn, because candidates may duplicate each other.
            if self.nearest(y[k : k + 1], SAME)[0] < 0 and self._allowed(y[k]):
                self.y = torch.cat([self.y, y[k : k + 1]])
                self.residual = torch.cat([self.residual, residual[k : k + 1]])
                self.n_steps.append(int(n_steps[k]))
        return len(self.y) - before

    def stable(self) -> Tensor:
        """Whether every eigenvalue of each root's Jacobian has a negative real part."""
        if not len(self.y):
            return torch.zeros(0, dtype=torch.bool)
        return torch.linalg.eigvals(self.field.jacobian(self.y)).real.max(1).values < 0

    def degree(self) -> int:
        """Topological degree: sum over roots of the sign of det(-J)."""
        if not len(self.y):
            return 0
        return int(torch.linalg.slogdet(-self.field.jacobian(self.y))[0].sum())

    def _allowed(self, y: Tensor) -> bool:
        x, s = self.field.outside(y), self.settings
        slack = s.tolerance * self.field.scale
        low = s.lower is None or bool((x >= s.lower - slack).all())
        return low and (s.upper is None or bool((x <= s.upper + slack).all()))


@dataclass(frozen=True)
class StartRuns:
    """Outcome of each start: state, |f|, number of steps, whether the flow settled, whether Newton converged from there.

    ``end`` is the root to which it converged, -1 for none; ``rate`` is the median speed of the starts over the scale.
    """

    y: Tensor
    residual: Tensor
    n_steps: Tensor
    settled: Tensor
    converged: Tensor
    end: Tensor
    rate: float


def from_starts(field: Field, y: Tensor, roots: RootSet, *, relaxed: bool) -> StartRuns:
    """Newton's method from every start, or from the distinct ends of the flow from all starts.

    Adds to ``roots``. With ``relaxed``, ``end`` is the root at which a start settled.
    """
    settings = roots.settings
    n_steps, settled = torch.zeros(len(y), dtype=torch.long), torch.zeros(len(y), dtype=torch.bool)
    ends = y
    if relaxed:
        flow = relax(field, y, max_steps=settings.relax_steps)
        finite = torch.isfinite(field(flow.y)).all(1)
        ends = torch.where(finite[:, None], flow.y, y)
        n_steps, settled = flow.n_steps, flow.settled & finite
    order = torch.cat([torch.nonzero(settled)[:, 0], torch.nonzero(~settled)[:, 0]])
    leaders, member_in_order = distinct(ends[order], SAME_END if relaxed else 0.0)
    member = torch.empty_like(member_in_order)
    member[order] = member_in_order
    runs = newton(field, ends[order[leaders]], tolerance=settings.tolerance, max_steps=settings.max_steps)
    roots.add(runs.y[runs.converged], runs.residual[runs.converged], runs.n_steps[runs.converged])
    end = torch.full((len(y),), -1)
    if relaxed:
        end = torch.where(settled, roots.nearest(ends, SAME_REST), -1)
    return StartRuns(
        runs.y[member],
        runs.residual[member],
        n_steps + runs.n_steps[member],
        settled,
        runs.converged[member],
        end,
        float(length(field(y)).median()),
    )


def search(field: Field, starts: Tensor, roots: RootSet, rng: np.random.Generator) -> None:
    """Search for roots that the flow does not reach, until sweeps find nothing new.

    Saddles of index 1 come from the boundaries between basins, and further attractors from the flow off saddles.
    Other roots come from sweeps of Newton runs, deflated after the first, that start from the given states, between
    and beside known roots, and at random. Where the degree of the field shows that a root is missing (it is 1 for a
    field that points into a ball), more sweeps follow.
    """
    settings = roots.settings
    max_rows = min(MAX_STARTS, SWEEP_STARTS * field.dimension)
    rows = int(np.clip(SWEEP_NUMBERS // field.dimension**2, MIN_STARTS, max_rows))
    kwargs = {"tolerance": settings.tolerance, "max_steps": settings.max_steps}
    tracked = followed = empty = 0
    for sweep in range(MAX_SWEEPS):
        # Attractors lead to the saddles between them, and saddles to further attractors, until nothing is new.
        while followed < len(roots.y):
            known, followed = followed, len(roots.y)
            _descend(field, roots, known, kwargs)
            stable = torch.nonzero(roots.stable())[:, 0]
            slow = boundary_states(
                field, roots.y[stable], stable >= tracked, max_steps=TRAJECTORY_STEPS, max_pairs=PAIRS_PER_START * rows
            )
            tracked = len(roots.y)
            _polish(field, slow[distinct(slow, SAME_END)[0]][: POLISHED_PER_START * rows], roots, kwargs)
        y = _sweep_starts(field, starts, roots, rows, rng)
        runs = newton(
            field,
            y,
            tolerance=settings.tolerance,
            max_steps=min(SWEEP_STEPS, settings.max_steps),
            roots=roots.y if len(roots.y) and sweep else None,
            damped=sweep % SWEEPS_PER_UNDAMPED < SWEEPS_PER_UNDAMPED - 1,
        )
        new = _polish(field, runs.y[runs.converged], roots, kwargs)
        empty = 0 if new else empty + 1
        logger.debug("sweep %d: %d new roots, %d in all", sweep, new, len(roots.y))
        if empty >= (EMPTY_SWEEPS if roots.degree() in (0, 1) else EMPTY_SWEEPS_IF_MISSING):
            break


def _descend(field: Field, roots: RootSet, known: int, kwargs: dict) -> None:
    """Follow the flow from both sides of new unstable roots, along their fastest unstable direction."""
    unstable = torch.nonzero(~roots.stable())[:, 0]
    unstable = unstable[unstable >= known]
    if not len(unstable):
        return
    values, vectors = torch.linalg.eig(field.jacobian(roots.y[unstable]))
    leading = values.real.argmax(1)
    along = vectors[torch.arange(len(unstable)), :, leading].real
    along = OFFSET * along / length(along).clamp_min(TINY)[:, None]
    y = roots.y[unstable].repeat(2, 1) + torch.cat([along, -along])
    ends = relax(field, y, max_steps=TRAJECTORY_STEPS)
    rest = ends.y[ends.settled & torch.isfinite(ends.y).all(1)]
    _polish(field, rest[distinct(rest, SAME_END)[0]], roots, kwargs)


def _polish(field: Field, y: Tensor, roots: RootSet, kwargs: dict) -> int:
    if not len(y):
        return 0
    runs = newton(field, y, **kwargs)
    good = runs.converged
    return roots.add(runs.y[good], runs.residual[good], runs.n_steps[good])


def _sweep_starts(field: Field, starts: Tensor, roots: RootSet, rows: int, rng: np.random.Generator) -> Tensor:
    """Given states, random states, states between roots and states beside roots, in equal parts."""
    part = max(1, rows // 4)
    given = starts[torch.as_tensor(rng.permutation(len(starts))[:part])]
    both = torch.cat([starts, roots.y])
    low, high = both.min(0).values, both.max(0).values
    margin = MARGIN * (high - low).clamp_min(1.0)
    uniform = torch.as_tensor(rng.uniform(size=(part, field.dimension)))
    candidates = [given, low - margin + (high - low + 2 * margin) * uniform]
    if len(roots.y):
        first, second = (torch.as_tensor(rng.integers(len(roots.y), size=part)) for _ in range(2))
        share = torch.as_tensor(rng.uniform(size=(part, 1)))
        noise = torch.as_tensor(rng.normal(size=(2, part, field.dimension)))
        between = roots.y[first] * share + roots.y[second] * (1 - share) + BETWEEN_NOISE * noise[0]
        beside = roots.y[first] + torch.as_tensor(10.0 ** rng.uniform(*BESIDE_DECADES, size=(part, 1))) * noise[1]
        candidates += [between, beside]
    y = _clip(field, torch.cat(candidates), roots.settings)
    finite = torch.isfinite(field(y)).all(1)
    # Deflation is singular at a root itself.
    return y[finite & (roots.nearest(y, SAME) < 0)]


def _clip(field: Field, y: Tensor, settings: Settings) -> Tensor:
    x = field.outside(y)
    if settings.lower is not None:
        x = torch.maximum(x, settings.lower)
    if settings.upper is not None:
        x = torch.minimum(x, settings.upper)
    return field.inside(x)
