"""Resampling of cells whose neighbours carry the same information."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from landscape._random import RandomLike, generator

# Blocks in which more cells lie than in most neighbourhoods make the resampled blocks nearly independent.
CELLS_PER_BLOCK = 30


def blocks(coordinates: NDArray[np.float64], *, n_blocks: int | None = None, rng: RandomLike = 0) -> NDArray[np.int64]:
    """Partition of cells into compact blocks of the space in which they are neighbours.

    Parameters
    ----------
    coordinates
        Shape ``(n, k)``.
    n_blocks
        Number of blocks, at most one per ten cells; by default one per 30 cells, at least two.
    rng
        Seed or generator.

    Returns
    -------
    Block of each cell, shape ``(n,)``, from zero on without gaps.
    """
    n = len(coordinates)
    k = max(2, n // CELLS_PER_BLOCK) if n_blocks is None else n_blocks
    k = min(k, max(1, n // 10))
    seed = int(generator(rng).integers(2**31))
    label = MiniBatchKMeans(k, random_state=seed, n_init=3, batch_size=4096).fit_predict(coordinates)
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def bayesian_weights(block: NDArray[np.int64], *, n_replicates: int, rng: RandomLike = 0) -> NDArray[np.float64]:
    r"""Weights of the Bayesian bootstrap of blocks, :math:`w_c = g_{k(c)}` with :math:`g_k \sim \mathrm{Exp}(1)`.

    Velocities are differences of means over neighbours, so single cells are no independent observations and their
    bootstrap would promise too much. Exponential weights never lose a block, as drawing with replacement would: a
    fate that few cells reach stays in every replicate.

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
