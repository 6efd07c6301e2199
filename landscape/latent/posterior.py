"""Questions to a fitted network: the posterior of z, and the expression that it decodes to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.latent.cells import Cells
from landscape.latent.likelihood import CountBatch
from landscape.latent.module import encode, log_expression
from landscape.latent.training import even_batches

if TYPE_CHECKING:
    from scvi.module import VAE


def posterior(module: VAE, cells: Cells, *, batch_size: int = 512) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of q(z | x) for each cell, each of shape ``(n, n_latent)``."""
    device = _device(module)
    means, deviations = [], []
    with torch.no_grad():
        for part in even_batches(np.arange(len(cells.names)), batch_size):
            counts = CountBatch.of(cells.counts[part], device=device)
            mean, deviation = encode(module, counts, batch_column(cells.codes[part], device))
            means.append(mean.cpu().numpy())
            deviations.append(deviation.cpu().numpy())
    return np.concatenate(means), np.concatenate(deviations)


def draws(
    module: VAE, cells: Cells, *, n_samples: int, rng: RandomLike, batch_size: int = 512
) -> Iterator[NDArray[np.float32]]:
    """Posterior draws of z, each of shape ``(n, n_latent)``."""
    mean, deviation = posterior(module, cells, batch_size=batch_size)
    random = generator(rng)
    for _ in range(n_samples):
        yield mean + deviation * random.standard_normal(mean.shape, dtype=np.float32)


def decode(
    module: VAE,
    latent: NDArray[np.float32],
    codes: NDArray[np.integer],
    genes: NDArray[np.integer],
    *,
    batch_size: int = 512,
) -> NDArray[np.float32]:
    """Expected share of some genes in the counts of a cell, shape ``(n, len(genes))``; all genes sum to one.

    Parameters
    ----------
    latent
        Points z, shape ``(n, n_latent)``.
    codes
        Batch code of each, shape ``(n,)``.
    genes
        Indices of the genes wanted.
    """
    device = _device(module)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    result = np.empty((len(latent), len(genes)), dtype=np.float32)
    with torch.no_grad():
        for part in even_batches(np.arange(len(latent)), batch_size):
            z = torch.from_numpy(latent[part]).to(device)
            log_share, _ = log_expression(module, z, batch_column(codes[part], device))
            result[part] = log_share[:, chosen].exp().cpu().numpy()
    return result


def batch_column(codes: NDArray[np.integer], device: torch.device | str) -> torch.Tensor:
    """Batch codes in the form that the network takes, shape ``(n, 1)``."""
    return torch.from_numpy(codes.astype(np.int64)).to(device)[:, None]


def _device(module: VAE) -> torch.device:
    return next(module.parameters()).device
