"""Metacells: cells of one state added up, so that counts are deeper and still counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from landscape._random import RandomLike, generator, seed_of
from landscape.network.data.expression import FloatArray

#: Above this many cells the k-means sees a sample at a time.
_MANY = 20_000


def metacells(representation: ArrayLike, *, size: int = 20, rng: RandomLike = 0) -> NDArray[np.int64]:
    """Label of the metacell of every cell: k-means on a latent representation, with ``size`` cells per metacell on average.

    Small groups keep the variation between neighbouring states, which regression needs; whole clusters do not.

    Parameters
    ----------
    representation
        Cells by dimensions, such as ``model.get_latent_representation()`` or principal components.
    size
        Cells per metacell on average.
    rng
        Seed or generator.

    Raises
    ------
    ValueError
        If ``representation`` is no finite matrix, or ``size`` is below 2 or leaves fewer than two metacells.
    """
    values = np.asarray(representation, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        msg = f"Expected a finite matrix of cells by dimensions, found shape {values.shape}."
        raise ValueError(msg)
    count = round(len(values) / size) if size >= 2 else 0
    if count < 2:
        msg = f"Expected `size` of at least 2 and at most half of the {len(values)} cells, found {size}."
        raise ValueError(msg)
    from sklearn.cluster import KMeans, MiniBatchKMeans  # slow to import, and seldom needed

    seed = seed_of(generator(rng)) % (2**32)
    kind = KMeans if len(values) <= _MANY else MiniBatchKMeans
    labels = kind(n_clusters=count, n_init=1, random_state=seed).fit_predict(values)
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def pooled(matrix: Any, labels: NDArray[np.integer]) -> sparse.csr_matrix:
    """Sum of the cells (rows) of every label."""
    members = _members(labels)
    return sparse.csr_matrix(members @ sparse.csr_matrix(matrix))


def averaged(values: FloatArray, labels: NDArray[np.integer]) -> FloatArray:
    """Mean over the cells of every label, of covariates for instance; indicators become shares."""
    members = _members(labels)
    result: FloatArray = (members @ values) / np.asarray(members.sum(axis=1)).reshape(-1, 1)
    return result


def _members(labels: NDArray[np.integer]) -> sparse.csr_matrix:
    n = len(labels)
    shape = (int(labels.max()) + 1, n)
    return sparse.csr_matrix((np.ones(n), (labels, np.arange(n))), shape=shape)
