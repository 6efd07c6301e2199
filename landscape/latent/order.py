"""The order in which cells are visited: a function of seed and epoch, the same in memory and on disk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Cells that are held at once, and mixed, where an order by blocks is asked for.
POOL = 8192


def even_batches(cells: NDArray[np.integer], batch_size: int) -> list[NDArray[np.integer]]:
    """Batches that differ by at most one cell in size, so that none is left with a single cell."""
    return np.array_split(cells, max(1, -(-len(cells) // batch_size)))


def blocks(cells: NDArray[np.integer], block_size: int) -> list[NDArray[np.integer]]:
    """Runs of at most ``block_size`` neighbours."""
    return np.array_split(np.sort(cells), max(1, -(-len(cells) // block_size)))


def visits(cells: NDArray[np.integer], *, block_size: int | None, seed: int, epoch: int) -> list[NDArray[np.integer]]:
    """Every cell once, in pools that are read one after the other.

    Without ``block_size``: one pool, a permutation of all cells. With it: blocks of neighbours are drawn without
    replacement, some make a pool, and the cells of a pool are permuted; a disk reads blocks at full speed.

    Parameters
    ----------
    cells
        Indices of the cells to visit.
    block_size
        Cells of a block.
    seed, epoch
        What the order depends on.
    """
    rng = np.random.default_rng([seed, epoch])
    if block_size is None:
        return [rng.permutation(cells)]
    runs = blocks(cells, block_size)
    drawn = [runs[i] for i in rng.permutation(len(runs))]
    # Pools of even size: a small one at the end would make small batches.
    groups = np.array_split(np.arange(len(drawn)), max(1, -(-len(cells) // POOL)))
    return [rng.permutation(np.concatenate([drawn[i] for i in group])) for group in groups if len(group)]


def split(n_cells: int, share: float, *, block_size: int | None, seed: int) -> tuple[NDArray[np.integer], ...]:
    """Cells to train on and cells to hold out, each sorted; by whole blocks where blocks are read."""
    n_held_out = max(2, round(n_cells * share)) if share else 0
    everything = np.arange(n_cells)
    if block_size is None:
        order = np.random.default_rng(seed).permutation(n_cells)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
    # Enough blocks that the share can be met and cells are left to train on.
    runs = blocks(everything, min(block_size, max(1, n_cells // 20)))
    n_runs = max(1, round(len(runs) * share)) if share else 0
    chosen = np.random.default_rng(seed).permutation(len(runs))[:n_runs]
    held_out = np.sort(np.concatenate([everything[:0], *(runs[i] for i in chosen)]))
    return np.setdiff1d(everything, held_out), held_out
