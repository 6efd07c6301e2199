"""Linear systems of Markov chains: sparse, many right-hand sides, residual always known."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from landscape.markov.multilevel import Multilevel

logger = logging.getLogger(__name__)

# Below these sizes an LU factorisation is quicker than iterating, and exact; a chain on a line or a plane grid has so
# little fill-in that it may be far larger. Above `DIRECT` neighbour graphs fill gigabytes.
SMALL, PLANAR, DIRECT = 2_000, 300_000, 15_000
PLANAR_DEGREE = 5.5
# Numbers in one array of right-hand sides that are iterated together: 64 MB.
BATCH_NUMBERS = 8_000_000
# A residual that has grown to this, from a right-hand side of about 1, comes to nothing.
DIVERGED = 1e10
# Vectors that GMRES keeps before it starts anew.
RESTART = 60
# Rounding errors of a row's sum, with room for growth in the factorisation.
BACKWARD = 1e-13


@dataclass(frozen=True)
class LinearSolution:
    """Solution of ``A X = B``.

    Attributes
    ----------
    x
        :math:`X`, shape ``(n, k)``.
    residual
        Largest :math:`|A X - B|` divided by the largest :math:`|B|`.
    n_iterations
        Iterations; 0 for a factorisation.
    method
        ``"lu"``, ``"bicgstab"`` or ``"gmres"``.
    converged
        Whether the residual is within the tolerance that was asked for.
    """

    x: NDArray[np.float64]
    residual: float
    n_iterations: int
    method: str
    converged: bool


def solve(
    a: sparse.csr_array, b: NDArray[np.float64], *, tolerance: float = 1e-10, max_iterations: int = 600
) -> LinearSolution:
    r"""Solve :math:`A X = B` for a sparse, diagonally dominant :math:`A` such as :math:`I - Q`.

    Small and plane-grid systems are factorised. Others are iterated by BiCGSTAB, all right-hand sides together, with
    :class:`~landscape.markov.multilevel.Multilevel` as preconditioner, so that the iterations hardly grow with the
    number of states; where that stalls, they are factorised up to 15,000 unknowns, else finished by GMRES.

    Parameters
    ----------
    a
        Matrix, shape ``(n, n)``.
    b
        Right-hand sides, shape ``(n, k)``.
    tolerance
        Residual to reach, relative to the largest entry of ``b``.
    max_iterations
        Bound on iterations of each method.
    """
    found = _solve(a, b, tolerance, max_iterations)
    if not found.converged:
        logger.warning(
            "a linear system of %d unknowns is solved to residual %.1e only (%s); the chain may hold sets that are left "
            "too rarely",
            len(b),
            found.residual,
            found.method,
        )
    return found


def _solve(a: sparse.csr_array, b: NDArray[np.float64], tolerance: float, max_iterations: int) -> LinearSolution:
    n, size = a.shape[0], float(np.abs(b).max(initial=0.0))
    if n == 0 or size == 0.0:
        return LinearSolution(np.zeros_like(b), 0.0, 0, "lu", converged=True)
    if n <= SMALL or (n <= PLANAR and a.nnz <= PLANAR_DEGREE * n):
        return _factorise(a, b, size, tolerance)
    inverse = Multilevel(a)
    x, n_iterations = np.zeros(b.shape), 0
    width = max(1, BATCH_NUMBERS // n)
    for start in range(0, b.shape[1], width):
        part = slice(start, start + width)
        x[:, part], spent = _bicgstab(a, b[:, part], inverse, tolerance * size, max_iterations)
        n_iterations += spent
    residual = float(np.abs(a @ x - b).max()) / size
    if residual <= tolerance:
        return LinearSolution(x, residual, n_iterations, "bicgstab", converged=True)
    logger.info("BiCGSTAB stopped at residual %.1e after %d iterations.", residual, n_iterations)
    if n <= DIRECT:
        return _factorise(a, b, size, tolerance)
    return _gmres(a, b, inverse, x, n_iterations, tolerance, max_iterations)


def _factorise(a: sparse.csr_array, b: NDArray[np.float64], size: float, tolerance: float) -> LinearSolution:
    lu = linalg.splu(sparse.csc_array(a))
    x = lu.solve(b)
    x += lu.solve(b - a @ x)  # one refinement brings the residual to rounding
    error = np.abs(a @ x - b)
    # Where entries of A X dwarf those of B, rounding alone exceeds the tolerance: judge the backward error then.
    backward = float((error / np.maximum(abs(a) @ np.abs(x) + np.abs(b), 1e-300)).max())
    residual = float(error.max()) / size
    return LinearSolution(x, residual, 0, "lu", converged=bool(residual <= tolerance or backward <= BACKWARD))


def _bicgstab(
    a: sparse.csr_array, b: NDArray[np.float64], inverse: Multilevel, target: float, max_iterations: int
) -> tuple[NDArray[np.float64], int]:
    """BiCGSTAB with the preconditioner on the right: the best solution seen, and the iterations of the slowest column.

    Columns that are done are left out; the recursion starts anew from the true residual where it has drifted from it.
    """
    x, done = np.zeros(b.shape), 0
    left, least = np.arange(b.shape[1]), np.full(b.shape[1], np.inf)
    while len(left) and done < max_iterations:
        best = x[:, left].copy()
        r = b[:, left] - a @ best
        true = np.abs(r).max(0)
        going = (true > target) & (true < 0.5 * least[left])  # NaN stops too
        least[left[going]] = true[going]
        left, r, best = left[going], r[:, going], best[:, going]
        if not len(left):
            break
        moved, done = _cycle(a, r, inverse, 0.5 * target, done, max_iterations)
        found = best + moved
        better = np.abs(b[:, left] - a @ found).max(0) <= least[left]
        x[:, left[better]] = found[:, better]
        left = left[better]
    return x, done


def _cycle(
    a: sparse.csr_array, r: NDArray[np.float64], inverse: Multilevel, target: float, done: int, max_iterations: int
) -> tuple[NDArray[np.float64], int]:
    """Steps from the residuals ``r`` until every column is below the target or its recursion breaks down."""
    moved = np.zeros(r.shape)
    left = np.arange(r.shape[1])
    r = np.ascontiguousarray(r)
    shadow, p = r.copy(), r.copy()
    rho = _dot(shadow, r)
    while len(left) and done < max_iterations:
        done += 1
        ahead = inverse.solve(p)
        v = a @ ahead
        alpha = _ratio(rho, _dot(shadow, v))
        s = r - alpha * v
        sideways = inverse.solve(s)
        t = a @ sideways
        omega = _ratio(_dot(t, s), _dot(t, t))
        moved[:, left] += alpha * ahead + omega * sideways
        r = s - omega * t
        following = _dot(shadow, r)
        beta = _ratio(following, rho) * _ratio(alpha, omega)
        p = r + beta * (p - omega * v)
        rho = following
        size = np.abs(r).max(0)
        going = (size > target) & (size < DIVERGED) & (alpha != 0) & (omega != 0) & (rho != 0)
        if not going.all():
            left, rho = left[going], rho[going]
            r, p, shadow = (np.ascontiguousarray(y[:, going]) for y in (r, p, shadow))
    return moved, done


def _dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum("nk,nk->k", x, y)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, zero where the recursion has broken down."""
    sound = np.isfinite(above) & np.isfinite(below) & (below != 0)
    return np.divide(above, below, out=np.zeros_like(above), where=sound)


def _gmres(
    a: sparse.csr_array,
    b: NDArray[np.float64],
    inverse: Multilevel,
    x: NDArray[np.float64],
    n_iterations: int,
    tolerance: float,
    max_iterations: int,
) -> LinearSolution:
    size, x = float(np.abs(b).max()), x.copy()
    # On the right, so that the residual that it stops at is the true one.
    through = linalg.LinearOperator(a.shape, lambda y: a @ inverse.solve(y.reshape(-1, 1))[:, 0], dtype=np.float64)
    for j in range(b.shape[1]):
        steps: list[float] = []
        start = b[:, j] - a @ x[:, j]
        y, _ = linalg.gmres(
            through, start, rtol=0.0, atol=tolerance * size, restart=RESTART,
            maxiter=-(-max_iterations // RESTART), callback=steps.append, callback_type="pr_norm",
        )  # fmt: skip
        x[:, j] += inverse.solve(y[:, None])[:, 0]
        n_iterations += len(steps)
    residual = float(np.abs(a @ x - b).max()) / size
    return LinearSolution(x, residual, n_iterations, "gmres", converged=bool(residual <= tolerance))
