"""Minimisation of the geometric action over paths, in coordinates in which it is well conditioned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from landscape._numbers import TINY
from landscape.topography.large_deviations.analytic_velocity import analytic_velocity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.topography.large_deviations.analytic_velocity import Velocity
    from landscape.topography.whitening import WhitenedDrift

# Pairs of vectors that L-BFGS keeps, and evaluations of the action per step that its line search may need on average.
MEMORY, EVALUATIONS_PER_STEP = 30, 3
# Weight of the penalty on unequal spacing, relative to the cost of the path: it fixes the parametrisation, under which
# the action is invariant. The penalty and its gradient vanish for equal spacing.
SPACING = 1.0
# Relative change of the action over a step at which L-BFGS stops.
PRECISION = 1e-10
# Largest relative gradient of a converged path: the error of the action is about its square, a permille. A path that
# ran out of steps must be this much closer to stationary.
STATIONARY, STATIONARY_WITHOUT_STOP = 3e-2, 0.1
# Added under square roots: it keeps them differentiable where a midpoint is a fixed point or two nodes coincide.
SMOOTHING = 1e-30
# Value of the objective outside the domain of the drift, above any relative action, so that the line search steps back.
WALL = 1e10
# Displacement, in sine coefficients, of the central difference of the gradient in :func:`descent_direction`.
CURVATURE_STEP = 1e-4
# Lanczos iteration for the lowest curvature: basis vectors, restarts and relative accuracy. Only its sign and its rough
# direction matter.
LANCZOS_VECTORS, LANCZOS_RESTARTS, LANCZOS_ACCURACY = 12, 4, 0.1


@dataclass(frozen=True)
class PathRun:
    """Result of one minimisation, with the path ``(n + 1, d)`` in whitened coordinates.

    ``size`` is the action of the path without the alignment term; ``gradient`` is relative to it.
    """

    y: NDArray[np.float64]
    action: float
    size: float
    n_steps: int
    gradient: float
    converged: bool


def segments(space: WhitenedDrift, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Action of each segment by the midpoint rule, its action without the alignment term, and its length.

    .. math:: \tfrac12 \big( |d| |f| - \langle d, f \rangle \big), \quad \tfrac12 |d| |f|
    """
    d, m = y[1:] - y[:-1], 0.5 * (y[1:] + y[:-1])
    f = space.velocity(m)
    weight = space.resistance(m)
    df, ff = (d, f) if weight is None else (d * weight, f * weight)
    nd = torch.sqrt((df * d).sum(1) + SMOOTHING)
    nf = torch.sqrt((ff * f).sum(1) + SMOOTHING)
    return 0.5 * (nd * nf - (df * f).sum(1)), 0.5 * nd * nf, torch.sqrt(d.square().sum(1) + SMOOTHING)


