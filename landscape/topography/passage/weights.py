"""Stationary weights of attractors: from rates or by simulation, not from the volumes of basins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics import Drift, integrate
from landscape.markov import stationary_distribution
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.passage.committor import check_radius
from landscape.topography.passage.first_hits import default_step

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion
    from landscape.topography.passage.rate_matrix import RateMatrix

logger = logging.getLogger(__name__)

# Steps between observations: five per relaxation time of the fastest direction.
STRIDE = 4
# Share of a rate's standard error by which it is displaced for the derivative: rates seen once have errors as large as
# themselves, and twice the rate would leave the linear range.
DISPLACEMENT = 0.1
# The largest exit rate over that of the chain: a chain that stays with positive probability is aperiodic.
STAY = 1.01
# One over the share of a simulation that is not counted.
BURN_IN = 10
# Standard errors by which two halves may differ, beyond rounding, and changes of attractor per attractor that show that
# paths mix.
MAX_ERRORS, ROUNDING, MIN_CHANGES = 3, 1e-12, 10
# With a radius of zero only a state exactly at an attractor, but for underflow, has entered it.
MIN_RADIUS = 1e-300


@dataclass(frozen=True)
class Weights:
    """Stationary weight of each attractor.

    Attributes
    ----------
    weights
        Share of time for which each attractor is the last one visited, shape ``(k,)``, sum 1.
    standard_error
        Over independent paths; NaN for weights from rates without errors.
    drift_of_weights
        Largest difference between the second and the first half of the simulation; NaN for rates.
    method
        ``"rates"`` or ``"simulation"``.
    converged
        Rates: whether they converged. Simulation: whether both halves agree within three standard errors and paths change
        attractor often enough.
    """

    weights: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    drift_of_weights: float
    method: Literal["rates", "simulation"]
    converged: bool


def weights_from_rates(rates: RateMatrix) -> Weights:
    r"""Stationary weights of a rate matrix, :math:`\pi K = 0`, with errors propagated to first order.

    Raises
    ------
    ValueError
        If rates are missing, or some attractors cannot be reached from each other.
    """
    matrix = rates.rates
    if not np.isfinite(matrix).all():
        msg = (
            f"Expected finite rates, found none for attractors {np.flatnonzero(~np.isfinite(matrix).all(1)).tolist()}."
        )
        raise ValueError(msg)

    def solve(k: NDArray[np.float64]) -> NDArray[np.float64]:
        off = k - np.diag(np.diag(k))
        chain = off / (STAY * off.sum(1).max())
        np.fill_diagonal(chain, 1 - chain.sum(1))
        return stationary_distribution(sparse.csr_array(chain)).distribution

    pi = solve(matrix)
    error = np.full(len(pi), np.nan)
    if np.isfinite(rates.standard_error).all():
        square = np.zeros(len(pi))
        for i, j in zip(*np.nonzero((matrix > 0) & (rates.standard_error > 0)), strict=True):
            moved = matrix.copy()
            moved[i, j] += DISPLACEMENT * rates.standard_error[i, j]
            square += ((solve(moved) - pi) / DISPLACEMENT) ** 2
        error = np.sqrt(square)
    return Weights(pi, error, float("nan"), "rates", rates.converged)


def simulated_weights(
    drift: Drift,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    radius: float,
    duration: float,
    n_paths: int = 200,
    step: float | None = None,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> Weights:
    """Weights from long simulations: the share of time for which each attractor is the last one visited.

    Parameters
    ----------
    drift, attractors, diffusion, radius, step, lower, rng
        As in :func:`committor`.
    duration
        Duration of each path, many times the longest residence time; its first tenth is not counted.
    n_paths
        Number of paths, started in equal numbers in all attractors, at least two for each.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If balls overlap or an option is out of range.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    x = as_states(attractors, name="attractors")
    k = len(x)
    check_radius(x, radius)
    if n_paths < 2 * k or not duration > 0:
        msg = f"Expected `n_paths` of at least {2 * k} and a positive `duration`, found {n_paths} and {duration}."
        raise ValueError(msg)
    step = default_step(drift, x) if step is None else step
    last = torch.arange(n_paths) % k
    total = max(2, round(duration / step))
    begin, middle, changes = total // BURN_IN, total // BURN_IN + (total - total // BURN_IN) // 2, 0
    counts = torch.zeros((2, n_paths, k), dtype=torch.float64)
    scheme: Literal["euler", "heun"] = "euler" if callable(diffusion) else "heun"
    path = integrate(drift, x[last], diffusion=diffusion, step=step, rng=rng, scheme=scheme, lower=lower)
    for t, y in zip(range(total), path, strict=False):
        if t % STRIDE:
            continue
        apart, nearest = torch.cdist(y, x, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        entered = apart <= max(radius, MIN_RADIUS)
        changes += int((entered & (nearest != last)).sum())
        last = torch.where(entered, nearest, last)
        if t >= begin:
            counts[int(t >= middle), torch.arange(n_paths), last] += 1
    halves = (counts / counts.sum(2, keepdim=True)).numpy()
    each = (counts.sum(0) / counts.sum((0, 2))[:, None]).numpy()
    error = each.std(0, ddof=1) / np.sqrt(n_paths)
    moved = np.abs(np.diff(halves.mean(1), axis=0)[0])
    spread = np.diff(halves, axis=0)[0].std(0, ddof=1) / np.sqrt(n_paths)
    settled = bool((moved <= MAX_ERRORS * spread + ROUNDING).all()) and changes >= MIN_CHANGES * k
    if not settled:
        logger.warning(
            "weights have not converged: %d changes of attractor, and a change of %.2g in the last half; raise `duration`",
            changes,
            moved.max(),
        )
    return Weights(each.mean(0), error, float(moved.max()), "simulation", settled)
