r"""Paths of least action: a geometric action in coordinates in which L-BFGS sees it well conditioned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from landscape.topography.large_deviations.closed_form import closed_form

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from landscape.topography.large_deviations.closed_form import Velocity
    from landscape.topography.metric import Whitened

MEMORY = 30
# Weight of equal spacing, over the cost of the path: enough to fix the parametrisation, to which the action itself
# is blind. It vanishes, with its gradient, for equal spacing.
SPACING = 1.0
# Relative change of the action over a step of L-BFGS at which it stops.
PRECISION = 1e-10
# Largest relative gradient of a converged path: the action is then off by about its square, a permille.
STATIONARY = 3e-2


@dataclass(frozen=True)
class PathRun:
    """End of one minimisation, path ``(n + 1, d)`` in whitened coordinates.

    ``size`` is the cost that the path would have without the help of the flow; ``gradient`` is relative to it.
    """

    y: NDArray[np.float64]
    action: float
    size: float
    n_steps: int
    gradient: float
    converged: bool


def segments(space: Whitened, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Action of each segment by the midpoint rule, its cost if the flow were of no help, and its length.

    .. math:: \tfrac12 \big( |d| |f| - \langle d, f \rangle \big), \quad \tfrac12 |d| |f|
    """
    d, m = y[1:] - y[:-1], 0.5 * (y[1:] + y[:-1])
    f = space.velocity(m)
    weight = space.resistance(m)
    df, ff = (d, f) if weight is None else (d * weight, f * weight)
    # The tiny term keeps the root differentiable where a midpoint is a fixed point or two nodes coincide.
    nd = torch.sqrt((df * d).sum(1) + 1e-30)
    nf = torch.sqrt((ff * f).sum(1) + 1e-30)
    return 0.5 * (nd * nf - (df * f).sum(1)), 0.5 * nd * nf, torch.sqrt(d.square().sum(1) + 1e-30)


def path_cost(space: Whitened, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Action of each segment of a path, shape ``(n,)``."""
    with torch.no_grad():
        return segments(space, torch.as_tensor(y))[0].numpy()


class Objective:
    r"""Action of a path as a function of sine coefficients of its departure from a reference path.

    The second variation of the action contains second derivatives along the path, so that in node coordinates its
    condition grows like :math:`n^2`. Dividing the k-th sine mode by k takes that out, and L-BFGS needs about as many
    steps for 400 points as for 50.
    """

    def __init__(self, space: Whitened, reference: NDArray[np.float64]) -> None:
        n = len(reference) - 1
        k = np.arange(1, n)
        self.space, self.reference, self.n, self.d = space, reference, n, reference.shape[1]
        self.length = float(np.linalg.norm(np.diff(reference, axis=0), axis=1).sum())
        self.basis = np.sin(np.pi * np.outer(k, k) / n) * (self.length / (k + 1.0))
        self.velocity = closed_form(space)
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
        value, gradient = self._automatic(states) if self.velocity is None else self._closed(states, self.velocity)
        if not np.isfinite(value):
            # Outside the domain of the drift: a wall that makes the line search step back.
            return 1e10, np.zeros_like(c)
        return value, (self.basis.T @ gradient[1:-1]).ravel()

    def _automatic(self, path: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        y = torch.as_tensor(path).requires_grad_(True)
        action, _, length = segments(self.space, y)
        uneven = self.n * length.square().sum() / length.sum() ** 2 - 1
        value = action.sum() / self.cost + SPACING * uneven
        (gradient,) = torch.autograd.grad(value, y)
        return value.item(), gradient.numpy()

    def _closed(self, path: NDArray[np.float64], velocity: Velocity) -> tuple[float, NDArray[np.float64]]:
        """The same as :meth:`_automatic`, with the derivatives of :func:`segments` written out."""
        d, m = path[1:] - path[:-1], 0.5 * (path[1:] + path[:-1])
        f, pullback = velocity(m)
        nd = np.sqrt(np.einsum("nd,nd->n", d, d) + 1e-30)
        nf = np.sqrt(np.einsum("nd,nd->n", f, f) + 1e-30)
        total, square = nd.sum(), nd @ nd
        action = 0.5 * (nd @ nf - np.einsum("nd,nd->", d, f))
        by_length = 0.5 / self.cost * nf / nd + SPACING * self.n * 2 / total**2 * (1 - square / (total * nd))
        by_d = by_length[:, None] * d - (0.5 / self.cost) * f
        by_m = 0.5 * pullback((0.5 / self.cost) * ((nd / nf)[:, None] * f - d))
        gradient = np.zeros_like(path)
        gradient[1:] += by_d + by_m
        gradient[:-1] += by_m - by_d
        return float(action / self.cost + SPACING * (self.n * square / total**2 - 1)), gradient


def descend(space: Whitened, y: NDArray[np.float64], *, max_steps: int) -> PathRun:
    """Minimise the action from a path, ends fixed.

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
        options={"maxiter": max_steps, "maxfun": 3 * max_steps, "maxcor": MEMORY, "gtol": 0.0, "ftol": PRECISION},
    )
    path = objective.path(run.x)
    with torch.no_grad():
        action, cost, _ = segments(space, torch.as_tensor(path))
    size = float(np.linalg.norm(run.jac))
    # Status 1 is out of steps, which does not matter where the gradient has all but vanished; status 2 is a line search
    # stopped by rounding, which the gradient judges.
    converged = size <= (STATIONARY if run.status != 1 else 0.1 * STATIONARY)
    return PathRun(path, float(action.sum()), float(cost.sum()), int(run.nit), size, bool(converged))


def descent_direction(
    space: Whitened, y: NDArray[np.float64], *, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Lowest curvature of the action at a stationary path, and the change of the path that has it.

    A negative one says that the path is a saddle of the action, such as a symmetric path between two bowed ones.
    """
    objective = Objective(space, y)
    n = (objective.n - 1) * objective.d
    zero = np.zeros(n)
    step = 1e-4

    def curvature(v: NDArray[np.float64]) -> NDArray[np.float64]:
        v = v.ravel()
        h = step / max(float(np.linalg.norm(v)), 1e-300)
        return (objective(zero + h * v)[1] - objective(zero - h * v)[1]) / (2 * h)

    operator = LinearOperator((n, n), matvec=curvature, dtype=np.float64)
    try:
        values, vectors = eigsh(
            operator, k=1, which="SA", v0=rng.standard_normal(n), ncv=min(n - 1, 12), maxiter=4, tol=0.1
        )
    except ArpackNoConvergence as partial:
        if not len(partial.eigenvalues):
            return 0.0, np.zeros_like(y)
        values, vectors = partial.eigenvalues, partial.eigenvectors
    return float(values[0]), objective.path(vectors[:, 0]) - y


def respace(y: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Path with ``n + 1`` points at equal arc length, by linear interpolation."""
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(y, axis=0), axis=1))])
    if s[-1] == 0:
        return np.repeat(y[:1], n + 1, axis=0)
    at = np.linspace(0, s[-1], n + 1)
    moved = np.stack([np.interp(at, s, column) for column in y.T], axis=1)
    moved[0], moved[-1] = y[0], y[-1]
    return moved