def segment_actions(space: WhitenedDrift, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Action of each segment of a path, shape ``(n,)``."""
    with torch.no_grad():
        return segments(space, torch.as_tensor(y))[0].numpy()


class Objective:
    r"""Action of a path as a function of sine coefficients of its departure from a reference path.

    The second variation of the action contains second derivatives along the path, so that the condition number in node
    coordinates grows like :math:`n^2`. Dividing the k-th sine mode by k removes this growth: L-BFGS needs about as many
    steps for 400 points as for 50.
    """

    def __init__(self, space: WhitenedDrift, reference: NDArray[np.float64]) -> None:
        n = len(reference) - 1
        k = np.arange(1, n)
        self.space, self.reference, self.n, self.d = space, reference, n, reference.shape[1]
        self.length = float(np.linalg.norm(np.diff(reference, axis=0), axis=1).sum())
        self.basis = np.sin(np.pi * np.outer(k, k) / n) * (self.length / (k + 1.0))
        self.velocity = analytic_velocity(space)
        with torch.no_grad():
            self.cost = float(segments(space, torch.as_tensor(reference))[1].sum())
        if not np.isfinite(self.cost):
            msg = "the drift is not finite along it"
            raise FloatingPointError(msg)
        self.cost = self.cost or 1.0

    def path(self, c: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nodes of the path with sine coefficients ``c``."""
        y = self.reference.copy()
        y[1:-1] += self.basis @ c.reshape(self.n - 1, self.d)
        return y

    def __call__(self, c: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Action and spacing penalty over the reference cost, with the gradient."""
        states = self.path(c)
        value, gradient = self._automatic(states) if self.velocity is None else self._analytic(states, self.velocity)
        if not np.isfinite(value):
            return WALL, np.zeros_like(c)
        return value, (self.basis.T @ gradient[1:-1]).ravel()

    def _automatic(self, path: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        y = torch.as_tensor(path).requires_grad_(True)
        action, _, length = segments(self.space, y)
        uneven = self.n * length.square().sum() / length.sum() ** 2 - 1
        value = action.sum() / self.cost + SPACING * uneven
        (gradient,) = torch.autograd.grad(value, y)
        return value.item(), gradient.numpy()

    def _analytic(self, path: NDArray[np.float64], velocity: Velocity) -> tuple[float, NDArray[np.float64]]:
        """The same as :meth:`_automatic`, with the derivatives of :func:`segments` written out."""
        d, m = path[1:] - path[:-1], 0.5 * (path[1:] + path[:-1])
        f, pullback = velocity(m)
        nd = np.sqrt(np.einsum("nd,nd->n", d, d) + SMOOTHING)
        nf = np.sqrt(np.einsum("nd,nd->n", f, f) + SMOOTHING)
        total, square = nd.sum(), nd @ nd
        action = 0.5 * (nd @ nf - np.einsum("nd,nd->", d, f))
        by_length = 0.5 / self.cost * nf / nd + SPACING * self.n * 2 / total**2 * (1 - square / (total * nd))
        by_d = by_length[:, None] * d - (0.5 / self.cost) * f
        by_m = 0.5 * pullback((0.5 / self.cost) * ((nd / nf)[:, None] * f - d))
        gradient = np.zeros_like(path)
        gradient[1:] += by_d + by_m
        gradient[:-1] += by_m - by_d
        return float(action / self.cost + SPACING * (self.n * square / total**2 - 1)), gradient


def minimise_path(space: WhitenedDrift, y: NDArray[np.float64], *, max_steps: int) -> PathRun:
    """Minimise the action from an initial path with fixed ends.

    Raises
    ------
    FloatingPointError
        If the drift is not finite along the initial path.
    """
    objective = Objective(space, respace(y, len(y) - 1))
    run = minimize(
        objective,
        np.zeros((objective.n - 1) * objective.d),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_steps,
            "maxfun": EVALUATIONS_PER_STEP * max_steps,
            "maxcor": MEMORY,
            "gtol": 0.0,
            "ftol": PRECISION,
        },
    )
    path = objective.path(run.x)
    with torch.no_grad():
        action, cost, _ = segments(space, torch.as_tensor(path))
    size = float(np.linalg.norm(run.jac))
    # Status 1 is out of steps, which is acceptable if the gradient has nearly vanished; status 2 is a line search
    # stopped by rounding, for which the gradient decides.
    converged = size <= (STATIONARY if run.status != 1 else STATIONARY_WITHOUT_STOP * STATIONARY)
    return PathRun(path, float(action.sum()), float(cost.sum()), int(run.nit), size, bool(converged))


def descent_direction(
    space: WhitenedDrift, y: NDArray[np.float64], *, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Lowest curvature of the action at a stationary path, and the displacement of the path along its eigenvector.

    A negative value shows that the path is a saddle of the action, such as a symmetric path between two bowed ones.
    """
    objective = Objective(space, y)
    n = (objective.n - 1) * objective.d
    zero = np.zeros(n)

    def curvature(v: NDArray[np.float64]) -> NDArray[np.float64]:
        v = v.ravel()
        h = CURVATURE_STEP / max(float(np.linalg.norm(v)), TINY)
        return (objective(zero + h * v)[1] - objective(zero - h * v)[1]) / (2 * h)

    operator = LinearOperator((n, n), matvec=curvature, dtype=np.float64)
    try:
        values, vectors = eigsh(
            operator,
            k=1,
            which="SA",
            v0=rng.standard_normal(n),
            ncv=min(n - 1, LANCZOS_VECTORS),
            maxiter=LANCZOS_RESTARTS,
            tol=LANCZOS_ACCURACY,
        )
    except ArpackNoConvergence as partial:
        if not len(partial.eigenvalues):
            return 0.0, np.zeros_like(y)
        values, vectors = partial.eigenvalues, partial.eigenvectors
    return float(values[0]), objective.path(vectors[:, 0]) - y


def respace(y: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Path with ``n + 1`` points equally spaced in arc length, by linear interpolation."""
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(y, axis=0), axis=1))])
    if s[-1] == 0:
        return np.repeat(y[:1], n + 1, axis=0)
    at = np.linspace(0, s[-1], n + 1)
    moved = np.stack([np.interp(at, s, column) for column in y.T], axis=1)
    moved[0], moved[-1] = y[0], y[-1]
    return moved
