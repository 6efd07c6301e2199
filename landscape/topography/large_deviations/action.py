"""Quasi-potential: the least action of a path against the flow."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import as_states
from landscape.topography.fixed_points.saddles import Descent, Saddle, descents, find_saddle
from landscape.topography.large_deviations.candidates import arcs, best_of, given_paths
from landscape.topography.large_deviations.path import PathRun, descend, path_cost, respace
from landscape.topography.metric import Whitened, whitened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# A fixed point closer than this share of the path's length to an end is that end.
SAME = 1e-3
MOST_SADDLES = 8


@dataclass(frozen=True, eq=False)
class MinimumAction:
    r"""A path of least action.

    Attributes
    ----------
    action
        :math:`S`, dimensionless: :math:`p_{ss} \sim e^{-S}`, mean passage times :math:`\sim e^{S}`. Extrapolated
        to infinitely many points. It scales as :math:`1/D`, so state it with ``diffusion``.
    path
        States along the path, shape ``(m, d)``, from start to end.
    cost
        Action spent up to each state of the path, shape ``(m,)``: it rises uphill and rests downhill.
    saddle
        The saddle at which the path leaves the last basin before its end; ``None`` if the end is uphill.
    discretisation_error
        What halving the number of points changed, divided by 3: the error of the midpoint rule before extrapolation.
    residual
        Norm of the gradient of the action over the cost the path would have without the help of the flow.
    n_steps
        Steps of L-BFGS over all levels and initial paths.
    n_paths
        Initial paths that were tried.
    converged
        Whether the optimiser converged and the error is within tolerance.
    diffusion
        :math:`D` as given.
    """

    action: float
    path: NDArray[np.float64]
    cost: NDArray[np.float64]
    saddle: Saddle | None
    discretisation_error: float
    residual: float
    n_steps: int
    n_paths: int
    converged: bool
    diffusion: Diffusion


@on_one_thread
def minimum_action(
    drift: Drift,
    start: ArrayLike | Tensor,
    end: ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
    n_points: int = 100,
    initial_path: ArrayLike | Tensor | Sequence[ArrayLike] | None = None,
    n_arcs: int = 4,
    max_steps: int = 2_000,
    tolerance: float = 1e-2,
    split: bool = True,
    rng: RandomLike = 0,
    report: bool = True,
) -> MinimumAction:
    r"""Least action of a path from one state to another, the quasi-potential between them.

    .. math::
        S = \min_\varphi \tfrac12 \int \big( |\varphi'|_{D^{-1}} |f|_{D^{-1}}
            - \langle \varphi', f \rangle_{D^{-1}} \big)\, d\alpha

    for :math:`dx = f\,dt + \sqrt{2D}\,dB`; for :math:`f = -\nabla V` and :math:`D = \varepsilon`,
    :math:`S = \Delta V / \varepsilon`; in one dimension :math:`S = \int \max(0, -f/D)\,|dx|` along the way. The
    integral is geometric [1]_ : no travel time is fixed. The midpoint rule on 1/4, 1/2 and all of the points is
    minimised by L-BFGS in sine modes, in coordinates in which the noise has unit size, so that the answer does not
    depend on the coordinates of ``x``. Several initial paths compete on the coarsest level; the best one is tested
    for directions in which the action curves down, and follows them.

    Where the path passes a saddle of index 1 from which the flow leads to ``start`` and to ``end``, only the way
    up to the saddle is optimised; the way down costs nothing.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors, differentiable.
    start, end
        States, shape ``(d,)``. ``start`` is usually an attractor.
    diffusion
        :math:`D`: a number, the diagonal ``(d,)``, a positive definite matrix ``(d, d)``, or a callable from states
        ``(n, d)`` to diagonals ``(n, d)``.
    n_points
        Segments of the path, at least 16.
    initial_path
        A path ``(m, d)`` or a list of paths to try before the straight one and arcs.
    n_arcs
        Arcs in random directions to try; in pairs, one to each side.
    max_steps
        Most steps of L-BFGS for one path on one level.
    tolerance
        Largest error of a converged action, relative to it.
    split
        Look for the saddle and optimise the way up alone.
    rng
        Seed of the arcs.
    report
        Warn if the path has not converged; the record says so in any case.

    Returns
    -------
    Record with the action, the path, the cost along it, the saddle, and what says how good they are.

    Raises
    ------
    TypeError
        If the drift is not callable or returns no float64 tensor.
    ValueError
        If states do not match, the drift is not finite or cannot be differentiated, or the diffusion is not
        positive.

    References
    ----------
    .. [1] Heymann and Vanden-Eijnden (2008), *Comm. Pure Appl. Math.* 61, 1052. https://doi.org/10.1002/cpa.20238
    """
    ends = torch.cat([as_states(start, name="start"), as_states(end, name="end")])
    if len(ends) != 2:
        msg = f"Expected one state each in `start` and `end`, found {len(ends)} in all."
        raise ValueError(msg)
    if n_points < 16 or max_steps < 1 or not tolerance > 0 or n_arcs < 0:
        msg = (
            "Expected `n_points` of at least 16 and positive `max_steps`, `tolerance`, found "
            f"{n_points}, {max_steps}, {tolerance}."
        )
        raise ValueError(msg)
    space = whitened(drift, ends, diffusion)
    if torch.equal(ends[0], ends[1]):
        x = ends.numpy()
        return MinimumAction(0.0, x, np.zeros(2), None, 0.0, 0.0, 0, 0, converged=True, diffusion=diffusion)
    y = space.inside(ends).numpy()
    random = generator(rng)
    given = given_paths(space, initial_path, ends)
    levels = [-(-n_points // 4), -(-n_points // 2), n_points]
    candidates = [*given, *arcs(y[0], y[1], levels[0], n_arcs, random)]
    best, n_steps = best_of(space, candidates, levels[0], max_steps, random)
    if split:
        crossing = _crossing(drift, space, best.y, ends)
        if crossing is not None:
            saddle, down = crossing
            guess = respace(_until(best.y, space.inside(torch.as_tensor(saddle.x[None])).numpy()[0]), levels[0])
            up = minimum_action(
                drift, ends[0], saddle.x, diffusion=diffusion, n_points=n_points,
                initial_path=[space.outside(torch.as_tensor(guess)).numpy()], n_arcs=0,
                max_steps=max_steps, tolerance=tolerance, split=False, rng=random, report=report,
            )  # fmt: skip
            path = np.vstack([up.path, down.path[1:], ends[1:].numpy()])
            cost = np.concatenate([up.cost, np.full(len(path) - len(up.path), up.cost[-1])])
            return replace(
                up, path=path, cost=cost, saddle=saddle, n_steps=up.n_steps + n_steps, n_paths=len(candidates)
            )
    found = _refined(space, best, levels, n_steps, len(candidates), max_steps, tolerance, diffusion)
    if report and not found.converged:
        logger.warning(
            "a path of least action did not converge: action %.4g, error of its discretisation %.2g, relative gradient "
            "%.2g; raise `n_points` or `max_steps`",
            found.action,
            found.discretisation_error,
            found.residual,
        )
    return found


@on_one_thread
def barrier(
    drift: Drift,
    attractor: ArrayLike | Tensor,
    saddle: Saddle | ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
    n_points: int = 100,
    n_arcs: int = 2,
    max_steps: int = 2_000,
    tolerance: float = 1e-2,
    rng: RandomLike = 0,
    report: bool = True,
) -> MinimumAction:
    r"""Least action from an attractor to a saddle: the height that decides the rate of leaving, in units of noise.

    The way down from the saddle, reversed, is the first initial path: in a gradient field it is the answer.

    Parameters
    ----------
    drift, diffusion, n_points, n_arcs, max_steps, tolerance, rng, report
        As in :func:`minimum_action`.
    attractor
        State, shape ``(d,)``.
    saddle
        Saddle record, or a state ``(d,)`` near one, which Newton refines.

    Raises
    ------
    ValueError
        If no saddle of index 1 is found there.
    """
    low = as_states(attractor, name="attractor")
    if not isinstance(saddle, Saddle):
        near = as_states(saddle, name="saddle")
        saddle = find_saddle(drift, near, scale=_distance(near, low))
    if not saddle.converged:
        msg = (
            f"Expected a saddle with one unstable direction, found index {saddle.index} and residual "
            f"{saddle.residual:.2g}; take one of `fixed_points(...).saddles`."
        )
        raise ValueError(msg)
    scale = float(np.linalg.norm(saddle.x - low.numpy()[0]))
    ways = descents(drift, saddle, scale=scale)
    reversed_ways = [
        np.vstack([low.numpy(), way.path[::-1]])
        for way in ways
        if way.settled and np.linalg.norm(way.end - low.numpy()[0]) <= 0.05 * scale
    ]
    found = minimum_action(
        drift, low, saddle.x, diffusion=diffusion, n_points=n_points, initial_path=reversed_ways, n_arcs=n_arcs,
        max_steps=max_steps, tolerance=tolerance, split=False, rng=rng, report=report,
    )  # fmt: skip
    return replace(found, saddle=saddle)


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm()) or 1.0


def _refined(
    space: Whitened,
    best: PathRun,
    levels: list[int],
    n_steps: int,
    n_paths: int,
    max_steps: int,
    tolerance: float,
    diffusion: Diffusion,
) -> MinimumAction:
    actions = [best.action]
    for n in levels[1:]:
        best = descend(space, respace(best.y, n), max_steps=max_steps)
        n_steps += best.n_steps
        actions.append(best.action)
    # The midpoint rule errs by h^2, so a level with twice the points has a quarter of the error.
    change = (actions[-1] - actions[-2]) / ((levels[-1] / levels[-2]) ** 2 - 1)
    action = max(actions[-1] + change, 0.0)
    cost = np.concatenate([[0.0], np.cumsum(path_cost(space, best.y))])
    converged = bool(best.converged and abs(change) <= tolerance * max(action, 1e-2 * best.size))
    return MinimumAction(
        action=action,
        path=space.outside(torch.as_tensor(best.y)).numpy(),
        cost=cost,
        saddle=None,
        discretisation_error=abs(change),
        residual=best.gradient,
        n_steps=n_steps,
        n_paths=n_paths,
        converged=converged,
        diffusion=diffusion,
    )


def _crossing(drift: Drift, space: Whitened, y: NDArray[np.float64], ends: Tensor) -> tuple[Saddle, Descent] | None:
    """Saddle over which a path passes, and the way down to its end, if it joins start and end directly."""
    scale = _distance(ends[:1], ends[1:])
    lower, upper = ends.numpy()
    for saddle in saddles_near(drift, space, y, scale):
        if min(np.linalg.norm(saddle.x - lower), np.linalg.norm(saddle.x - upper)) <= SAME * scale:
            continue
        ways = descents(drift, saddle, scale=scale)
        for up, down in (ways, ways[::-1]):
            both = up.settled and down.settled
            if both and max(np.linalg.norm(up.end - lower), np.linalg.norm(down.end - upper)) <= SAME * scale:
                return saddle, down
    return None


def saddles_near(drift: Drift, space: Whitened, y: NDArray[np.float64], scale: float) -> list[Saddle]:
    """Saddles of index 1 to which Newton's method leads from where a whitened path is slowest."""
    with torch.no_grad():
        speed = space.velocity(torch.as_tensor(y)).norm(dim=1).numpy()
    slow = 1 + np.flatnonzero((speed[1:-1] <= speed[:-2]) & (speed[1:-1] <= speed[2:]))
    found: list[Saddle] = []
    for k in slow[np.argsort(speed[slow])][:MOST_SADDLES]:
        saddle = find_saddle(drift, space.outside(torch.as_tensor(y[k][None])), scale=scale)
        if saddle.converged and all(np.linalg.norm(saddle.x - s.x) > SAME * scale for s in found):
            found.append(saddle)
    return found


def _until(y: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest = int(np.linalg.norm(y - point, axis=1).argmin())
    return np.vstack([y[: max(nearest, 1)], point])
