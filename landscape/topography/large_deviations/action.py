"""Quasi-potential: the minimum action of a path against the flow."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, generator
from landscape._threads import on_one_thread
from landscape.dynamics import Drift
from landscape.topography.field import as_states, drift_and_noise
from landscape.topography.fixed_points.saddles import Descent, Saddle, descents, find_saddle
from landscape.topography.large_deviations.initial_paths import arcs, best_of, given_paths
from landscape.topography.large_deviations.path_mesh import moved_to, refined, respace
from landscape.topography.large_deviations.path_minimisation import NEAR_DAMPING, PathRun, minimise_path
from landscape.topography.whitening import WhitenedDrift, whitened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

logger = logging.getLogger(__name__)

# A fixed point closer to an end than this share of the distance between the ends is that end.
SAME = 1e-3
# Slowest states along a path from which Newton's method searches for saddles.
MAX_SADDLES = 8
# Distance from the attractor, over that between saddle and attractor, at which a descent has ended there.
DESCENT_RADIUS = 0.05
# Fewest segments of a path: a quarter of them, on the coarsest level, still resolves an arc.
MIN_POINTS = 16
# Actions below this share of the size of the path are zero within rounding.
ZERO_ACTION = 1e-9
# Levels beyond those asked for, each with twice the points, on which a path is refined whose error exceeds the tolerance.
EXTRA_LEVELS = 2
# Expected gain of the next step, over the tolerance and the action, at which a path is stationary on the last level and on
# those before it: the optimiser's share of the error is far below that of the midpoint rule.
LAST_PRECISION, PRECISION = 1e-2, 1e-1


@dataclass(frozen=True, eq=False)
class MinimumAction:
    r"""A minimum-action path.

    Attributes
    ----------
    action
        :math:`S`, dimensionless: :math:`p_{ss} \sim e^{-S}`, mean passage times :math:`\sim e^{S}`. Extrapolated
        to infinitely many points. It scales as :math:`1/D`, so state it with ``diffusion``.
    path
        States along the path, shape ``(m, d)``, from start to end.
    cost
        Action spent up to each state of the path, shape ``(m,)``: it rises uphill and is constant downhill.
    saddle
        The saddle over which the path enters the basin of its end; ``None`` if the end is uphill.
    discretisation_error
        Change on halving the number of points, divided by 3: the error of the midpoint rule before extrapolation.
    residual
        Gain that Newton's method expects of one more step, over the action.
    n_steps
        Steps of Newton's method over all levels and initial paths.
    n_paths
        Number of initial paths.
    converged
        Whether Newton's method converged and the error is within the tolerance, relative to the action.
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
    diffusion: Diffusion | None = None,
    n_points: int = 100,
    initial_path: ArrayLike | Tensor | Sequence[ArrayLike] | None = None,
    n_arcs: int | None = 4,
    max_steps: int = 100,
    tolerance: float = 1e-2,
    split: bool = True,
    rng: RandomLike = 0,
    report: bool = True,
) -> MinimumAction:
    r"""Minimum action of a path from one state to another, the quasi-potential between them.

    .. math::
        S = \min_\varphi \tfrac12 \int \big( |\varphi'|_{D^{-1}} |f|_{D^{-1}}
            - \langle \varphi', f \rangle_{D^{-1}} \big)\, d\alpha

    for :math:`dx = f\,dt + \sqrt{2D}\,dB`; for :math:`f = -\nabla V` and :math:`D = \varepsilon`,
    :math:`S = \Delta V / \varepsilon`; in one dimension :math:`S = \int \max(0, -f/D)\,|dx|` along the path.
    The integral is geometric [1]_ : no travel time is fixed. The midpoint rule on 1/4, 1/2 and all of the points is
    minimised by Newton's method, whose Hessian is block tridiagonal, in coordinates in which the noise has unit size, so
    that the result does not depend on the coordinates of ``x``. Several initial paths compete on the coarsest level; the
    best one is tested for directions of negative curvature of the action, and displaced along them. Its nodes are then
    moved to where it turns and spends its action. Where the error still exceeds the tolerance, up to four times the points
    are used.

    Where the path crosses a saddle of index 1 from which the flow leads to ``start`` and to ``end``, only the path up
    to the saddle is minimised; the flow down from it costs no action.

    Parameters
    ----------
    drift
        Model, or callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors, differentiable.
    start, end
        States, shape ``(d,)``. ``start`` is usually an attractor.
    diffusion
        :math:`D`: a number, the diagonal ``(d,)``, a positive definite matrix ``(d, d)``, or a callable from states
        ``(n, d)`` to diagonals ``(n, d)``. By default that of a model.
    n_points
        Number of segments of the path, at least 16; more where the error exceeds the tolerance.
    initial_path
        A path ``(m, d)`` or a list of paths to try in addition to the straight one and the arcs.
    n_arcs
        Number of arcs in random directions to try, in pairs of opposite directions. With ``None`` the initial paths given
        compete alone, without the straight one.
    max_steps
        Maximum number of steps of Newton's method for one path on one level.
    tolerance
        Largest relative error of a converged action.
    split
        Search for the saddle and minimise only the path up to it.
    rng
        Seed of the arcs.
    report
        Log a warning if the path has not converged; the record states it in any case.

    Returns
    -------
    Record with the action, the path, the action along it, the saddle, and measures of convergence.

    Raises
    ------
    TypeError
        If the drift is not callable or returns no float64 tensor, or there is no ``diffusion`` and the drift is not a
        model.
    ValueError
        If states do not match, the drift is not finite or cannot be differentiated, or the diffusion is not
        positive.

    References
    ----------
    .. [1] Heymann and Vanden-Eijnden (2008), *Comm. Pure Appl. Math.* 61, 1052. https://doi.org/10.1002/cpa.20238
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    ends = torch.cat([as_states(start, name="start"), as_states(end, name="end")])
    if len(ends) != 2:
        msg = f"Expected one state each in `start` and `end`, found {len(ends)} in all."
        raise ValueError(msg)
    if n_points < MIN_POINTS or max_steps < 1 or not tolerance > 0 or (n_arcs or 0) < 0:
        msg = (
            f"Expected `n_points` of at least {MIN_POINTS} and positive `max_steps`, `tolerance`, found "
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
    candidates = given
    if n_arcs is not None or not given:
        candidates = [*given, *arcs(y[0], y[1], levels[0], n_arcs or 0, random)]
    best, n_steps = best_of(space, candidates, levels[0], max_steps, random)
    if split:
        direct = _direct_saddle(drift, space, best.y, ends)
        if direct is not None:
            saddle, down = direct
            guess = respace(_up_to(best.y, space.inside(torch.as_tensor(saddle.x[None])).numpy()[0]), levels[0])
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
            "a minimum-action path did not converge: action %.4g, discretisation error %.2g, expected gain %.2g; "
            "raise `n_points` or `max_steps`",
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
    diffusion: Diffusion | None = None,
    n_points: int = 100,
    initial_path: ArrayLike | Tensor | None = None,
    n_arcs: int = 2,
    max_steps: int = 100,
    tolerance: float = 1e-2,
    rng: RandomLike = 0,
    report: bool = True,
) -> MinimumAction:
    r"""Minimum action from an attractor to a saddle: the barrier that determines the exit rate, in units of the noise.

    The reversed descent from the saddle is the first initial path; in a gradient field it is the solution.

    Parameters
    ----------
    drift, diffusion, n_points, n_arcs, max_steps, tolerance, rng, report
        As in :func:`minimum_action`.
    attractor
        State, shape ``(d,)``.
    saddle
        Saddle record, or a state ``(d,)`` near one, which Newton's method refines.
    initial_path
        A path ``(m, d)``, such as that of a similar model, from which alone the minimisation starts.

    Raises
    ------
    TypeError
        If there is no ``diffusion`` and the drift is not a model.
    ValueError
        If no saddle of index 1 is found there.
    """
    drift, diffusion = drift_and_noise(drift, diffusion)
    low = as_states(attractor, name="attractor")
    if not isinstance(saddle, Saddle):
        near = as_states(saddle, name="saddle")
        saddle = find_saddle(drift, near, scale=_distance(near, low))
    if not saddle.converged:
        msg = (
            f"Expected a saddle with one unstable direction, found index {saddle.index} and residual "
            f"{saddle.residual:.2g}; pass one of `fixed_points(...).saddles`."
        )
        raise ValueError(msg)
    if initial_path is None:
        starts: list[Any] = _reversed_descents(drift, low.numpy()[0], saddle)
    else:
        starts = [moved_to(np.asarray(initial_path, dtype=np.float64), low.numpy()[0], saddle.x)]
    found = minimum_action(
        drift, low, saddle.x, diffusion=diffusion, n_points=n_points, initial_path=starts,
        n_arcs=n_arcs if initial_path is None else None,
        max_steps=max_steps, tolerance=tolerance, split=False, rng=rng, report=report,
    )  # fmt: skip
    return replace(found, saddle=saddle)


def _reversed_descents(drift: Drift, low: NDArray[np.float64], saddle: Saddle) -> list[NDArray[np.float64]]:
    """Paths against the flow from an attractor to a saddle, from whose sides the flow leads there."""
    scale = float(np.linalg.norm(saddle.x - low))
    return [
        np.vstack([low, descent.path[::-1]])
        for descent in descents(drift, saddle, scale=scale)
        if descent.settled and np.linalg.norm(descent.end - low) <= DESCENT_RADIUS * scale
    ]


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm()) or 1.0


def _refined(
    space: WhitenedDrift,
    best: PathRun,
    levels: list[int],
    n_steps: int,
    n_paths: int,
    max_steps: int,
    tolerance: float,
    diffusion: Diffusion,
) -> MinimumAction:
    """Path on finer levels; more of them than asked for where the error exceeds the tolerance."""
    pending, actions, sizes = list(levels[1:]), [best.action], [levels[0]]
    while True:
        n = pending.pop(0) if pending else 2 * sizes[-1]
        y, share = refined(best.y, best.share, n)
        precision = (PRECISION if pending else LAST_PRECISION) * tolerance
        best = minimise_path(space, y, share, max_steps=max_steps, precision=precision, damping=NEAR_DAMPING)
        n_steps += best.n_steps
        actions.append(best.action)
        sizes.append(n)
        # The error of the midpoint rule is of order h^2: twice the points give a quarter of it.
        change = (actions[-1] - actions[-2]) / ((sizes[-1] / sizes[-2]) ** 2 - 1)
        action = max(actions[-1] + change, 0.0)
        exact = abs(change) <= tolerance * max(action, ZERO_ACTION * best.size)
        if not pending and (exact or not best.converged or len(sizes) >= len(levels) + EXTRA_LEVELS):
            break
    return MinimumAction(
        action=action,
        path=space.outside(torch.as_tensor(best.y)).numpy(),
        cost=np.concatenate([[0.0], np.cumsum(best.actions)]),
        saddle=None,
        discretisation_error=abs(change),
        residual=best.residual,
        n_steps=n_steps,
        n_paths=n_paths,
        converged=bool(best.converged and exact),
        diffusion=diffusion,
    )


def _direct_saddle(
    drift: Drift, space: WhitenedDrift, y: NDArray[np.float64], ends: Tensor
) -> tuple[Saddle, Descent] | None:
    """Saddle near a path whose descents end at start and end, with the descent to the end; ``None`` if there is none."""
    scale = _distance(ends[:1], ends[1:])
    lower, upper = ends.numpy()
    for saddle in saddles_near(drift, space, y, scale):
        if min(np.linalg.norm(saddle.x - lower), np.linalg.norm(saddle.x - upper)) <= SAME * scale:
            continue
        pair = descents(drift, saddle, scale=scale)
        for up, down in (pair, pair[::-1]):
            both = up.settled and down.settled
            if both and max(np.linalg.norm(up.end - lower), np.linalg.norm(down.end - upper)) <= SAME * scale:
                return saddle, down
    return None


def saddles_near(drift: Drift, space: WhitenedDrift, y: NDArray[np.float64], scale: float) -> list[Saddle]:
    """Saddles of index 1 to which Newton's method converges from the slowest states of a whitened path."""
    with torch.no_grad():
        speed = space.velocity(torch.as_tensor(y)).norm(dim=1).numpy()
    slow = 1 + np.flatnonzero((speed[1:-1] <= speed[:-2]) & (speed[1:-1] <= speed[2:]))
    found: list[Saddle] = []
    for k in slow[np.argsort(speed[slow])][:MAX_SADDLES]:
        saddle = find_saddle(drift, space.outside(torch.as_tensor(y[k][None])), scale=scale)
        if saddle.converged and all(np.linalg.norm(saddle.x - s.x) > SAME * scale for s in found):
            found.append(saddle)
    return found


def _up_to(y: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest = int(np.linalg.norm(y - point, axis=1).argmin())
    return np.vstack([y[: max(nearest, 1)], point])
