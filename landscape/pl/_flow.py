"""Drift of the fitted model as streamlines on the plane of a drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from landscape import _keys
from landscape.pl._ways import reference

_CELLS = 2000
_NEIGHBORS = 30


@dataclass(frozen=True)
class Flow:
    """Directions on a grid; ``u`` and ``v`` have shape ``(len(y), len(x))`` and are not-a-number without cells."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]


def arrows(adata: AnnData, where: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    r"""Points of the plane and the direction of the drift there, or ``None`` without a model.

    The drift :math:`f(x_i)` lies in the space of regulators. It is drawn towards those of the 30 nearest cells that lie
    in its direction: :math:`\sum_j (\max(c_{ij}, 0)^2 - \text{mean}) (y_j - y_i) / |y_j - y_i|` with :math:`c_{ij}` the
    cosine between :math:`f(x_i)` and :math:`x_j - x_i`. Lengths mean nothing.
    """
    if _keys.STATE not in adata.obsm or _keys.STATE_VELOCITY not in adata.obsm:
        return None
    cells = reference(adata, _CELLS)
    x = adata.obsm[_keys.STATE].iloc[cells].to_numpy(dtype=float)
    f = adata.obsm[_keys.STATE_VELOCITY].iloc[cells].to_numpy(dtype=float)
    y = where[cells]
    k = min(_NEIGHBORS + 1, len(cells))
    index = np.asarray(cKDTree(x).query(x, k=k)[1]).reshape(len(cells), k)[:, 1:]
    shift, plane = x[index] - x[:, None], y[index] - y[:, None]
    size = np.linalg.norm(shift, axis=-1) * np.linalg.norm(f, axis=-1)[:, None]
    cosine = np.einsum("ikd,id->ik", shift, f) / np.maximum(size, 1e-300)
    weight = np.maximum(cosine, 0.0) ** 2
    weight -= weight.mean(1, keepdims=True)
    length = np.linalg.norm(plane, axis=-1, keepdims=True)
    step = (weight[..., None] * plane / np.maximum(length, 1e-300)).sum(1)
    return y, step


def flow(adata: AnnData, where: NDArray[np.float64], *, n: int = 40) -> Flow | None:
    """Drift on a grid over the cells, smoothed over a twentieth of the extent; ``None`` without a model."""
    found = arrows(adata, where)
    if found is None or len(found[0]) < 10:
        return None
    y, step = found
    low, high = y.min(0), y.max(0)
    if not (high > low).all():
        return None
    edges = [np.linspace(a - 0.03 * (b - a), b + 0.03 * (b - a), n + 1) for a, b in zip(low, high, strict=True)]

    def binned(weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        counts, _, _ = np.histogram2d(y[:, 1], y[:, 0], bins=(edges[1], edges[0]), weights=weights)
        return gaussian_filter(counts, n / 22, mode="constant")

    crowd = binned(None)
    known = crowd > 0.02 * crowd.max()
    u, v = (np.where(known, binned(step[:, i]) / np.maximum(crowd, 1e-300), np.nan) for i in (0, 1))
    middles = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
    return Flow(middles[0], middles[1], u, v)
