"""Fate probabilities of states by simulation of a model with noise for a given time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from landscape._random import RandomLike, seed_of
from landscape.dynamics import Drift, Model, evaluate, jacobian
from landscape.dynamics.sde import BLOCK
from landscape.topography.fates.ends import label_ends
from landscape.topography.field import as_states, as_states_and_attractors
from landscape.topography.fixed_points.basins import basin_of
from landscape.topography.passage.first_hits import STATES_FOR_STEP, default_step

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

# Paths simulated at once: whole blocks of the noise, so that the result does not depend on their number.
CHUNK = 8 * BLOCK
# After three relaxation times a deviation has decayed to a twentieth.
RELAXATION_TIMES = 3.0
# Step over that of first hits, which is a twentieth of the shortest relaxation time: entries of balls are not counted here.
STEP_RATIO = 4


@dataclass(frozen=True)
class Destinations:
    """Attractors at which paths from each state end.

    Attributes
    ----------
    probabilities
        Share of the paths from each state that end at each attractor, shape ``(n, k)``. Rows sum to one minus
        ``unresolved``.
    standard_error
        Binomial standard error with one pseudo-count spread evenly over the attractors, so that it is never zero; shape
        ``(n, k)``.
    unresolved
        Share of the paths from each state that end at none of the attractors, shape ``(n,)``.
    n_replicates
        Number of paths from each state.
    duration
        Time with noise.
    step
        Time step.
    """

    probabilities: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    unresolved: NDArray[np.float64]
    n_replicates: int
    duration: float
    step: float


def destinations(
    drift: Drift,
    states: ArrayLike | Tensor,
    attractors: ArrayLike | Tensor,
    *,
    diffusion: Diffusion,
    duration: float,
    n_replicates: int = 20,
    step: float | None = None,
    lower: float | None = None,
    rng: RandomLike = 0,
) -> Destinations:
    r"""Probability that the noise-free flow takes a state to each attractor after a time with noise.

    Paths follow :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for ``duration`` and then :math:`\dot x = f(x)` to an attractor. If
    paths rarely leave attractors, a duration of a few relaxation times gives the committor, the probability to reach an
    attractor before all others, up to the probability to leave one within the duration. The result does not depend on
    the distance to an attractor. :func:`landscape.topography.committor` counts entries into balls around attractors, which
    are very rare in many dimensions because noise keeps paths away from the centre.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    states
        Start of the paths, shape ``(n, d)``.
    attractors
        Stable fixed points of the drift, shape ``(k, d)``.
    diffusion
        As in :func:`landscape.dynamics.integrate`.
    duration
        Time with noise, such as :func:`settling_time`.
    n_replicates
        Number of paths from each state.
    step
        Time step of the Euler-Maruyama scheme; by default a fifth of the shortest relaxation time.
    lower
        Reflecting lower bound of every coordinate.
    rng
        Seed.

    Returns
    -------
    Record with probabilities, their standard errors, and the share of paths that end at no attractor.

    Raises
    ------
    ValueError
        If an input is out of its range, shapes differ, or an attractor is not stable.

    Examples
    --------
    >>> from landscape.systems import DoubleWell
    >>> from landscape.topography import destinations
    >>> found = destinations(
    ...     DoubleWell(), [[-0.5], [0.5]], [[-1.0], [1.0]], diffusion=0.05, duration=2.0, n_replicates=200
    ... )
    >>> found.probabilities.shape
    (2, 2)
    >>> bool(found.probabilities[0, 0] > 0.9)
    True
    """
    x, centres = as_states_and_attractors(states, attractors)
    if n_replicates < 1 or not (np.isfinite(duration) and duration > 0):
        msg = f"Expected `n_replicates` >= 1 and a positive `duration`, found {n_replicates} and {duration}."
        raise ValueError(msg)
    evaluate(drift, torch.cat([x, centres]))
    n, k = len(x), len(centres)
    step = (
        STEP_RATIO * default_step(drift, torch.cat([centres, x[:: max(1, n // STATES_FOR_STEP)]]))
        if step is None
        else step
    )
    n_steps = max(1, round(duration / step))
    found = label_ends(
        Model(drift, diffusion, lower=lower),
        x.repeat_interleave(n_replicates, 0),
        relax=lambda end: basin_of(drift, end, centres),
        label=lambda basins: basins.labels,
        n_steps=n_steps,
        step=step,
        save_at=[n_steps * step],
        chunk=CHUNK,
        rng=seed_of(rng),
    )
    counts = np.stack([(found.labels.reshape(n, n_replicates) == j).sum(1) for j in range(k)], axis=1)
    share = counts / n_replicates
    return Destinations(
        share, standard_error(share, n_replicates), 1 - share.sum(1), n_replicates, n_steps * step, float(step)
    )


def standard_error(share: NDArray[np.float64], n_replicates: int) -> NDArray[np.float64]:
    r"""Standard error :math:`\sqrt{\tilde p (1 - \tilde p) / (n + 1)}` of shares, with one pseudo-count in all.

    :math:`\tilde p = (n p + 1/k) / (n + 1)`, so that a fate that none of a few paths reached has a positive error.

    Parameters
    ----------
    share
        Shares of ``n_replicates`` paths, shape ``(n, k)``.
    n_replicates
        Number of paths.

    Returns
    -------
    Standard errors, shape ``(n, k)``.
    """
    smooth = (share * n_replicates + 1 / share.shape[1]) / (n_replicates + 1)
    return np.sqrt(smooth * (1 - smooth) / (n_replicates + 1))


def settling_time(
    drift: Drift, attractors: ArrayLike | Tensor, *, weights: ArrayLike | None = None, longest: float = np.inf
) -> float:
    r"""Time in which paths relax to attractors: three times the mean of their relaxation times :math:`1 / |\lambda|`.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    attractors
        Stable fixed points, shape ``(k, d)``; :math:`\lambda` is the leading eigenvalue of the Jacobian at each.
    weights
        Weight of each attractor in the mean, such as its number of cells; equal by default.
    longest
        Upper bound of the time; the relaxation time diverges for an attractor close to a bifurcation.

    Returns
    -------
    Time, in units of the drift.

    Raises
    ------
    ValueError
        If an attractor is not stable or the weights have another shape.
    """
    centres = as_states(attractors, name="attractors")
    leading = np.linalg.eigvals(jacobian(drift, centres).detach().numpy()).real.max(1)
    if (leading >= 0).any():
        msg = f"Expected stable attractors, found leading eigenvalues {leading[leading >= 0]}."
        raise ValueError(msg)
    weight = np.ones(len(centres)) if weights is None else np.asarray(weights, dtype=float)
    if weight.shape != leading.shape or (weight < 0).any() or not weight.sum() > 0:
        msg = f"Expected one weight for each of {len(leading)} attractors, some positive, found {weight}."
        raise ValueError(msg)
    return float(min(RELAXATION_TIMES * np.average(-1 / leading, weights=weight), longest))
