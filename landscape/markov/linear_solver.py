"""Sparse linear systems of Markov chains with several right-hand sides."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from landscape._numbers import TINY
from landscape.markov.multilevel import Multilevel

logger = logging.getLogger(__name__)

# Up to `SMALL` unknowns an LU factorisation is faster than iterating. A chain on a line or a plane grid has so little
# fill-in that this holds up to `PLANAR` unknowns; its mean number of entries in a row is at most `PLANAR_DEGREE`. Where
# iterations fail, up to `DIRECT` unknowns are factorised; above, the factors of neighbour graphs take gigabytes.
SMALL, PLANAR, DIRECT = 2_000, 300_000, 15_000
PLANAR_DEGREE = 5.5
# Numbers in the array of right-hand sides that are iterated together: 64 MB.
MAX_RIGHT_HAND_SIDES = 8_000_000
# An iteration whose residual grows to this, from a right-hand side of about 1, is stopped.
DIVERGED = 1e10
# Vectors that GMRES keeps before it is restarted.
RESTART = 60
# Backward error of a factorisation that counts as rounding: a thousand times the unit roundoff.
BACKWARD = 1e-13
# The recursion of BiCGSTAB is restarted from the true residual while that at least halves, and aims for half of the
# target, since the residual of the recursion deviates from the true one.
PROGRESS = 0.5


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

    Small systems and those of plane grids are factorised. Others are solved by BiCGSTAB for all right-hand sides
    together, with :class:`~landscape.markov.multilevel.Multilevel` as preconditioner, so that the number of iterations
    hardly grows with the number of states. Where BiCGSTAB stalls, up to 15,000 unknowns are factorised and larger
    systems are solved by GMRES.

    Parameters
    ----------
    a
        Matrix, shape ``(n, n)``.
    b
        Right-hand sides, shape ``(n, k)``.
    tolerance
        Largest residual that counts as converged, relative to the largest entry of ``b``.
    max_iterations
        Largest number of iterations of each method.

    Returns
    -------
    The solution with its residual. A warning is logged where it is not converged.
    """
    found = _solve(a, b, tolerance, max_iterations)
    if not found.converged:
        logger.warning(
            "a linear system of %d unknowns is solved to residual %.1e only (%s); the chain may have sets of states that "
            "it leaves too rarely",
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
    width = max(1, MAX_RIGHT_HAND_SIDES // n)
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
    """Solve by LU factorisation."""
    lu = linalg.splu(sparse.csc_array(a))
    x = lu.solve(b)
    x += lu.solve(b - a @ x)  # one step of iterative refinement reduces the residual to rounding
    error = np.abs(a @ x - b)
    # Where entries of A X are much larger than those of B, rounding alone exceeds the tolerance, but not the backward
    # error.
    backward = float((error / np.maximum(abs(a) @ np.abs(x) + np.abs(b), TINY)).max())
    residual = float(error.max()) / size
    return LinearSolution(x, residual, 0, "lu", converged=bool(residual <= tolerance or backward <= BACKWARD))


def _bicgstab(
    a: sparse.csr_array, b: NDArray[np.float64], inverse: Multilevel, target: float, max_iterations: int
) -> tuple[NDArray[np.float64], int]:
    """BiCGSTAB with right preconditioning: the best solution found, and the iterations of the slowest column.

    Columns that have converged are removed. The recursion is restarted from the true residual where the two deviate.
    """
    x, done = np.zeros(b.shape), 0
    active, lowest = np.arange(b.shape[1]), np.full(b.shape[1], np.inf)
    while len(active) and done < max_iterations:
        best = x[:, active].copy()
        r = b[:, active] - a @ best
        true = np.abs(r).max(0)
        continuing = (true > target) & (true < PROGRESS * lowest[active])  # NaN stops too
        lowest[active[continuing]] = true[continuing]
        active, r, best = active[continuing], r[:, continuing], best[:, continuing]
        if not len(active):
            break
        correction, done = _cycle(a, r, inverse, PROGRESS * target, done, max_iterations)
        found = best + correction
        better = np.abs(b[:, active] - a @ found).max(0) <= lowest[active]
        x[:, active[better]] = found[:, better]
        active = active[better]
    return x, done


def _cycle(
    a: sparse.csr_array, r: NDArray[np.float64], inverse: Multilevel, target: float, done: int, max_iterations: int
) -> tuple[NDArray[np.float64], int]:
    """Iterations from the residuals ``r`` until every column is below the target or its recursion breaks down."""
    correction = np.zeros(r.shape)
    active = np.arange(r.shape[1])
    r = np.ascontiguousarray(r)
    shadow, p = r.copy(), r.copy()
    rho = _dot(shadow, r)
    while len(active) and done < max_iterations:
        done += 1
        p_solved = inverse.solve(p)
        v = a @ p_solved
        alpha = _ratio(rho, _dot(shadow, v))
        s = r - alpha * v
        s_solved = inverse.solve(s)
        t = a @ s_solved
        omega = _ratio(_dot(t, s), _dot(t, t))
        correction[:, active] += alpha * p_solved + omega * s_solved
        r = s - omega * t
        rho_new = _dot(shadow, r)
        beta = _ratio(rho_new, rho) * _ratio(alpha, omega)
        p = r + beta * (p - omega * v)
        rho = rho_new
        size = np.abs(r).max(0)
        continuing = (size > target) & (size < DIVERGED) & (alpha != 0) & (omega != 0) & (rho != 0)
        if not continuing.all():
            active, rho = active[continuing], rho[continuing]
            r, p, shadow = (np.ascontiguousarray(y[:, continuing]) for y in (r, p, shadow))
    return correction, done


def _dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum("nk,nk->k", x, y)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, zero where the recursion has broken down."""
    valid = np.isfinite(numerator) & np.isfinite(denominator) & (denominator != 0)
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=valid)


def _gmres(
    a: sparse.csr_array,
    b: NDArray[np.float64],
    inverse: Multilevel,
    x: NDArray[np.float64],
    n_iterations: int,
    tolerance: float,
    max_iterations: int,
) -> LinearSolution:
    """GMRES for one right-hand side after the other, starting from ``x``."""
    size, x = float(np.abs(b).max()), x.copy()
    # With right preconditioning GMRES stops at the true residual.
    operator = linalg.LinearOperator(a.shape, lambda y: a @ inverse.solve(y.reshape(-1, 1))[:, 0], dtype=np.float64)
    for j in range(b.shape[1]):
        steps: list[float] = []
        start = b[:, j] - a @ x[:, j]
        y, _ = linalg.gmres(
            operator, start, rtol=0.0, atol=tolerance * size, restart=RESTART,
            maxiter=-(-max_iterations // RESTART), callback=steps.append, callback_type="pr_norm",
        )  # fmt: skip
        x[:, j] += inverse.solve(y[:, None])[:, 0]
        n_iterations += len(steps)
    residual = float(np.abs(a @ x - b).max()) / size
    return LinearSolution(x, residual, n_iterations, "gmres", converged=bool(residual <= tolerance))
