"""The model's own ensemble density in given drawing coordinates: an occupancy, not a quasi-potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Occupancy:
    r"""Height :math:`-\ln p` of an ensemble on a grid of drawing coordinates.

    Barriers must not be read from it: a drawing is no invariant, and a population that grows or flows is not in
    its stationary state.

    Attributes
    ----------
    x, y
        Centres of the cells of the grid, shapes ``(n,)`` and ``(m,)``.
    height
        :math:`-\ln p` above its lowest value on the support, NaN outside it, shape ``(m, n)``: rows are y.
    density
        Probability per unit area, integrating to 1, shape ``(m, n)``.
    support
        Where the drawing has reference points and the ensemble is seen, shape ``(m, n)``.
    bandwidth
        Standard deviation of the smoothing, in the unit of the drawing.
    n_states
        Simulated states that entered.
    n_outside
        States further from all reference states than these are from each other, left out.
    kind
        ``"occupancy"``.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    height: NDArray[np.float64]
    density: NDArray[np.float64]
    support: NDArray[np.bool_]
    bandwidth: float
    n_states: int
    n_outside: int
    kind: str = "occupancy"


def place(
    states: ArrayLike, reference: ArrayLike, coordinates: ArrayLike, *, n_neighbors: int = 15
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Drawing coordinates (or other values) of states: mean over their nearest reference states, weighted by closeness.

    Parameters
    ----------
    states
        Shape ``(n, d)``.
    reference, coordinates
        States and drawing coordinates of the same cells, shapes ``(r, d)`` and ``(r, m)``.
    n_neighbors
        Neighbours to average.

    Returns
    -------
    Coordinates ``(n, m)``, and whether each state is as close to the reference as reference states are to each
    other (up to three times the 99th percentile of their spacing).
    """
    x, known, drawn = (np.asarray(v, dtype=float) for v in (states, reference, coordinates))
    if x.ndim != 2 or known.ndim != 2 or x.shape[1] != known.shape[1]:
        msg = f"Expected `states` (n, d) and `reference` (r, d), found {x.shape} and {known.shape}."
        raise ValueError(msg)
    if drawn.ndim != 2 or len(drawn) != len(known):
        columns = drawn.shape[1] if drawn.ndim == 2 else 2
        msg = f"Expected `coordinates` of shape ({len(known)}, {columns}), found {drawn.shape}."
        raise ValueError(msg)
    for name, value in (("states", x), ("reference", known), ("coordinates", drawn)):
        if not np.isfinite(value).all():
            msg = f"Expected finite `{name}`, found {int((~np.isfinite(value)).any(1).sum())} rows that are not."
            raise ValueError(msg)
    k = min(n_neighbors, len(known))
    if k < 1:
        msg = "Expected at least one reference state and one neighbour."
        raise ValueError(msg)
    # Beyond some fifteen dimensions this searches by matrix products, where trees are slower than no tree.
    tree = NearestNeighbors(n_neighbors=k).fit(known)
    apart, index = tree.kneighbors(x)
    # A Gaussian as wide as the distance to the last neighbour: exact on a reference state's own copies, smooth between.
    scale = np.maximum(apart[:, -1:], 1e-300)
    weight = np.exp(-4.5 * (apart / scale) ** 2)
    placed = (weight[..., None] * drawn[index]).sum(1) / weight.sum(1, keepdims=True)
    own = tree.kneighbors(known, n_neighbors=min(2, len(known)))[0][:, -1]
    return placed, apart[:, 0] <= 3 * np.quantile(own, 0.99) + 1e-12


def occupancy(
    states: ArrayLike,
    reference: ArrayLike,
    coordinates: ArrayLike,
    *,
    n_grid: int = 100,
    n_neighbors: int = 15,
    bandwidth: float | None = None,
    margin: float = 0.08,
    least: float = 1e-3,
) -> Occupancy:
    r"""Density of an ensemble of model states in the drawing coordinates of reference cells, as :math:`-\ln p`.

    Parameters
    ----------
    states
        States simulated by the model, shape ``(n, d)``.
    reference, coordinates
        States and drawing coordinates of cells, shapes ``(r, d)`` and ``(r, 2)``.
    n_grid
        Cells along the longer side.
    n_neighbors
        As in :func:`place`.
    bandwidth
        Standard deviation of the smoothing in the drawing's unit; by default Scott's rule for two dimensions on the
        placed states, at least one grid cell.
    margin
        Share of the drawing's extent that is added around it.
    least
        Density over its maximum below which a grid cell is outside the support.

    Raises
    ------
    ValueError
        If shapes do not match, values are not finite, or no state lies near the reference.
    """
    placed, near = place(states, reference, coordinates, n_neighbors=n_neighbors)
    drawn = np.asarray(coordinates, dtype=float)
    if drawn.shape[1] != 2:
        msg = f"Expected `coordinates` of shape ({len(drawn)}, 2), found {drawn.shape}."
        raise ValueError(msg)
    if not near.any():
        msg = (
            "Expected simulated states near the reference states, found none: the model leads out of the data, or the two are "
            "in different units. Look at `observed` in the table of attractors, and check the scale of the states."
        )
        raise ValueError(msg)
    if n_grid < 4 or not 0 < least < 1 or (bandwidth is not None and not bandwidth > 0):
        msg = f"Expected `n_grid` >= 4, 0 < `least` < 1, positive `bandwidth`, found {n_grid}, {least}, {bandwidth}."
        raise ValueError(msg)
    kept = placed[near]
    low, high = drawn.min(0), drawn.max(0)
    extent = np.where(high > low, high - low, 1.0)
    low, high = low - margin * extent, high + margin * extent
    cell = float((high - low).max()) / n_grid
    if bandwidth is None:
        bandwidth = max(cell, float(np.sqrt(kept.var(0).mean())) * len(kept) ** (-1 / 6))
    shape = np.maximum(np.ceil((high - low) / cell).astype(int), 2)
    edges = [lo + cell * np.arange(n + 1) for lo, n in zip(low, shape, strict=True)]
    counts, _, _ = np.histogram2d(kept[:, 1], kept[:, 0], bins=(edges[1], edges[0]))
    smooth = gaussian_filter(counts, bandwidth / cell, mode="nearest")
    density = smooth / (smooth.sum() * cell**2)
    cells, _, _ = np.histogram2d(drawn[:, 1], drawn[:, 0], bins=(edges[1], edges[0]))
    seen = gaussian_filter(cells, bandwidth / cell, mode="constant")
    support = (density > least * density.max()) & (seen > least * seen.max())
    height = np.full(density.shape, np.nan)
    height[support] = -np.log(density[support] / density[support].max())
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    return Occupancy(middles[0], middles[1], height, density, support, float(bandwidth), len(kept), int((~near).sum()))
