"""Mean first passage times by simulation, by the backward equation, by a Markov chain, and by Kramers' formula."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from landscape._random import RandomLike, generator, seed_of
from landscape._threads import on_one_thread
from landscape.dynamics import Drift, evaluate
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.large_deviations.action import minimum_action
from landscape.topography.passage.first_hits import Hits, first_hits
from landscape.topography.passage.grid_time import grid_time
from landscape.topography.passage.kramers import kramers_time
from landscape.topography.whitening import constant_diffusion, diffusion_diagonal

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

Method = Literal["simulation", "backward", "chain", "kramers"]
# Fewest paths from which a mean is estimated.
MIN_PATHS = 20
# Relative change on halving the grid up to which a time has converged.
GRID_TOLERANCE = 1e-2
# Bootstrap samples of the confidence interval.
N_BOOTSTRAP = 200
# Upper limit, at 95 %, of the mean of a Poisson count of zero, and the standard deviations that are added to others.
POISSON_LIMIT, POISSON_DEVIATIONS = 3.0, 2


@dataclass(frozen=True)
class PassageTime:
    """Mean first passage time.

    Attributes
    ----------
    time
        In the unit of time of the drift; NaN where too few paths arrived.
    low, high
        Bounds of its confidence interval (simulation), or of the change on halving the grid (backward equation and
        chain); both equal ``time`` for Kramers' formula, whose validity is in ``converged``.
    n_paths
        Number of simulated paths; 0 for the other methods.
    censored
        Paths that had not arrived at the end; their times follow an exponential tail with the last observed hazard.
    step
        Time step, or NaN.
    method
        ``"simulation"``, ``"backward"``, ``"chain"`` or ``"kramers"``.
    converged
        Simulation: at least half of the paths arrived. Backward and chain: residual and grid error within 1 %.
        Kramers: valid.
    """

    time: float
    low: float
    high: float
    n_paths: int
    censored: int
    step: float
    method: Method
    converged: bool


@on_one_thread
def mean_first_passage_time(
    drift: Drift,
    start: ArrayLike | Tensor,
    target: ArrayLike | Tensor,
    *,
    diffusion: Diffusion | None = None,
    radius: float | None = None,
    method: Method = "simulation",
    n_paths: int = 1_000,
    step: float | None = None,
    max_time: float | None = None,
    stop_share: float = 0.9,
    confidence: float = 0.95,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    n_grid: int | None = None,
    leading_order: bool = False,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> PassageTime:
    r"""Mean time until a path enters the ball of radius r around a target, or reaches the point in one dimension.

    ``"simulation"`` simulates paths and corrects for entries within a step. ``"backward"`` solves
    :math:`f \cdot \nabla\tau + D : \nabla\nabla\tau = -1` on a grid in one or two dimensions. ``"chain"`` turns that
    grid into a Markov chain that jumps at the rate :math:`\Lambda` of its fastest volume and counts its steps,
    :math:`(I - Q)\, t = 1, \tau = t / \Lambda` (:func:`landscape.markov.mean_absorption_time`). ``"kramers"``
    evaluates the Eyring-Kramers formula for a gradient drift, from attractor to attractor.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    start, target
        States, shape ``(d,)``.
    diffusion
        :math:`D`: a number, the diagonal ``(d,)``, a positive definite matrix ``(d, d)``, or a callable from states
        ``(n, d)`` to diagonals ``(n, d)`` (Ito). By default that of a model.
    radius
        Radius of the target, required beyond one dimension; in one dimension 0 by default.
    method
        Method, as described above.
    n_paths, step, max_time, stop_share
        Simulation: number of paths; time step (by default a twentieth of the shortest relaxation time at both ends);
        time at which the simulation ends (by default 1,000,000 steps); share of arrivals from which the rest is
        extrapolated.
    confidence
        Level of the confidence interval.
    bounds, n_grid
        Backward and chain: corners of the box with reflecting walls (in one dimension found by default), and number of
        points along each axis.
    leading_order
        Kramers: accept a drift that is not a gradient and return the leading exponent, with ``converged=False``.
    lower
        Simulation: reflecting lower bound of every coordinate.
    rng
        Seed.

    Raises
    ------
    TypeError
        If the drift returns no tensor, or there is no ``diffusion`` and the drift is not a model.
    ValueError
        If states do not match, the drift or the diffusion is invalid, or an option is missing or out of range.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    if method not in get_args(Method):
        msg = f"Expected `method` to be 'simulation', 'backward', 'chain' or 'kramers', found {method!r}."
        raise ValueError(msg)
    a, b = as_states(start, name="start"), as_states(target, name="target")
    if a.shape != b.shape or len(a) != 1:
        msg = f"Expected one state of the same size in `start` and `target`, found {tuple(a.shape)}, {tuple(b.shape)}."
        raise ValueError(msg)
    d = a.shape[1]
    if radius is None:
        if d > 1 and method != "kramers":
            msg = f"Expected a `radius` for a target in {d} dimensions: a point there is never hit."
            raise ValueError(msg)
        radius = 0.0
    if not radius >= 0 or (radius == 0 and d > 1 and method != "kramers"):
        msg = f"Expected a positive `radius`, found {radius}."
        raise ValueError(msg)
    evaluate(drift, torch.cat([a, b]))
    if callable(diffusion):
        diffusion_diagonal(diffusion, torch.cat([a, b]))
    else:
        constant_diffusion(diffusion, d)
    if method == "kramers":
        return _by_kramers(drift, a, b, diffusion, leading_order=leading_order)
    if float((a - b).norm()) <= radius:
        return PassageTime(0.0, 0.0, 0.0, 0, 0, float("nan"), method, converged=True)
    if method in ("backward", "chain"):
        found = grid_time(drift, a, b, diffusion, radius, bounds, n_grid, chain=method == "chain")
        return _judged(
            PassageTime(
                found.time, found.time - found.change, found.time + found.change, 0, 0, float("nan"), method,
                converged=bool(found.solved and found.change <= GRID_TOLERANCE * found.time),
            ), "raise `n_grid` or widen `bounds`",
        )  # fmt: skip
    if n_paths < MIN_PATHS or not 0 < stop_share <= 1 or not 0 < confidence < 1:
        msg = (
            f"Expected `n_paths` of at least {MIN_PATHS}, `stop_share` and `confidence` between 0 and 1, found "
            f"{n_paths}, {stop_share}, {confidence}."
        )
        raise ValueError(msg)
    random = generator(rng)
    hits = first_hits(
        drift, a.expand(n_paths, -1), b, radius=radius, diffusion=diffusion, step=step,
        max_time=max_time, stop_share=stop_share, rng=seed_of(random), lower=lower,
    )  # fmt: skip
    return _by_paths(hits, confidence, random)


