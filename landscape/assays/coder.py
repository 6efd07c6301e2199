"""The encoder and decoder of counts, as assays take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Coder:
    """A latent model beside some cells.

    Attributes
    ----------
    latent
        Latent variables of the cells, shape ``(n, q)``.
    decode
        Function from latent variables ``(m, q)``, at most ``n`` of them, to log-expression ``(m, g)`` on one scale.
    encode
        Function from counts ``(n, g)`` of these cells, as they are or corrupted, to latent variables ``(n, q)``.
    counts
        Counts of the cells in the genes of the model, shape ``(n, g)``.
    geodesic
        Function from two points of the latent space to the nodes of a path that is short in expression, shape ``(p, q)``.
    labels
        Label of each cell as a number, -1 for none, shape ``(n,)``; ``None`` without labels.
    """

    latent: FloatArray
    decode: Callable[[FloatArray], FloatArray]
    encode: Callable[[FloatArray], FloatArray]
    counts: FloatArray
    geodesic: Callable[[FloatArray, FloatArray], FloatArray]
    labels: NDArray[np.int64] | None = None


def log_normalised(counts: FloatArray, size: float = 1e4) -> FloatArray:
    """Log-expression of counts at a library size, ``log(1 + size * share)``."""
    return np.log1p(size * counts / np.maximum(counts.sum(1, keepdims=True), 1))
