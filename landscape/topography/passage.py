"""Mean first passage times: how long until a state is reached."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import csr_array
from scipy.stats import norm
from torch import Tensor

from landscape._random import RandomLike, generator, seed_of
from landscape.dynamics import Drift, evaluate
from landscape.dynamics._sparse import solve
from landscape.topography._field import as_states
from landscape.topography._grid import grid_generator
from landscape.topography._hitting import Hits, first_hits
from landscape.topography._noise import constant, diagonal_at, whitened
from landscape.topography.action import minimum_action
from landscape.topography.kramers import kramers_time

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

Method = Literal["simulation", "backward", "kramers"]
# Paths needed before a mean is stated at all.
FEWEST = 20
# Potential over noise at which a wall is no longer felt: e^-40 of the weight lies beyond.
WALL = 40.0


@dataclass(frozen=True)
class PassageTime:
    """Mean first passage time.

    Attributes
    ----------
    time
        In the unit of time of the drift; NaN where too few paths arrived.
    low, high
        Ends of its confidence interval (simulation), or of the change on halving the grid (backward equation);
        both equal ``time`` for Kramers' formula, whose error ``converged`` judges.
    n_paths
        Simulated paths; 0 for the other methods.
    censored
        Paths still on their way at the end; the tail they make is exponential with the hazard seen last.
    step
        Time step, or NaN.
    method
        ``"simulation"``, ``"backward"`` or ``"kramers"``.
    converged
        Simulation: at least half of the paths arrived. Backward: residual and grid error within 1 %. Kramers: valid.
    """

    time: float
    low: float
    high: float
    n_paths: int
    censored: int
    step: float
    method: Method
    converged: bool


def mean_first_passage_time(
    drift: Drift,
    start: ArrayLike | Tensor,
    target: ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
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
    r"""Mean time until the ball of radius r around a target is entered; in one dimension until the point is reached.

    ``"simulation"`` runs paths with a correction for entries inside a step; ``"backward"`` solves
    :math:`f \cdot \nabla\tau + D : \nabla\nabla\tau = -1` on a grid in one or two dimensions; ``"kramers"`` evaluates
    the Eyring-Kramers formula for a gradient drift, from attractor to attractor.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    start, target
        States, shape ``(d,)``.
    diffusion
        :math:`D`: a number, the diagonal ``(d,)``, a positive definite matrix ``(d, d)``, or a callable from states
        ``(n, d)`` to diagonals ``(n, d)`` (Ito).
    radius
        Radius of the target, needed beyond one dimension; in one dimension 0 by default.
    method
        See above.
    n_paths, step, max_time, stop_share
        Simulation: paths; time step (by default a twentieth of the fastest relaxation at both ends); time at which
        paths are given up (by default 1e7 steps); share of arrivals at which the rest is extrapolated.
    confidence
        Level of the interval.
    bounds, n_grid
        Backward: corners of the box with reflecting walls (found for one dimension) and cells along each axis.
    leading_order
        Kramers: accept a drift that is no gradient and return the leading exponent, never converged.
    lower
        Simulation: reflecting lower bound of every coordinate.
    rng
        Seed.

    Raises
    ------
    TypeError, ValueError
        If states do not match, the drift or the diffusion is refused, an option is missing or out of range.
    """
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
        diagonal_at(diffusion, torch.cat([a, b]))
    else:
        constant(diffusion, d)
    if method == "kramers":
        return _by_kramers(drift, a, b, diffusion, leading_order=leading_order)
    if float((a - b).norm()) <= radius:
        return PassageTime(0.0, 0.0, 0.0, 0, 0, float("nan"), method, converged=True)
    if method == "backward":
        return _by_grid(drift, a, b, diffusion, radius, bounds, n_grid)
    if method != "simulation":
        msg = f"Expected `method` to be 'simulation', 'backward' or 'kramers', found {method!r}."
        raise ValueError(msg)
    if n_paths < FEWEST or not 0 < stop_share <= 1 or not 0 < confidence < 1:
        msg = (
            f"Expected `n_paths` of at least {FEWEST}, `stop_share` and `confidence` between 0 and 1, found "
            f"{n_paths}, {stop_share}, {confidence}."
        )
        raise ValueError(msg)
    random = generator(rng)
    hits = first_hits(
        drift, a.expand(n_paths, -1), b, radius=radius, diffusion=diffusion, step=step,
        max_time=np.inf if max_time is None else max_time, stop_share=stop_share, rng=seed_of(random), lower=lower,
    )  # fmt: skip
    return _by_paths(hits, confidence, random)


def survival_mean(time: NDArray[np.float64], arrived: NDArray[np.bool_]) -> float:
    r"""Mean of waiting times of which some are only known to exceed a common end.

    .. math:: \bar t = \int_0^T S(t)\,dt + S(T) / h

    with the observed survival :math:`S` and the hazard :math:`h` of the time after half of the arrivals: transients
    at the start do not bias the tail.
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
    if done < FEWEST:
        # Three mean times at risk without an arrival have probability e^-3 = 5 %.
        bound = float(hits.time.sum()) / (done + 3.0 + 2 * np.sqrt(done))
        logger.warning("only %d of %d paths arrived in time %.3g; raise `max_time`", done, n, hits.time.max())
        return PassageTime(np.nan, bound, np.inf, n, n - done, hits.step, "simulation", converged=False)
    mean = survival_mean(hits.time, arrived)
    draws = rng.integers(n, size=(200, n))
    spread = np.std([survival_mean(hits.time[k], arrived[k]) for k in draws])
    # On the logarithmic scale the interval of a waiting time stays positive and nearly symmetric.
    reach = float(np.exp(norm.ppf(0.5 + confidence / 2) * spread / mean))
    return PassageTime(mean, mean / reach, mean * reach, n, n - done, hits.step, "simulation", converged=2 * done >= n)


