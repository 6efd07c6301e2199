"""Density of a simulated ensemble in an embedding: an occupancy, not a quasi-potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import NearestNeighbors

from landscape._numbers import TINY

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


# Exponent of the Gaussian weights at the distance of the last neighbour, three standard deviations: exact at a reference
# state, smooth in between.
KERNEL = 4.5
# A state is close to the reference up to this many times this quantile of the spacing of reference states.
MAX_SPACINGS, SPACING_QUANTILE, ROUNDING = 3, 0.99, 1e-12
# Exponent of Scott's rule in two dimensions, -1 / (d + 4).
SCOTT = -1 / 6


@dataclass(frozen=True)
class Occupancy:
    r"""Height :math:`-\ln p` of an ensemble on a grid over an embedding.

    It does not show barriers: an embedding preserves no distances, and a population that grows or flows is not in its
    stationary state.

    Attributes
    ----------
    x, y
        Centres of the cells of the grid, shapes ``(n,)`` and ``(m,)``.
    height
        :math:`-\ln p` above its lowest value within ``mask``, NaN outside, shape ``(m, n)``: rows are y.
    density
        Probability per unit area, integrating to 1, shape ``(m, n)``.
    mask
        Grid cells with reference states and simulated states, shape ``(m, n)``.
    bandwidth
        Standard deviation of the smoothing, in units of the embedding.
    n_states
        Number of simulated states that were used.
    n_outside
        Number of states that were omitted: they are further from all reference states than these are from each other.
    kind
        ``"occupancy"``.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    height: NDArray[np.float64]
    density: NDArray[np.float64]
    mask: NDArray[np.bool_]
    bandwidth: float
    n_states: int
    n_outside: int
    kind: str = "occupancy"


def place(
    states: ArrayLike, reference: ArrayLike, coordinates: ArrayLike, *, n_neighbors: int = 15
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Project states into an embedding: weighted mean of the coordinates of their nearest reference states.

    Parameters
    ----------
    states
        Shape ``(n, d)``.
    reference, coordinates
        States of cells and their coordinates (or other values), shapes ``(r, d)`` and ``(r, m)``.
    n_neighbors
        Number of neighbours.

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
    # Beyond some fifteen dimensions this is a brute-force search by matrix products, which is faster than trees there.
    tree = NearestNeighbors(n_neighbors=k).fit(known)
    apart, index = tree.kneighbors(x)
    scale = np.maximum(apart[:, -1:], TINY)
    weight = np.exp(-KERNEL * (apart / scale) ** 2)
    placed = (weight[..., None] * drawn[index]).sum(1) / weight.sum(1, keepdims=True)
    own = tree.kneighbors(known, n_neighbors=min(2, len(known)))[0][:, -1]
    return placed, apart[:, 0] <= MAX_SPACINGS * np.quantile(own, SPACING_QUANTILE) + ROUNDING


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
    r"""Density of a simulated ensemble in the embedding of reference cells, as :math:`-\ln p`.

    Parameters
    ----------
    states
        States simulated by the model, shape ``(n, d)``.
    reference, coordinates
        States of cells and their embedding, shapes ``(r, d)`` and ``(r, 2)``.
    n_grid
        Number of grid cells along the longer side.
    n_neighbors
        As in :func:`place`.
    bandwidth
        Standard deviation of the smoothing in units of the embedding; by default Scott's rule for two dimensions on the
        projected states, at least one grid cell.
    margin
        Margin around the embedding, as a share of its extent.
    least
        Density over its maximum below which a grid cell is outside the mask.

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
            "Expected simulated states near the reference states, found none: the model leaves the data, or the two are in "
            "different units. See `observed` in the table of attractors, and check the scale of the states."
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
        bandwidth = max(cell, float(np.sqrt(kept.var(0).mean())) * len(kept) ** SCOTT)
    shape = np.maximum(np.ceil((high - low) / cell).astype(int), 2)
    edges = [lo + cell * np.arange(n + 1) for lo, n in zip(low, shape, strict=True)]
    counts, _, _ = np.histogram2d(kept[:, 1], kept[:, 0], bins=(edges[1], edges[0]))
    smooth = gaussian_filter(counts, bandwidth / cell, mode="nearest")
    density = smooth / (smooth.sum() * cell**2)
    cells, _, _ = np.histogram2d(drawn[:, 1], drawn[:, 0], bins=(edges[1], edges[0]))
    reference_density = gaussian_filter(cells, bandwidth / cell, mode="constant")
    mask = (density > least * density.max()) & (reference_density > least * reference_density.max())
    height = np.full(density.shape, np.nan)
    height[mask] = -np.log(density[mask] / density[mask].max())
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    return Occupancy(middles[0], middles[1], height, density, mask, float(bandwidth), len(kept), int((~near).sum()))
