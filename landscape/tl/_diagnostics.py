"""Angle between the drift and the manifold of cells that the latent model decodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from landscape.tl._state import widths_of

# Number of cells at which the drift is compared with the tangent space of the manifold.
TANGENCY_CELLS = 500


def tangency(
    model: Any,
    adata: AnnData,
    names: list[str],
    x: NDArray[np.float64],
    velocity: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> dict[str, Any]:
    """Mean cosine between the drift and the tangent space of the decoder's manifold, and its value for a random drift.

    The manifold is that on which the states lie: decoded at the reference of all cells, which ``decoded_at`` names.
    """
    n, d = velocity.shape
    chosen = np.unique(np.linspace(0, n - 1, min(n, TANGENCY_CELLS)).astype(int))
    # The manifold of the decoder is one of log(1 + e); states are square roots of e.
    root = x[chosen] * scale
    slope = 2 * root * scale / (1 + root**2)
    reference = model.get_reference(adata)
    found = model.get_tangency(velocity[chosen] * slope, adata[chosen].copy(), genes=names, batch=reference)
    # For a random direction, E cos^2 is the share of dimensions that are tangent.
    width = model.get_latent_representation(adata[chosen[:1]].copy()).shape[1] / max(1, len(widths_of(model, None)))
    chance = min(1.0, width / d) ** 0.5
    return {"tangency": float(np.nanmean(found)), "tangency_by_chance": chance, "decoded_at": reference.name}