def _by_kramers(drift: Drift, a: Tensor, b: Tensor, diffusion: Diffusion, *, leading_order: bool) -> PassageTime:
    found = minimum_action(drift, a, b, diffusion=diffusion)
    if found.saddle is None:
        msg = (
            "No saddle of index 1 joins `start` and `target` directly; give two neighbouring attractors, or use "
            "`method='simulation'`."
        )
        raise ValueError(msg)
    answer = kramers_time(drift, a, found.saddle, diffusion=diffusion, leading_order=leading_order)
    return PassageTime(answer.time, answer.time, answer.time, 0, 0, float("nan"), "kramers", converged=answer.valid)


def _by_grid(
    drift: Drift,
    a: Tensor,
    b: Tensor,
    diffusion: Diffusion,
    radius: float,
    bounds: tuple[ArrayLike, ArrayLike] | None,
    n_grid: int | None,
) -> PassageTime:
    d = a.shape[1]
    if d > 2:
        msg = f"The backward equation is solved in one or two dimensions, found {d}; use `method='simulation'`."
        raise ValueError(msg)
    if bounds is None:
        if d == 2:
            msg = "Expected `bounds`, the corners of a box with reflecting walls, for a grid in two dimensions."
            raise ValueError(msg)
        low, high = _line(drift, a, b, diffusion, radius)
    else:
        low, high = (np.broadcast_to(np.asarray(v, float), (d,)) for v in bounds)
    n = n_grid or (4_001 if d == 1 else 201)
    answers = [_grid_time(drift, a, b, diffusion, radius, low, high, m) for m in (n // 2 + 1, n)]
    change = abs(answers[1][0] - answers[0][0])
    time = answers[1][0]
    return PassageTime(
        time, time - change, time + change, 0, 0, float("nan"), "backward",
        converged=bool(answers[1][1] and change <= 1e-2 * time),
    )  # fmt: skip


def _grid_time(
    drift: Drift,
    a: Tensor,
    b: Tensor,
    diffusion: Diffusion,
    radius: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n: int,
) -> tuple[float, bool]:
    d = a.shape[1]
    grid = grid_generator(drift, low, high, [n] * d, diffusion=diffusion)
    inside = grid.ball(b.numpy()[0], radius + (1e-9 * float(np.max(high - low)) if d == 1 else 0.0))
    if not len(inside):
        msg = f"No grid point lies within `radius` {radius} of the target; raise `n_grid` or `radius`."
        raise ValueError(msg)
    rest = np.setdiff1d(np.arange(len(grid.points)), inside)
    answer = solve(csr_array(-grid.generator[rest][:, rest]), np.ones((len(rest), 1)))
    tau = np.zeros(len(grid.points))
    tau[rest] = answer.x[:, 0]
    axes = [np.linspace(lo, hi, n) for lo, hi in zip(low, high, strict=True)]
    at = RegularGridInterpolator(axes, tau.reshape([n] * d))(a.numpy())
    return float(at[0]), answer.converged


def _line(
    drift: Drift, a: Tensor, b: Tensor, diffusion: Diffusion, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval from the target to where the potential on the far side of the start is out of reach."""
    whitened(drift, torch.cat([a, b]), diffusion)
    start, goal = float(a), float(b)
    side = 1.0 if start > goal else -1.0
    edge = goal + side * radius
    width = abs(start - edge)
    for k in range(60):
        reach = width * 1.25**k
        x = torch.linspace(start, start + side * reach, 2001, dtype=torch.float64)[:, None]
        level = diagonal_at(diffusion, x) if callable(diffusion) else constant(diffusion, 1).expand_as(x)
        force = -side * evaluate(drift, x) / level
        height = torch.cumulative_trapezoid(force[:, 0], dx=reach / 2000)
        if float(height[-1] - height.min().clamp_max(0)) > WALL:
            ends = np.array([[edge], [start + side * reach]])
            return ends.min(0), ends.max(0)
    msg = "The drift does not hold the process on the far side of the start; give `bounds` with a reflecting wall."
    raise ValueError(msg)
