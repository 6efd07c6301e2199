"""Where a model with noise takes a state within a time."""

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
from landscape.topography.passage.first_hits import default_step

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from landscape.dynamics.sde import Diffusion

# Paths simulated at once, whole blocks of the noise, so that the result does not depend on it.
CHUNK = 8 * BLOCK
# A deviation has shrunk to a twentieth after three relaxation times.
RELAXATION_TIMES = 3.0


@dataclass(frozen=True)
class Destinations:
    """Where paths from each state end.

    Attributes
    ----------
    probabilities
        Share of each state's paths that end at each attractor, shape ``(n, k)``. Rows sum to one less ``unresolved``.
    standard_error
        Binomial standard error, never zero: one pseudo-count is spread evenly over the attractors; shape ``(n, k)``.
    unresolved
        Share of each state's paths that end at none of the attractors, shape ``(n,)``.
    n_replicates
        Paths from each state.
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
    r"""Probability that the noise-free flow takes a state to each attractor after some time with noise.

    Paths follow :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for ``duration`` and then :math:`\dot x = f(x)` to rest. Where
    attractors are left seldom, a duration of a few relaxation times gives the committor, the probability to reach an
    attractor before all others, up to the probability to leave one within it. Nothing is asked of the distance to an
    attractor, which in many dimensions noise keeps a path away from: :func:`landscape.topography.committor` counts
    entries of balls, which such paths hardly ever make.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``, float64 torch tensors.
    states
        Where to start, shape ``(n, d)``.
    attractors
        Stable fixed points of the drift, shape ``(k, d)``.
    diffusion
        As in :func:`landscape.dynamics.integrate`.
    duration
        Time with noise, such as :func:`settling_time`.
    n_replicates
        Paths from each state.
    step
        Time step of the Euler-Maruyama scheme; by default a fifth of the shortest relaxation time.
    lower
        Reflecting lower bound of every coordinate.
    rng
        Seed.

    Raises
    ------
    ValueError
        If an input is out of its range, shapes differ, or an attractor does not attract.
    """
    x, centres = as_states_and_attractors(states, attractors)
    if n_replicates < 1 or not (np.isfinite(duration) and duration > 0):
        msg = f"Expected `n_replicates` >= 1 and a positive `duration`, found {n_replicates} and {duration}."
        raise ValueError(msg)
    evaluate(drift, torch.cat([x, centres]))
    n, k = len(x), len(centres)
    step = 4 * default_step(drift, torch.cat([centres, x[:: max(1, n // 64)]])) if step is None else step
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

    :math:`\tilde p = (n p + 1/k) / (n + 1)`, so that a fate that none of a few paths took is not called impossible.

    Parameters
    ----------
    share
        Shares of ``n_replicates`` paths, shape ``(n, k)``.
    n_replicates
        Number of paths.
    """
    smooth = (share * n_replicates + 1 / share.shape[1]) / (n_replicates + 1)
    return np.sqrt(smooth * (1 - smooth) / (n_replicates + 1))


def settling_time(
    drift: Drift, attractors: ArrayLike | Tensor, *, weights: ArrayLike | None = None, longest: float = np.inf
) -> float:
    r"""Time in which paths settle: three times the mean relaxation time :math:`1 / |\lambda|` of the attractors.

    Parameters
    ----------
    drift
        Callable from states ``(n, d)`` to velocities ``(n, d)``.
    attractors
        Stable fixed points, shape ``(k, d)``; :math:`\lambda` is the leading eigenvalue of the Jacobian at each.
    weights
        Weight of each attractor in the mean, such as its number of cells; equal by default.
    longest
        Longest time: an attractor about to vanish relaxes for ever.

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
