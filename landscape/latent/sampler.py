"""Order in which a fit reads the cells; it depends on seed and epoch only, and is the same in memory and on disk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Cells of a shuffle buffer: 32 blocks of the default size, mixed in memory at a few bytes per stored count.
BUFFER_SIZE = 8192
# Validation cells at least: a mean over one cell says nothing, and batch normalisation needs two.
MIN_VALIDATION_CELLS = 2
# Blocks that data are divided into at least, so that a validation share of 5 % can be met by whole blocks.
MIN_BLOCKS = 20


def even_batches(cells: NDArray[np.integer], batch_size: int) -> list[NDArray[np.integer]]:
    """Divide cells into minibatches whose sizes differ by at most one, so that none has a single cell.

    Parameters
    ----------
    cells
        Indices of the cells, in the order wanted.
    batch_size
        Maximum number of cells of a minibatch.

    Returns
    -------
    Indices of the cells of each minibatch.
    """
    return np.array_split(cells, max(1, -(-len(cells) // batch_size)))


def blocks(cells: NDArray[np.integer], block_size: int) -> list[NDArray[np.integer]]:
    """Divide cells into blocks of neighbours.

    Parameters
    ----------
    cells
        Indices of the cells.
    block_size
        Maximum number of cells of a block.

    Returns
    -------
    Ascending indices of the cells of each block.
    """
    return np.array_split(np.sort(cells), max(1, -(-len(cells) // block_size)))


def shuffle_buffers(
    cells: NDArray[np.integer], *, block_size: int | None, seed: int, epoch: int
) -> list[NDArray[np.integer]]:
    """Every cell once in random order, in buffers that are read one after the other.

    Without ``block_size`` there is one buffer, a permutation of all cells. With it, blocks of neighbours are drawn
    without replacement, several blocks fill a buffer, and the cells of a buffer are permuted: a disk reads blocks at
    full speed.

    Parameters
    ----------
    cells
        Indices of the cells.
    block_size
        Maximum number of cells of a block; ``None``: no blocks.
    seed, epoch
        What the order depends on.

    Returns
    -------
    Indices of the cells of each buffer.
    """
    rng = np.random.default_rng([seed, epoch])
    if block_size is None:
        return [rng.permutation(cells)]
    runs = blocks(cells, block_size)
    drawn = [runs[i] for i in rng.permutation(len(runs))]
    # Buffers of even size: a small last one would make small minibatches.
    groups = np.array_split(np.arange(len(drawn)), max(1, -(-len(cells) // BUFFER_SIZE)))
    return [rng.permutation(np.concatenate([drawn[i] for i in group])) for group in groups if len(group)]


def train_validation_split(
    n_cells: int, validation_size: float, *, block_size: int | None, seed: int
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Divide cells into training and validation cells, by whole blocks if the data are read by blocks.

    Parameters
    ----------
    n_cells
        Number of cells.
    validation_size
        Share of the cells held out for validation, in [0, 0.5].
    block_size
        Maximum number of cells of a block; ``None``: no blocks.
    seed
        What the split depends on.

    Returns
    -------
    Ascending indices of the training cells and of the validation cells.

    Raises
    ------
    ValueError
        If ``validation_size`` is out of its range.
    """
    if not 0 <= validation_size <= 0.5:
        msg = f"Expected `validation_size` in [0, 0.5], found {validation_size}."
        raise ValueError(msg)
    n_validation = max(MIN_VALIDATION_CELLS, round(n_cells * validation_size)) if validation_size else 0
    everything = np.arange(n_cells)
    if block_size is None:
        order = np.random.default_rng(seed).permutation(n_cells)
        return np.sort(order[n_validation:]), np.sort(order[:n_validation])
    runs = blocks(everything, min(block_size, max(1, n_cells // MIN_BLOCKS)))
    n_runs = max(1, round(len(runs) * validation_size)) if validation_size else 0
    chosen = np.random.default_rng(seed).permutation(len(runs))[:n_runs]
    validation = np.sort(np.concatenate([everything[:0], *(runs[i] for i in chosen)]))
    return np.setdiff1d(everything, validation), validation
