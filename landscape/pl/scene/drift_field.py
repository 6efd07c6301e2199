"""Drift of the fitted model as a field of directions in the plane of a drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from landscape import _keys
from landscape.pl.scene.cells import sample

# Cells whose drift is drawn, and the neighbours of each among which a direction is chosen.
MAX_CELLS = 2000
N_NEIGHBORS = 30
# Fewest cells for which streamlines are drawn.
MIN_CELLS = 10
# Cells of the grid per standard deviation of the smoothing: about a twentieth of the extent.
_GRID_PER_WIDTH = 22
# Density of cells below which no direction is drawn, as a share of the highest density.
_MIN_DENSITY = 0.02
# Margin around the cells, as a share of their extent.
_MARGIN = 0.03


@dataclass(frozen=True)
class DriftField:
    """Directions on a grid.

    Attributes
    ----------
    x, y
        Coordinates of the grid, shapes ``(n,)`` and ``(m,)``.
    u, v
        Components of the direction, shape ``(m, n)``, NaN without cells.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]


def drift_in_plane(
    adata: AnnData, where: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    r"""Points of the plane and the direction of the drift there, or ``None`` without a model.

    The drift :math:`f(x_i)` lies in the space of regulators. In the plane it points towards those of the 30 nearest cells
    that lie in its direction: :math:`\sum_j (\max(c_{ij}, 0)^2 - \text{mean}) (y_j - y_i) / |y_j - y_i|` with
    :math:`c_{ij}` the cosine between :math:`f(x_i)` and :math:`x_j - x_i`. Lengths have no meaning.
    """
    if _keys.STATE not in adata.obsm or _keys.STATE_VELOCITY not in adata.obsm:
        return None
    cells, _ = sample(adata, MAX_CELLS, 0)
    x = adata.obsm[_keys.STATE].iloc[cells].to_numpy(dtype=float)
    f = adata.obsm[_keys.STATE_VELOCITY].iloc[cells].to_numpy(dtype=float)
    y = where[cells]
    k = min(N_NEIGHBORS + 1, len(cells))
    index = np.asarray(cKDTree(x).query(x, k=k)[1]).reshape(len(cells), k)[:, 1:]
    shift, plane = x[index] - x[:, None], y[index] - y[:, None]
    size = np.linalg.norm(shift, axis=-1) * np.linalg.norm(f, axis=-1)[:, None]
    cosine = np.einsum("ikd,id->ik", shift, f) / np.maximum(size, 1e-300)
    weight = np.maximum(cosine, 0.0) ** 2
    weight -= weight.mean(1, keepdims=True)
    length = np.linalg.norm(plane, axis=-1, keepdims=True)
    step = (weight[..., None] * plane / np.maximum(length, 1e-300)).sum(1)
    return y, step


def drift_field(adata: AnnData, where: NDArray[np.float64], *, n: int = 40) -> DriftField | None:
    """Direction of the drift on a grid of ``n`` by ``n`` over the cells, smoothed; ``None`` without a model."""
    found = drift_in_plane(adata, where)
    if found is None or len(found[0]) < MIN_CELLS:
        return None
    y, step = found
    low, high = y.min(0), y.max(0)
    if not (high > low).all():
        return None
    edges = [np.linspace(a - _MARGIN * (b - a), b + _MARGIN * (b - a), n + 1) for a, b in zip(low, high, strict=True)]

    def smoothed(weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        counts, _, _ = np.histogram2d(y[:, 1], y[:, 0], bins=(edges[1], edges[0]), weights=weights)
        return gaussian_filter(counts, n / _GRID_PER_WIDTH, mode="constant")

    density = smoothed(None)
    known = density > _MIN_DENSITY * density.max()
    u, v = (np.where(known, smoothed(step[:, i]) / np.maximum(density, 1e-300), np.nan) for i in (0, 1))
    middles = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
    return DriftField(middles[0], middles[1], u, v)
