"""Posterior inference: the latent variables of cells, and the expression that they decode to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from landscape._random import RandomLike, generator
from landscape.latent.dataset import CountDataset
from landscape.latent.module import device_of, encode, log_shares
from landscape.latent.reference import DecodedIn, Weighted, decoded_in
from landscape.latent.sampler import even_batches

if TYPE_CHECKING:
    from scvi.module import VAE

# Cells at a time where no gradient is taken.
BATCH_SIZE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    r"""Approximate posterior :math:`q(z \mid x)` of a network, and the decoder at it.

    Expression is in shares of a cell's counts, which sum to one over all genes.

    Attributes
    ----------
    module
        Fitted network.
    """

    module: VAE

    def moments(
        self, data: CountDataset, *, batch_size: int = BATCH_SIZE
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of q(z | x).

        Parameters
        ----------
        data
            Cells.
        batch_size
            Cells at a time.

        Returns
        -------
        Mean and standard deviation, each of shape ``(n, n_latent)``.
        """
        device = device_of(self.module)
        means, deviations = [], []
        with torch.no_grad():
            for part in even_batches(np.arange(len(data)), batch_size):
                mean, deviation = encode(self.module, data.minibatch(part, device=device).counts)
                means.append(mean.cpu().numpy())
                deviations.append(deviation.cpu().numpy())
        return np.concatenate(means), np.concatenate(deviations)

    def sample(
        self, data: CountDataset, *, n_samples: int, rng: RandomLike, batch_size: int = BATCH_SIZE
    ) -> Iterator[NDArray[np.float32]]:
        """Draws of z from q(z | x).

        Parameters
        ----------
        data
            Cells.
        n_samples
            Number of draws for each cell.
        rng
            Seed or generator of the draws.
        batch_size
            Cells at a time.

        Yields
        ------
        Draws, each of shape ``(n, n_latent)``.
        """
        mean, deviation = self.moments(data, batch_size=batch_size)
        random = generator(rng)
        for _ in range(n_samples):
            yield mean + deviation * random.standard_normal(mean.shape, dtype=np.float32)

    def decode(
        self,
        latent: NDArray[np.float32],
        cells: Sequence[Weighted],
        genes: NDArray[np.integer],
        *,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float32]:
        """Expected share of some genes in the counts of a cell.

        Parameters
        ----------
        latent
            Points z, shape ``(n, n_latent)``.
        cells
            Cells whose batch and covariates belong to the points, and weights of the mean over several of such sets
            (:func:`landscape.latent.reference.decoded_in`); their counts are not read.
        genes
            Indices of the genes.
        batch_size
            Points at a time.

        Returns
        -------
        Shares, shape ``(n, len(genes))``.
        """
        device = device_of(self.module)
        chosen = torch.from_numpy(np.asarray(genes, dtype=np.int64)).to(device)
        result = np.empty((len(latent), len(genes)), dtype=np.float32)
        with torch.no_grad():
            for part in even_batches(np.arange(len(latent)), batch_size):
                z = torch.from_numpy(latent[part]).to(device)
                mean = torch.zeros((len(part), len(genes)), dtype=z.dtype, device=device)
                for weight, data in cells:
                    values = log_shares(self.module, z, *data.covariates(part, device=device))
                    mean += weight * values[:, chosen].exp()
                result[part] = mean.cpu().numpy()
        return result

    def sample_expression(
        self,
        data: CountDataset,
        genes: NDArray[np.integer],
        *,
        n_samples: int,
        batch: DecodedIn,
        rng: RandomLike,
        batch_size: int = BATCH_SIZE,
    ) -> Iterator[NDArray[np.float32]]:
        """Expression decoded from posterior draws of z.

        Parameters
        ----------
        data
            Cells.
        genes
            Indices of the genes.
        n_samples
            Number of draws for each cell.
        batch
            Where to decode, as in :func:`landscape.latent.reference.decoded_in`.
        rng
            Seed or generator of the draws.
        batch_size
            Cells at a time.

        Yields
        ------
        Shares, each of shape ``(n, len(genes))``.
        """
        cells = decoded_in(data, batch)
        for latent in self.sample(data, n_samples=n_samples, rng=rng, batch_size=batch_size):
            yield self.decode(latent, cells, genes, batch_size=batch_size)

    def mean_expression(
        self,
        data: CountDataset,
        genes: NDArray[np.integer],
        *,
        n_samples: int,
        batch: DecodedIn,
        rng: RandomLike,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.floating]:
        """Expression at the posterior mean of z, or its mean over posterior draws.

        Parameters
        ----------
        data, genes, batch, rng, batch_size
            As in :meth:`sample_expression`.
        n_samples
            1: decode the posterior mean. More: take the mean of that number of decoded draws.

        Returns
        -------
        Shares, shape ``(n, len(genes))``.

        Raises
        ------
        ValueError
            If ``n_samples`` is less than 1.
        """
        _require_samples(n_samples, 1)
        if n_samples == 1:
            latent = self.moments(data, batch_size=batch_size)[0]
            return self.decode(latent, decoded_in(data, batch), genes, batch_size=batch_size)
        mean = np.zeros((len(data), len(genes)), dtype=np.float64)
        for value in self.sample_expression(
            data, genes, n_samples=n_samples, batch=batch, rng=rng, batch_size=batch_size
        ):
            mean += value
        mean /= n_samples
        return mean

    def expression_deviation(
        self,
        data: CountDataset,
        genes: NDArray[np.integer],
        *,
        n_samples: int,
        batch: DecodedIn,
        rng: RandomLike,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float64]:
        """Posterior standard deviation of the expression, by Welford's recurrence over posterior draws.

        Parameters
        ----------
        data, genes, n_samples, batch, rng, batch_size
            As in :meth:`sample_expression`.

        Returns
        -------
        Standard deviation of the shares, shape ``(n, len(genes))``.

        Raises
        ------
        ValueError
            If ``n_samples`` is less than 2.
        """
        _require_samples(n_samples, 2)
        mean = np.zeros((len(data), len(genes)), dtype=np.float64)
        squares = np.zeros_like(mean)
        drawn = self.sample_expression(data, genes, n_samples=n_samples, batch=batch, rng=rng, batch_size=batch_size)
        for n, value in enumerate(drawn, start=1):
            step = value - mean
            mean += step / n
            squares += step * (value - mean)
        return np.sqrt(squares / (n_samples - 1))


def library_scale(data: CountDataset, library_size: float | Literal["observed"]) -> NDArray[np.float64] | float:
    """Factor by which shares become expression.

    Parameters
    ----------
    data
        Cells.
    library_size
        Sum of the expression of a cell over all genes, or ``"observed"`` for its own total count.

    Returns
    -------
    Number, or array of shape ``(n, 1)``.

    Raises
    ------
    ValueError
        If ``library_size`` is neither positive nor ``"observed"``.
    """
    if isinstance(library_size, str):
        if library_size != "observed":
            msg = f"Expected `library_size` to be a positive number or 'observed', found {library_size!r}."
            raise ValueError(msg)
        return data.totals[:, None]
    if not library_size > 0:
        msg = f"Expected a positive `library_size`, found {library_size}."
        raise ValueError(msg)
    return float(library_size)


def _require_samples(n_samples: int, minimum: int) -> None:
    if n_samples < minimum:
        msg = f"Expected `n_samples` of at least {minimum}, found {n_samples}."
        raise ValueError(msg)
