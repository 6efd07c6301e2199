"""Committors: which attractor is reached first, and the width of the zone in which that is undecided."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics import Drift, evaluate, jacobian
from landscape.markov.absorption import absorption_probabilities
from landscape.topography.field import as_states, as_states_and_attractors, drift_and_noise
from landscape.topography.fixed_points.saddles import Saddle, find_saddle
from landscape.topography.passage.finite_volume import finite_volumes
from landscape.topography.passage.first_hits import STATES_FOR_STEP, default_step, first_hits
from landscape.topography.whitening import diffusion_matrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion


logger = logging.getLogger(__name__)

# Steps after which a path counts as unresolved: a thousand relaxation times.
MAX_STEPS = 20_000
# Share of unresolved paths up to which the simulation has converged.
MAX_UNRESOLVED = 0.01
# Radius that keeps a grid point at an attractor inside its ball, over the size of the box.
GRID_ROUNDING = 1e-9
# Rounding errors of probabilities, and of their sums, that are accepted.
PROBABILITY_ROUNDING, SUM_ROUNDING = 1e-9, 1e-6


@dataclass(frozen=True)
class Committor:
    """Probability that each attractor is the first to be reached.

    Attributes
    ----------
    probabilities
        Shape ``(n, k)``; rows sum to 1. NaN where no replicate of a state reached any attractor.
    standard_error
        Binomial standard error with one pseudo-count for each attractor, so that it is never zero; shape ``(n, k)``.
    unresolved
        Share of each state's replicates that reached no attractor in ``max_time``, shape ``(n,)``. Probabilities refer
        to the others.
    n_replicates
        Paths from each state.
    step
        Time step.
    converged
        Whether at most 1 % of all paths are unresolved.
    """

    probabilities: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    unresolved: NDArray[np.float64]
    n_replicates: int
    step: float
    converged: bool


@dataclass(frozen=True)
class GridCommittor:
    """Committor on a grid: ``points`` ``(m, d)``, ``probabilities`` ``(m, k)``, and the accuracy of the solution."""

    points: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    residual: float
    row_sum_error: float
    converged: bool


@dataclass(frozen=True)
class UndecidedZone:
    r"""Zone around a saddle in which noise decides the fate.

    Attributes
    ----------
    width
        :math:`\ell = \sqrt{2 D_u / \lambda_u}` along ``direction``, in the unit of the state.
    direction
        Unit right eigenvector :math:`u` of the unstable rate, along which paths diverge, shape ``(d,)``.
    gradient
        Left eigenvector :math:`w` with :math:`w \cdot u = 1`: near the saddle the committor is
        :math:`\tfrac12 [1 + \mathrm{erf}(w \cdot (x - x_s) / \ell)]`, shape ``(d,)``.
    rate
        Unstable rate :math:`\lambda_u`.
    diffusion
        :math:`D_u = w^\top D w`: the noise across the basin boundary.
    """

    width: float
    direction: NDArray[np.float64]
    gradient: NDArray[np.float64]
    rate: float
    diffusion: float


def committor(
    drift: Drift,
    states: ArrayLike | Tensor,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    radius: float,
    n_replicates: int = 100,
    max_time: float | None = None,
    step: float | None = None,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> Committor:
    r"""Probability that paths from each state enter the ball around each attractor first, by simulation.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    states
        Initial states, shape ``(n, d)``.
    attractors
        Centres, shape ``(k, d)``.
    diffusion
        As in :func:`landscape.dynamics.integrate`. By default that of a model.
    radius
        Radius of the balls, small compared to the distances between attractors; in one dimension it may be 0.
    n_replicates
        Number of paths from each state.
    max_time
        Time after which paths are unresolved; by default a thousand relaxation times (20,000 steps).
    step, lower, rng
        Time step, reflecting lower bound, seed.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If the balls overlap, or an input is out of its range.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    x, centres = as_states_and_attractors(states, attractors)
    check_radius(centres, radius)
    if n_replicates < 1:
        msg = f"Expected `n_replicates` of at least 1, found {n_replicates}."
        raise ValueError(msg)
    evaluate(drift, torch.cat([x, centres]))
    n, k = len(x), len(centres)
    step = default_step(drift, torch.cat([centres, x[:: max(1, n // STATES_FOR_STEP)]])) if step is None else step
    hits = first_hits(
        drift, x.repeat_interleave(n_replicates, 0), centres, radius=radius, diffusion=diffusion, step=step,
        max_time=MAX_STEPS * step if max_time is None else max_time, rng=rng, lower=lower,
    )  # fmt: skip
    ended = hits.target.reshape(n, n_replicates)
    counts = np.stack([(ended == j).sum(1) for j in range(k)], axis=1).astype(float)
    resolved = counts.sum(1, keepdims=True)
    share = np.divide(counts, resolved, out=np.full((n, k), np.nan), where=resolved > 0)
    smooth = (counts + 1) / (resolved + k)
    error = np.sqrt(smooth * (1 - smooth) / (resolved + k))
    unresolved = 1 - resolved[:, 0] / n_replicates
    converged = bool(unresolved.mean() <= MAX_UNRESOLVED)
    if not converged:
        logger.warning("%.3g of all paths reached no attractor; raise `max_time`", unresolved.mean())
    return Committor(share, error, unresolved, n_replicates, step, converged)


def committor_on_grid(
    drift: Drift,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    radius: float,
    bounds: tuple[ArrayLike, ArrayLike],
    n_grid: int | Sequence[int] = 201,
) -> GridCommittor:
    r"""Committor :math:`f \cdot \nabla q + D : \nabla\nabla q = 0` on a grid in one or two dimensions.

    Parameters
    ----------
    drift, attractors, diffusion, radius
        As in :func:`committor`.
    bounds
        Lower and upper corner of a box with reflecting walls.
    n_grid
        Number of points along each axis.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    centres = as_states(attractors, name="attractors")
    d = centres.shape[1]
    low, high = (np.broadcast_to(np.asarray(v, float), (d,)) for v in bounds)
    shape = [n_grid] * d if isinstance(n_grid, int) else list(n_grid)
    check_radius(centres, radius)
    grid = finite_volumes(drift, low, high, shape, diffusion=diffusion)
    margin = GRID_ROUNDING * float(np.max(high - low))
    sets = {str(j): grid.ball(c, radius + margin) for j, c in enumerate(centres.numpy())}
    found = absorption_probabilities(grid.jump_chain(), sets)
    return GridCommittor(grid.points, found.probabilities, found.residual, found.row_sum_error, found.converged)


def undecided_width(
    drift: Drift, saddle: Saddle | ArrayLike | Tensor, *, diffusion: Diffusion | None = None
) -> UndecidedZone:
    r"""Width of the zone around a saddle in which noise decides: :math:`\ell = \sqrt{2 D_u / \lambda_u}`.

    The distance from the basin boundary, measured along the left eigenvector, follows
    :math:`ds = \lambda_u s\,dt + \sqrt{2 D_u}\,dB`, so that the committor is an error function of :math:`s / \ell`.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, differentiable.
    saddle
        Saddle record, or a state near one.
    diffusion
        As in :func:`landscape.dynamics.integrate`, evaluated at the saddle. By default that of a model.

    Raises
    ------
    ValueError
        If the state is not a saddle with one unstable direction.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    if not isinstance(saddle, Saddle):
        saddle = find_saddle(drift, saddle)
    if not saddle.converged:
        msg = f"Expected a saddle with one unstable direction, found index {saddle.index}."
        raise ValueError(msg)
    x = torch.as_tensor(saddle.x[None])
    values, left = np.linalg.eig(jacobian(drift, x).detach().numpy()[0].T)
    k = int(values.real.argmax())
    w = np.real(left[:, k])
    w = w / (w @ saddle.unstable)
    noise = float(w @ diffusion_matrices(diffusion, x)[0].numpy() @ w)
    rate = float(values[k].real)
    return UndecidedZone(float(np.sqrt(2 * noise / rate)), saddle.unstable, w, rate, noise)


def fate_entropy(probabilities: ArrayLike) -> NDArray[np.float64]:
    r"""Entropy of each row of fate probabilities in bits, :math:`-\sum_k p_k \log_2 p_k`; NaN rows stay NaN.

    Raises
    ------
    ValueError
        If entries are negative, or rows without NaN do not sum to 1.
    """
    p = np.asarray(probabilities, dtype=float)
    if p.ndim != 2:
        msg = f"Expected `probabilities` of shape (n, k), found {p.shape}."
        raise ValueError(msg)
    known = ~np.isnan(p).any(1)
    if (p[known] < -PROBABILITY_ROUNDING).any() or (np.abs(p[known].sum(1) - 1) > SUM_ROUNDING).any():
        msg = "Expected non-negative `probabilities` with rows that sum to 1; divide each row by its sum."
        raise ValueError(msg)
    safe = np.where(p > 0, p, 1.0)
    # Rounding of p slightly above one can make the sum negative.
    return np.where(known, np.maximum(-(p * np.log2(safe)).sum(1), 0.0), np.nan)


def check_radius(centres: Tensor, radius: float) -> None:
    """Raise unless balls of a radius around the centres are disjoint and can be hit."""
    if not radius >= 0 or (radius == 0 and centres.shape[1] > 1):
        msg = f"Expected a positive `radius`, found {radius}; beyond one dimension a point is never hit."
        raise ValueError(msg)
    if len(centres) > 1:
        apart = torch.pdist(centres).min()
        if float(apart) <= 2 * radius:
            msg = f"Expected disjoint balls, found attractors {float(apart):.3g} apart and `radius` {radius}."
            raise ValueError(msg)
