"""Deflated Newton's method from many states at once: known roots are divided out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape._numbers import TINY
from landscape.topography.field import BLOCK_NUMBERS, Field, length

# Longest step in units of the field's scale: a nearly singular Jacobian must not send a state far away.
MAX_STEP = 1.0
# A run whose merit did not fall in this many consecutive steps is in a local minimum of |f|.
MAX_FAILURES = 4
# A linear solve whose relative residual exceeds this met a singular Jacobian.
SINGULAR = 1e-6
# Levenberg-Marquardt damping, over the squared norm of the Jacobian: the first one after a failure, the factor by
# which failures raise and successes lower it, the value below which it is off, and that for singular Jacobians.
FIRST_DAMPING, DAMPING_FACTOR, MIN_DAMPING, SINGULAR_DAMPING = 1e-4, 10, 1e-6, 1e-8
# Line search: steps are halved at most this often, until the logarithm of the merit falls by this share of the step
# (Armijo's condition).
MAX_HALVINGS, ARMIJO = 8, 1e-4


@dataclass(frozen=True)
class NewtonRuns:
    """Ends of Newton runs, one row each: state, |f|, length of the last correction, success and number of steps."""

    y: Tensor
    residual: Tensor
    correction: Tensor
    converged: Tensor
    n_steps: Tensor


def newton(
    field: Field,
    y: Tensor,
    *,
    tolerance: float,
    max_steps: int,
    roots: Tensor | None = None,
    damped: bool = True,
) -> NewtonRuns:
    r"""Damped Newton's method on :math:`M(y) f(y)`, for each row independently.

    .. math:: M(y) = \prod_k \left( \frac{1}{\lVert y - y_k \rVert^2} + 1 \right)

    By the Sherman-Morrison formula the deflated step is the plain step :math:`\delta` times
    :math:`1 / (1 - \nabla \log M \cdot \delta)`, so that deflation needs no further solve. A row has converged when
    the *plain* correction :math:`J^{-1} f`, an estimate of its distance from the root, is below the tolerance. A
    small :math:`|f|` alone is not accepted: a field may come close to zero without reaching it.

    Parameters
    ----------
    field
        Dimensionless field.
    y
        Starts, shape ``(n, d)``, where the field is finite.
    tolerance
        Largest correction of a converged row, in units of the field's scale.
    max_steps
        Maximum number of steps of a row.
    roots
        Roots to deflate, shape ``(k, d)``.
    damped
        Halve each step until :math:`M |f|` falls. Undamped rows wander, which finds roots that descent misses.

    References
    ----------
    Farrell, Birkisson, Funke (2015), *SIAM Journal on Scientific Computing* 37, A2026.
    https://doi.org/10.1137/140984798
    """
    y = y.clone()
    n = len(y)
    f = field(y)
    residual, correction = length(f), torch.full((n,), torch.inf, dtype=y.dtype)
    converged, n_steps = torch.zeros(n, dtype=torch.bool), torch.zeros(n, dtype=torch.long)
    damping, failures = torch.zeros(n, dtype=y.dtype), torch.zeros(n, dtype=torch.long)
    reach = tolerance + field.rounding
    active = torch.nonzero(torch.isfinite(residual))[:, 0]
    for _ in range(max_steps):
        if not len(active):
            break
        here, force = y[active], f[active]
        step, regular = _steps(field, here, force, damping[active])
        correction[active] = torch.where(regular, length(step), torch.inf)
        n_steps[active] += 1
        near = regular & (length(step) <= reach)
        scaled = step if roots is None else step * _deflation(here, step, roots)[:, None]
        scaled = torch.where(near[:, None], step, scaled)
        scaled = scaled * (MAX_STEP / length(scaled).clamp_min(MAX_STEP))[:, None]
        ahead, force, fell = _search(field, here, force, scaled, roots, damped=damped)
        fell |= near  # At convergence rounding may raise |f|; the step still gives the better estimate.
        y[active], f[active] = ahead, force
        residual[active] = length(force)
        converged[active] = near
        failures[active] = torch.where(fell, 0, failures[active] + 1)
        raised = damping[active].clamp_min(FIRST_DAMPING) * DAMPING_FACTOR
        damping[active] = torch.where(fell, damping[active] / DAMPING_FACTOR, raised)
        damping[damping < MIN_DAMPING] = 0.0
        keep = ~near & (failures[active] < MAX_FAILURES) & torch.isfinite(residual[active])
        active = active[keep]
    return NewtonRuns(y, residual, correction, converged & torch.isfinite(residual), n_steps)


def log_deflation(y: Tensor, roots: Tensor) -> Tensor:
    """Logarithm of the deflation factor M, shape ``(n,)``; infinite at a root."""
    return torch.log1p(1 / _square_distance(y, roots)).sum(1)


def _square_distance(y: Tensor, roots: Tensor) -> Tensor:
    apart = torch.cdist(y, roots, compute_mode="donot_use_mm_for_euclid_dist")
    return (apart.square() / y.shape[1]).clamp_min(TINY)


def _deflation(y: Tensor, step: Tensor, roots: Tensor) -> Tensor:
    """Factor that turns each plain step into the step of the deflated problem, shape ``(n,)``."""
    square = _square_distance(y, roots)
    # (y - root) . step for all pairs, without forming all differences.
    along = ((y * step).sum(1, keepdim=True) - step @ roots.T) / y.shape[1]
    slope = -2 * along / (square * (1 + square))
    factor = 1 / (1 - slope.sum(1))
    return torch.where(torch.isfinite(factor), factor, 1.0)


def _steps(field: Field, y: Tensor, f: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    """Newton steps, or Levenberg-Marquardt steps where the Jacobian is singular or the row is damped."""
    rows = max(1, BLOCK_NUMBERS // y.shape[1] ** 2)
    parts = [
        _solve(field.jacobian(a), b, c)
        for a, b, c in zip(y.split(rows), f.split(rows), damping.split(rows), strict=True)
    ]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _solve(jac: Tensor, f: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
    finite = torch.isfinite(jac).all((1, 2))
    jac = torch.where(finite[:, None, None], jac, 0.0)
    step = torch.linalg.solve_ex(jac, -f[:, :, None])[0][:, :, 0]
    missed = (jac @ step[:, :, None])[:, :, 0] + f
    regular = torch.isfinite(step).all(1) & (length(missed) <= SINGULAR * length(f))
    other = ~regular | (damping > 0)
    if other.any():
        part, size = jac[other], jac[other].square().sum((1, 2)).clamp_min(TINY)
        ridge = (damping[other].clamp_min(SINGULAR_DAMPING) * size)[:, None, None] * torch.eye(
            f.shape[1], dtype=f.dtype
        )
        slow = torch.linalg.solve_ex(part.mT @ part + ridge, -(part.mT @ f[other][:, :, None]))[0][:, :, 0]
        step[other] = torch.where(torch.isfinite(slow), slow, 0.0)
    return step, regular & (damping == 0) & finite


def _search(
    field: Field, y: Tensor, f: Tensor, step: Tensor, roots: Tensor | None, *, damped: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Take each step, halved until the merit falls; rows for which it never falls stay in place."""

    def merit(at: Tensor, force: Tensor) -> Tensor:
        value = torch.log(length(force))
        return value if roots is None else value + log_deflation(at, roots)

    start = merit(y, f)
    out_y, out_f = y.clone(), f.clone()
    open_rows = torch.arange(len(y))
    share = 1.0
    for _ in range(MAX_HALVINGS):
        trial = y[open_rows] + share * step[open_rows]
        force = field(trial)
        finite = torch.isfinite(force).all(1)
        falls = merit(trial, force) <= start[open_rows] - ARMIJO * share
        good = finite & (falls | (not damped))
        out_y[open_rows[good]], out_f[open_rows[good]] = trial[good], force[good]
        open_rows = open_rows[~good]
        if not len(open_rows):
            break
        share /= 2
    fell = torch.ones(len(y), dtype=torch.bool)
    fell[open_rows] = False
    return out_y, out_f, fell
