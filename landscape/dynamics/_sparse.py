"""Linear systems of Markov chains: sparse, many right-hand sides, residual always known."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

logger = logging.getLogger(__name__)

# Below these sizes an LU factorisation is quicker than iterating, and exact; a chain on a line or a plane grid has so
# little fill-in that it may be far larger. Above `DIRECT` neighbour graphs fill gigabytes.
SMALL, PLANAR, DIRECT = 2_000, 300_000, 15_000
PLANAR_DEGREE = 5.5
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
    a: sparse.csr_array, b: NDArray[np.float64], *, tolerance: float = 1e-10, max_iterations: int = 5_000
) -> LinearSolution:
    r"""Solve :math:`A X = B` for a sparse, diagonally dominant :math:`A` such as :math:`I - Q`.

    Small and plane-grid systems are factorised. Others are iterated by BiCGSTAB with rows scaled by their diagonal
    (on neighbour graphs an incomplete factorisation costs more than it saves); where that stalls, they are factorised
    up to 15,000 unknowns, else finished by GMRES.

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
    # Dividing rows by their diagonal takes slow states (large self-loops) out of the spectrum.
    inverse = 1.0 / a.diagonal()
    target = tolerance * size * float(inverse.min())
    scaled, scaled_b = sparse.csr_array(sparse.diags_array(inverse) @ a), inverse[:, None] * b
    columns, n_iterations = np.zeros(b.shape[::-1]), 0
    for column, right in zip(columns, scaled_b.T.copy(), strict=True):
        n_iterations += _bicgstab(scaled, right, column, target, max_iterations)
    x = np.ascontiguousarray(columns.T)
    residual = float(np.abs(a @ x - b).max()) / size
    if residual <= tolerance:
        return LinearSolution(x, residual, n_iterations, "bicgstab", converged=True)
    logger.info("BiCGSTAB stopped at residual %.1e after %d iterations.", residual, n_iterations)
    if n <= DIRECT:
        return _factorise(a, b, size, tolerance)
    return _gmres(scaled, scaled_b, a, b, x, n_iterations, tolerance, max_iterations)


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
    a: sparse.csr_array, b: NDArray[np.float64], x: NDArray[np.float64], target: float, max_iterations: int
) -> int:
    """BiCGSTAB on one column, in place; restarts from the true residual where the recursion has drifted from it."""
    done, least = 0, np.inf
    while done < max_iterations:
        r = b - a @ x
        true = float(np.abs(r).max())
        if true <= target or not true < 0.5 * least:  # NaN stops too
            return done
        least, best = true, x.copy()
        done = _bicgstab_cycle(a, r, x, 0.5 * target, done, max_iterations)
        if not np.abs(b - a @ x).max() <= least:
            x[:] = best
            return done
    return done


def _bicgstab_cycle(
    a: sparse.csr_array, r: NDArray[np.float64], x: NDArray[np.float64], target: float, done: int, max_iterations: int
) -> int:
    shadow, p = r.copy(), r.copy()
    rho = shadow @ r
    while done < max_iterations:
        v = a @ p
        through = shadow @ v
        if through == 0.0 or rho == 0.0:
            return done
        alpha = rho / through
        r -= alpha * v
        x += alpha * p
        done += 1
        if np.abs(r).max() <= target:
            return done
        t = a @ r
        omega = (t @ r) / (t @ t)
        x += omega * r
        r -= omega * t
        if not np.abs(r).max() > target or omega == 0.0:
            return done
        following = shadow @ r
        p -= omega * v
        p *= following / rho * alpha / omega
        p += r
        rho = following
    return done


def _gmres(
    a: sparse.csr_array,
    b: NDArray[np.float64],
    raw: sparse.csr_array,
    raw_b: NDArray[np.float64],
    x: NDArray[np.float64],
    n_iterations: int,
    tolerance: float,
    max_iterations: int,
) -> LinearSolution:
    size, x = float(np.abs(raw_b).max()), x.copy()
    for j in range(b.shape[1]):
        steps: list[float] = []
        x[:, j], _ = linalg.gmres(
            a, b[:, j], x0=x[:, j], rtol=tolerance, restart=50, maxiter=-(-max_iterations // 50),
            callback=steps.append, callback_type="pr_norm",
        )  # fmt: skip
        n_iterations += len(steps)
    residual = float(np.abs(raw @ x - raw_b).max()) / size
    return LinearSolution(x, residual, n_iterations, "gmres", converged=bool(residual <= tolerance))