def survival_mean(time: NDArray[np.float64], arrived: NDArray[np.bool_]) -> float:
    r"""Mean of waiting times that are right-censored at a common time.

    .. math:: \bar t = \int_0^T S(t)\,dt + S(T) / h

    with the observed survival function :math:`S` and the hazard :math:`h` after half of the arrivals, so that initial
    transients do not bias the tail.
    """
    n, done = len(time), int(arrived.sum())
    if done == n:
        return float(time.mean())
    if done == 0:
        return float("nan")
    late = float(np.median(time[arrived]))
    at_risk = np.maximum(time - late, 0.0).sum()
    after = int((arrived & (time > late)).sum())
    hazard = after / at_risk if after else done / time.sum()
    return float(time.mean() + (n - done) / n / hazard)


def _by_paths(hits: Hits, confidence: float, rng: np.random.Generator) -> PassageTime:
    arrived = hits.target >= 0
    n, done = len(arrived), int(arrived.sum())
    if done < MIN_PATHS:
        # Without an arrival in three mean times at risk the probability is e^-3 = 5 %.
        bound = float(hits.time.sum()) / (done + POISSON_LIMIT + POISSON_DEVIATIONS * np.sqrt(done))
        logger.warning("only %d of %d paths arrived in time %.3g; raise `max_time`", done, n, hits.time.max())
        return PassageTime(np.nan, bound, np.inf, n, n - done, hits.step, "simulation", converged=False)
    mean = survival_mean(hits.time, arrived)
    draws = rng.integers(n, size=(N_BOOTSTRAP, n))
    spread = np.std([survival_mean(hits.time[k], arrived[k]) for k in draws])
    # On the logarithmic scale the interval is positive and nearly symmetric.
    reach = float(np.exp(norm.ppf(0.5 + confidence / 2) * spread / mean))
    return _judged(
        PassageTime(mean, mean / reach, mean * reach, n, n - done, hits.step, "simulation", converged=2 * done >= n),
        f"{n - done} of {n} paths had not arrived; raise `max_time`",
    )


def _by_kramers(drift: Drift, a: Tensor, b: Tensor, diffusion: Diffusion, *, leading_order: bool) -> PassageTime:
    found = minimum_action(drift, a, b, diffusion=diffusion)
    if found.saddle is None:
        msg = (
            "No saddle of index 1 joins `start` and `target` directly; pass two neighbouring attractors, or use "
            "`method='simulation'`."
        )
        raise ValueError(msg)
    answer = kramers_time(drift, a, found.saddle, diffusion=diffusion, leading_order=leading_order)
    return _judged(
        PassageTime(answer.time, answer.time, answer.time, 0, 0, float("nan"), "kramers", converged=answer.valid),
        f"barrier {answer.action:.3g}, asymmetry {answer.asymmetry:.2g}; use `method='simulation'`",
    )


def _judged(found: PassageTime, remedy: str) -> PassageTime:
    """Log a warning if the record has not converged, and return it."""
    if not found.converged:
        logger.warning("the passage time by %r is not reliable: %s", found.method, remedy)
    return found
