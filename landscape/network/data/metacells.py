"""Metacells: sums of the counts of similar cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from landscape._random import RandomLike, generator, seed_of
from landscape.network.data.arrays import FloatArray

#: Above this many cells mini-batch k-means replaces k-means.
MAX_KMEANS_CELLS = 20_000


def metacells(representation: ArrayLike, *, size: int = 20, rng: RandomLike = 0) -> NDArray[np.int64]:
    """Assign every cell to a metacell, by k-means on a latent representation.

    Small groups keep the variation between neighbouring states, on which a regression relies; clusters do not.

    Parameters
    ----------
    representation
        Cells by dimensions, such as ``model.get_latent_representation()`` or principal components.
    size
        Cells per metacell on average.
    rng
        Seed or generator.

    Returns
    -------
    Label of the metacell of every cell.

    Raises
    ------
    ValueError
        If ``representation`` is not a finite matrix, or ``size`` is below 2 or leaves fewer than two metacells.
    """
    values = np.asarray(representation, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        msg = f"Expected a finite matrix of cells by dimensions, found shape {values.shape}."
        raise ValueError(msg)
    count = round(len(values) / size) if size >= 2 else 0
    if count < 2:
        msg = f"Expected `size` of at least 2 and at most half of the {len(values)} cells, found {size}."
        raise ValueError(msg)
    from sklearn.cluster import KMeans, MiniBatchKMeans  # slow to import, and rarely needed

    seed = seed_of(generator(rng)) % (2**32)
    kind = KMeans if len(values) <= MAX_KMEANS_CELLS else MiniBatchKMeans
    labels = kind(n_clusters=count, n_init=1, random_state=seed).fit_predict(values)
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def pooled(matrix: Any, labels: NDArray[np.integer]) -> sparse.csr_matrix:
    """Sum over the cells (rows) of every metacell."""
    members = _members(labels)
    return sparse.csr_matrix(members @ sparse.csr_matrix(matrix))


def averaged(values: FloatArray, labels: NDArray[np.integer]) -> FloatArray:
    """Mean over the cells of every metacell, for instance of covariates; indicators become fractions."""
    members = _members(labels)
    result: FloatArray = (members @ values) / np.asarray(members.sum(axis=1)).reshape(-1, 1)
    return result


def _members(labels: NDArray[np.integer]) -> sparse.csr_matrix:
    n = len(labels)
    shape = (int(labels.max()) + 1, n)
    return sparse.csr_matrix((np.ones(n), (labels, np.arange(n))), shape=shape)
