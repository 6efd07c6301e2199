"""The populations of cells that a directed chain carries forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from landscape._random import RandomLike, generator

# Populations after the start.
N_TIMES = 6
# The chain has settled when as many steps again move less than this share of the cells to another patch. Much less is
# never reached: noise moves cells between the ends for good, which has nothing to do with development.
SETTLED = 0.15
# It cannot settle before this share has moved out of the patches of the start: the first steps only lead from one of
# them to another.
MOVED = 0.5
# Largest number of steps that are tried, a power of two.
MAX_STEPS = 4096
# Numbers of steps after which populations are compared where the chain has no start: few, where noise acts locally, and
# many, where it moves cells from basin to basin.
AHEAD = (1, 2, 4, 8)


def populations_along(
    transitions: sparse.csr_matrix,
    start: NDArray[np.int64],
    patch: NDArray[np.int64],
    *,
    weights: NDArray[np.float64] | None = None,
    n_times: int = N_TIMES,
    n_cells: int = 1000,
    rng: RandomLike = 0,
) -> Mapping[int, NDArray[np.int64]]:
    r"""Draw cells from the distributions :math:`p_0 P^m` of a chain that begins at its start.

    The numbers of steps :math:`m` are evenly spaced up to :math:`M`, at which the chain has settled: :math:`M` further
    steps move less than 15 % of the cells to another patch. The last :math:`m` is :math:`2M`.

    Parameters
    ----------
    transitions
        :math:`P`, shape ``(n, n)``, rows summing to one.
    start
        Cells of the start; :math:`p_0` is uniform on them.
    patch
        Patch of each cell, shape ``(n,)``, from 0 on.
    weights
        Weight of each cell in :math:`p_0` and as a target of transitions, shape ``(n,)``; equal by default.
    n_times
        Number of evenly spaced times, the start included.
    n_cells
        Cells drawn for each.
    rng
        Seed or generator.

    Returns
    -------
    Cells by the number of steps, with repetition.
    """
    gen, n = generator(rng), len(patch)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    forward = (sparse.diags(w) @ transitions.T).tocsr()
    total = np.asarray(forward.sum(0)).ravel()
    forward = (forward @ sparse.diags(1 / np.where(total > 0, total, 1.0))).tocsr()
    first = np.zeros(n)
    first[start] = w[start] / w[start].sum()
    length = max(_settling_steps(forward, first, patch), n_times)
    # The population after twice as many steps constrains a model to stay where the chain has settled.
    steps = {*np.round(np.linspace(0, length, n_times)).astype(int).tolist(), 2 * length}
    return _draw(forward, first, steps, n_cells, gen)


def populations_ahead(
    transitions: sparse.csr_matrix,
    share: NDArray[np.float64],
    *,
    steps: Sequence[int] = AHEAD,
    n_cells: int = 500,
    rng: RandomLike = 0,
) -> Mapping[int, NDArray[np.int64]]:
    r"""Draw cells from the distributions :math:`p_0 P^m` of a chain that begins anywhere.

    Parameters
    ----------
    transitions
        :math:`P`, shape ``(n, n)``, rows summing to one.
    share
        :math:`p_0`, shape ``(n,)``, sum 1.
    steps
        Numbers of steps :math:`m`.
    n_cells
        Cells drawn for each.
    rng
        Seed or generator.

    Returns
    -------
    Cells by the number of steps, 0 included, with repetition.
    """
    return _draw(sparse.csr_matrix(transitions.T), share, {0, *steps}, n_cells, generator(rng))


def _draw(
    forward: sparse.csr_matrix, p: NDArray[np.float64], steps: set[int], n_cells: int, gen: np.random.Generator
) -> Mapping[int, NDArray[np.int64]]:
    found = {}
    for m in range(max(steps) + 1):
        if m in steps:
            found[m] = gen.choice(len(p), n_cells, p=p / p.sum())
        p = forward @ p
    return found


def _settling_steps(forward: sparse.csr_matrix, p: NDArray[np.float64], patch: NDArray[np.int64]) -> int:
    """Smallest power of two after which as many steps again move few cells between patches."""
    shares, steps = [], 0
    n_patches = int(patch.max()) + 1
    for length in 2 ** np.arange(int(np.log2(MAX_STEPS)) + 1):
        while steps <= 2 * length:
            shares.append(np.bincount(patch, p, n_patches))
            p, steps = forward @ p, steps + 1
        moved = 0.5 * np.abs(shares[2 * length] - shares[0]).sum() >= MOVED
        if moved and 0.5 * np.abs(shares[2 * length] - shares[length]).sum() < SETTLED:
            return int(length)
    return MAX_STEPS
