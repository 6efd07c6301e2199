"""Bootstrap of blocks of neighbouring cells, which are not independent observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from landscape._random import RandomLike, generator

# Blocks as large as a neighbourhood of cells (30 by default) are nearly independent of each other.
CELLS_PER_BLOCK = 30
# Fewest cells in the mean block, whatever number of blocks is asked for.
MIN_CELLS_PER_BLOCK = 10
# Starts and batch size of mini-batch k-means; blocks need not be optimal.
N_STARTS, BATCH_SIZE = 3, 4096


def blocks(coordinates: NDArray[np.float64], *, n_blocks: int | None = None, rng: RandomLike = 0) -> NDArray[np.int64]:
    """Partition cells into compact blocks by k-means.

    Parameters
    ----------
    coordinates
        Coordinates in which cells are neighbours, shape ``(n, k)``.
    n_blocks
        Number of blocks, at most one per ten cells; by default one per 30 cells, at least two.
    rng
        Seed or generator.

    Returns
    -------
    Block of each cell, shape ``(n,)``, numbered from zero without gaps.
    """
    n = len(coordinates)
    k = max(2, n // CELLS_PER_BLOCK) if n_blocks is None else n_blocks
    k = min(k, max(1, n // MIN_CELLS_PER_BLOCK))
    seed = int(generator(rng).integers(2**31))
    label = MiniBatchKMeans(k, random_state=seed, n_init=N_STARTS, batch_size=BATCH_SIZE).fit_predict(coordinates)
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def bayesian_weights(block: NDArray[np.int64], *, n_replicates: int, rng: RandomLike = 0) -> NDArray[np.float64]:
    r"""Weights of the Bayesian bootstrap of blocks, :math:`w_c = g_{k(c)}` with :math:`g_k \sim \mathrm{Exp}(1)`.

    Velocities are differences of means over neighbours, so that single cells are not independent and their bootstrap
    would give intervals that are too narrow. Exponential weights keep every block, which drawing with replacement would
    not: a fate that few cells reach is in every replicate.

    Parameters
    ----------
    block
        Block of each cell, shape ``(n,)``.
    n_replicates
        Number of replicates.
    rng
        Seed or generator.

    Returns
    -------
    Weights with mean one over cells, shape ``(n_replicates, n)``.

    References
    ----------
    Rubin (1981), *Ann. Stat.* 9, 130. https://doi.org/10.1214/aos/1176345338
    """
    drawn = generator(rng).exponential(size=(n_replicates, int(block.max()) + 1))
    weights = drawn[:, block]
    return weights / weights.mean(1, keepdims=True)
