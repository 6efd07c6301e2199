"""Velocities between successive time points by entropic optimal transport."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from landscape._numbers import TINY
from landscape._random import RandomLike, generator

logger = logging.getLogger(__name__)

# Costs are capped at this multiple of their median, beyond which a distance carries no information.
FAR = 10.0


def coupling(
    early: NDArray[np.float64],
    late: NDArray[np.float64],
    *,
    weights: NDArray[np.float64] | None = None,
    blur: float = 0.05,
    max_steps: int = 5000,
    tolerance: float = 1e-3,
) -> NDArray[np.float64]:
    r"""Entropic optimal transport between two samples (Sinkhorn's algorithm in logarithms).

    .. math:: \min_\pi \sum_{ij} \pi_{ij} c_{ij} - \epsilon H(\pi), \qquad c_{ij} = \min(|x_i - y_j|^2, 10\,m),
              \quad \epsilon = \mathrm{blur} \cdot m

    with the median :math:`m` of :math:`|x_i - y_j|^2`. The cap matters where a few cells are far from all others, such as
    those of another tissue, and their share differs between the samples. Some mass must then cross the gap, and without
    the cap the number of iterations grows with its cost.

    Parameters
    ----------
    early, late
        Samples of shapes ``(n, d)`` and ``(m, d)``.
    weights
        Positive weights of the early sample, shape ``(n,)``, in any unit; equal by default.
    blur
        Regularisation in units of the median cost.
    max_steps, tolerance
        Largest number of iterations, and the relative error of the marginals at which they stop.

    Returns
    -------
    Coupling :math:`\pi`, shape ``(n, m)``; its rows sum to the weights divided by their sum.

    Raises
    ------
    ValueError
        If the iterations do not converge.

    References
    ----------
    Schiebinger et al. (2019), *Cell* 176, 928. https://doi.org/10.1016/j.cell.2019.01.006;
    Pele & Werman (2009), *ICCV*, 460. https://doi.org/10.1109/ICCV.2009.5459199
    """
    cost = cdist(early, late, "sqeuclidean")
    middle = np.median(cost)
    log_kernel = -np.minimum(cost, FAR * middle) / (blur * middle + TINY)
    n, m = cost.shape
    mass = np.full(n, 1.0 / n) if weights is None else weights / weights.sum()
    f, g = np.zeros(n), np.zeros(m)
    for _ in range(max_steps):
        f = np.log(mass) - logsumexp(log_kernel + g, axis=1)
        g_new = -np.log(m) - logsumexp(log_kernel + f[:, None], axis=0)
        change = float(np.abs(g_new - g).max())
        g = g_new
        if change < tolerance:
            plan = np.exp(log_kernel + f[:, None] + g)
            return plan / plan.sum(1, keepdims=True) * mass[:, None]
    msg = f"Optimal transport did not converge in {max_steps} steps (change {change:.1e}); raise `blur` or `max_steps`."
    raise ValueError(msg)


def time_velocity(
    coordinates: NDArray[np.float64],
    states: NDArray[np.float64],
    times: NDArray[np.float64],
    *,
    growth: NDArray[np.float64] | None = None,
    max_cells: int = 1000,
    n_neighbors: int = 10,
    rng: RandomLike = 0,
) -> NDArray[np.float64]:
    r"""Velocity of every cell from the coupling of its time point with the next one.

    .. math:: v_i = \frac{1}{t' - t} \Big(\sum_j \frac{\pi_{ij}}{\sum_k \pi_{ik}} x_j - x_i\Big)

    Cells of the last time point get velocity zero. Of time points with more than ``max_cells`` cells a sample is coupled,
    and every other cell takes the mean over its nearest neighbours in the sample, so that memory does not grow with the
    square of the number of cells.

    Parameters
    ----------
    coordinates
        Coordinates in which distances are measured, such as latent variables, shape ``(n, k)``.
    states
        :math:`x`, shape ``(n, d)``.
    times
        Real time of each cell, shape ``(n,)``.
    growth
        Net growth rate :math:`R` of each cell, shape ``(n,)``: a cell has :math:`e^{R (t' - t)}` descendants at the next
        time. Equal by default.
    max_cells, n_neighbors, rng
        Size of the sample, number of neighbours that are averaged, and seed or generator of the sample.

    Returns
    -------
    Velocity of shape ``(n, d)``, in states per unit of time.
    """
    gen = generator(rng)
    velocity = np.zeros_like(states)
    points = np.unique(times)
    chosen = {}
    for t in points:
        cells = np.flatnonzero(times == t)
        chosen[t] = np.sort(gen.choice(cells, max_cells, replace=False)) if len(cells) > max_cells else cells
    for t, later in zip(points[:-1], points[1:], strict=True):
        a, b = chosen[t], chosen[later]
        descendants = None if growth is None else np.exp((growth[a] - growth[a].max()) * (later - t))
        plan = coupling(coordinates[a], coordinates[b], weights=descendants)
        moved = (plan / plan.sum(1, keepdims=True) @ states[b] - states[a]) / (later - t)
        velocity[a] = moved
        others = np.setdiff1d(np.flatnonzero(times == t), a)
        if len(others):
            _, near = cKDTree(coordinates[a]).query(coordinates[others], min(n_neighbors, len(a)))
            velocity[others] = moved[near.reshape(len(others), -1)].mean(1)
    return velocity
