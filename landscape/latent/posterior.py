"""The posterior of z, and the expression that it decodes to, for cells as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.latent.cells import Cells
from landscape.latent.module import encode, log_expression
from landscape.latent.order import even_batches

if TYPE_CHECKING:
    from scvi.module import VAE


def posterior(module: VAE, cells: Cells, *, batch_size: int = 512) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of q(z | x) for each cell, each of shape ``(n, n_latent)``."""
    device = device_of(module)
    means, deviations = [], []
    with torch.no_grad():
        for part in even_batches(np.arange(len(cells)), batch_size):
            mean, deviation = encode(module, cells.minibatch(part, device=device).counts)
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
    cells: Cells,
    genes: NDArray[np.integer],
    *,
    batch_size: int = 512,
) -> NDArray[np.float32]:
    """Expected share of some genes in the counts of a cell, shape ``(n, len(genes))``; all genes sum to one.

    Parameters
    ----------
    latent
        Points z, shape ``(n, n_latent)``.
    cells
        Whose batch and covariates belong to the points; their counts are not read.
    genes
        Indices of the genes wanted.
    """
    device = device_of(module)
    chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
    result = np.empty((len(latent), len(genes)), dtype=np.float32)
    with torch.no_grad():
        for part in even_batches(np.arange(len(latent)), batch_size):
            z = torch.from_numpy(latent[part]).to(device)
            codes = torch.from_numpy(cells.codes[part]).to(device)
            continuous = torch.from_numpy(cells.continuous[part]).to(device)
            result[part] = log_expression(module, z, codes, continuous)[:, chosen].exp().cpu().numpy()
    return result


def device_of(module: VAE) -> torch.device:
    """Where the weights are."""
    return next(module.parameters()).device
