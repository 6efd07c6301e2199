"""The search for all roots of a field: flow, Newton, borders of basins, deflation."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape.topography.field import Field, length
from landscape.topography.fixed_points.borders import border_states, distinct
from landscape.topography.fixed_points.flow import relax
from landscape.topography.fixed_points.newton import newton

logger = logging.getLogger(__name__)

# Two roots nearer than this, in units of the scale, are one.
SAME = 1e-5
# Numbers in the Jacobians of one sweep: 400 starts at 50 genes, 25 at 200; below that 100 a gene, at most 1,000.
SWEEP_NUMBERS = 1_000_000
# Steps of a run in a sweep. Of 1,000 runs on a network of 10 genes with 11 points, 100 steps found 4 % more than 30
# at three times the cost; further starts find more.
SWEEP_STEPS = 40
MAX_SWEEPS = 12
# Steps of a path along a border; one that needs more is taken for a path that leaves its basin.
PATH_STEPS = 500


@dataclass(frozen=True)
class Settings:
    """What the caller of :func:`~landscape.topography.fixed_points` chose."""

    tolerance: float
    max_steps: int
    relax_steps: int
    lower: Tensor | None
    upper: Tensor | None


class Roots:
    """Roots found so far, each once."""

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
        """Add the states that are no roots yet; number of new ones."""
        before = len(self.y)
        for k in residual.argsort().tolist():
            # A fresh cdist for each candidate: candidates are also each other's duplicates.
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
        """Sum over roots of the sign of det(-J)."""
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
    """What became of each start: its state, |f|, steps, whether it rests, and whether Newton converged from there.

    ``end`` is the root at which it rests, -1 for none; ``rate`` the median speed of the starts over the scale.
    """

    y: Tensor
    residual: Tensor
    n_steps: Tensor
    settled: Tensor
    converged: Tensor
    end: Tensor
    rate: float


def from_starts(field: Field, y: Tensor, roots: Roots, *, relaxed: bool) -> StartRuns:
    """Newton from every start, or from the distinct places where the flow takes them.

    Fills ``roots``. With ``relaxed``, ``end`` names the root at which a start came to rest.
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
    leaders, member_in_order = distinct(ends[order], 1e-3 if relaxed else 0.0)
    member = torch.empty_like(member_in_order)
    member[order] = member_in_order
    runs = newton(field, ends[order[leaders]], tolerance=settings.tolerance, max_steps=settings.max_steps)
    roots.add(runs.y[runs.converged], runs.residual[runs.converged], runs.n_steps[runs.converged])
    end = torch.full((len(y),), -1)
    if relaxed:
        # A start that rests within a hundredth of the scale of a root has come to that root.
        end = torch.where(settled, roots.nearest(ends, 1e-2), -1)
    return StartRuns(
        runs.y[member],
        runs.residual[member],
        n_steps + runs.n_steps[member],
        settled,
        runs.converged[member],
        end,
        float(length(field(y)).median()),
    )


def search(field: Field, starts: Tensor, roots: Roots, rng: np.random.Generator) -> None:
    """Look for roots that the flow does not reach, until sweeps find nothing new.

    Saddles of index 1 come from the borders between basins and further attractors from the flow off saddles. The
    others come from sweeps of Newton runs, deflated after the first, that start from the given states, between and
    beside known roots, and at random. Where the degree of the field says that a root is missing (it is 1 for a
    field that points into a ball), the search goes on for longer.
    """
    settings = roots.settings
    rows = int(np.clip(SWEEP_NUMBERS // field.dimension**2, 24, min(1000, 100 * field.dimension)))
    kwargs = {"tolerance": settings.tolerance, "max_steps": settings.max_steps}
    bordered = followed = empty = 0
    for sweep in range(MAX_SWEEPS):
        # Attractors lead to the saddles between them and saddles to further attractors, until nothing is new.
        while followed < len(roots.y):
            known, followed = followed, len(roots.y)
            _descend(field, roots, known, kwargs)
            stable = torch.nonzero(roots.stable())[:, 0]
            slow = border_states(field, roots.y[stable], stable >= bordered, max_steps=PATH_STEPS, max_pairs=2 * rows)
            bordered = len(roots.y)
            _polish(field, slow[distinct(slow, 1e-3)[0]][: 4 * rows], roots, kwargs)
        y = _sweep_starts(field, starts, roots, rows, rng)
        runs = newton(
            field,
            y,
            tolerance=settings.tolerance,
            max_steps=min(SWEEP_STEPS, settings.max_steps),
            roots=roots.y if len(roots.y) and sweep else None,
            damped=sweep % 3 < 2,
        )
        new = _polish(field, runs.y[runs.converged], roots, kwargs)
        empty = 0 if new else empty + 1
        logger.debug("sweep %d: %d new roots, %d in all", sweep, new, len(roots.y))
        if empty >= (3 if roots.degree() in (0, 1) else 6):
            break


def _descend(field: Field, roots: Roots, known: int, kwargs: dict) -> None:
    """Follow the flow from both sides of the new unstable roots, along their fastest unstable direction."""
    unstable = torch.nonzero(~roots.stable())[:, 0]
    unstable = unstable[unstable >= known]
    if not len(unstable):
        return
    values, vectors = torch.linalg.eig(field.jacobian(roots.y[unstable]))
    leading = values.real.argmax(1)
    along = vectors[torch.arange(len(unstable)), :, leading].real
    along = 1e-3 * along / length(along).clamp_min(1e-300)[:, None]
    y = roots.y[unstable].repeat(2, 1) + torch.cat([along, -along])
    ends = relax(field, y, max_steps=PATH_STEPS)
    rest = ends.y[ends.settled & torch.isfinite(ends.y).all(1)]
    _polish(field, rest[distinct(rest, 1e-3)[0]], roots, kwargs)


def _polish(field: Field, y: Tensor, roots: Roots, kwargs: dict) -> int:
    if not len(y):
        return 0
    runs = newton(field, y, **kwargs)
    good = runs.converged
    return roots.add(runs.y[good], runs.residual[good], runs.n_steps[good])


def _sweep_starts(field: Field, starts: Tensor, roots: Roots, rows: int, rng: np.random.Generator) -> Tensor:
    """Given states, random states, states between roots and states beside roots, in equal parts."""
    part = max(1, rows // 4)
    given = starts[torch.as_tensor(rng.permutation(len(starts))[:part])]
    both = torch.cat([starts, roots.y])
    low, high = both.min(0).values, both.max(0).values
    margin = 0.1 * (high - low).clamp_min(1.0)
    uniform = torch.as_tensor(rng.uniform(size=(part, field.dimension)))
    candidates = [given, low - margin + (high - low + 2 * margin) * uniform]
    if len(roots.y):
        first, second = (torch.as_tensor(rng.integers(len(roots.y), size=part)) for _ in range(2))
        share = torch.as_tensor(rng.uniform(size=(part, 1)))
        noise = torch.as_tensor(rng.normal(size=(2, part, field.dimension)))
        between = roots.y[first] * share + roots.y[second] * (1 - share) + 0.05 * noise[0]
        beside = roots.y[first] + torch.as_tensor(10.0 ** rng.uniform(-2, 0, size=(part, 1))) * noise[1]
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
