"""Fit of the network: the evidence lower bound is maximised over minibatches."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.latent import distributed
from landscape.latent.adam import Adam
from landscape.latent.checkpoint import Checkpoint
from landscape.latent.dataset import CountDataset
from landscape.latent.likelihood import log_likelihood
from landscape.latent.minibatch import Minibatch
from landscape.latent.module import encode, first_layer_weight, kl_divergence
from landscape.latent.randomness import forked_rng
from landscape.latent.sampler import even_batches, shuffle_buffers
from landscape.latent.schedule import Schedule

if TYPE_CHECKING:
    from scvi.module import VAE

logger = logging.getLogger(__name__)

# Cells at a time where no gradient is taken.
EVALUATION_BATCH_SIZE = 512
# Epochs are trained with every second seed, and evaluated with the one next to the seed of the fit: they never coincide.
EPOCH_SEED_STEP, EVALUATION_SEED_OFFSET = 2, 1
# A large prime: the seeds of two processes coincide only in epochs that are thousands apart.
RANK_SEED_STEP = 7919


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the history.

    Attributes
    ----------
    epoch
        Number of the epoch, from 0.
    elbo_train, elbo_validation
        Evidence lower bound on training and validation cells, in nats per cell.
    reconstruction_train, reconstruction_validation
        Expected log-likelihood, in nats per cell.
    kl_train, kl_validation
        KL divergence of the posterior from the prior, in nats per cell.
    kl_weight
        Weight of the KL divergence in the loss.
    seconds
        Wall-clock time of the epoch.
    """

    epoch: int
    elbo_train: float
    reconstruction_train: float
    kl_train: float
    elbo_validation: float
    reconstruction_validation: float
    kl_validation: float
    kl_weight: float
    seconds: float

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain JSON values; NaN, which JSON lacks, becomes ``None``."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Epoch:
        """Inverse of :meth:`to_dict`."""
        values: dict[str, Any] = {name: float("nan") if value is None else value for name, value in record.items()}
        return cls(**values)


def fit(
    module: VAE,
    data: CountDataset,
    *,
    train: NDArray[np.integer],
    validation: NDArray[np.integer],
    schedule: Schedule,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoint: Checkpoint | None = None,
) -> Generator[Epoch, None, None]:
    """Fit the network in place, and yield a record after each epoch.

    At the end the weights are those of the best epoch on validation cells, also if the caller stops early. torch's
    global generators, from which drop-out draws, are seeded for each epoch and restored after it. An epoch thus depends
    on the weights, the state of Adam, the seed and its number, and on nothing else; that is what a checkpoint holds.

    If ``torch.distributed`` is initialised, each minibatch is divided among the processes.

    Parameters
    ----------
    module
        Network, from :func:`landscape.latent.architecture.build`.
    data
        All cells, in memory or on disk.
    train, validation
        Disjoint indices of cells; without validation cells there is no early stopping.
    schedule
        Hyper-parameters.
    seed
        Same seed and number of threads: same weights, bit for bit.
    device
        Device of the network.
    checkpoint
        Where the state of the fit is kept; epochs found there are yielded without being run.

    Yields
    ------
    A record per epoch.

    Raises
    ------
    FloatingPointError
        If the bound is not finite.
    ValueError
        If the checkpoint belongs to another fit.
    """
    optimiser = Adam(
        module,
        first_layer_weight(module),
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    best = _BestWeights()
    done = _restore(checkpoint, module, optimiser, best)
    try:
        for record in done:
            yield record
        for epoch in range(len(done), schedule.max_epochs):
            if best.is_stale(epoch - 1, schedule.patience):
                return
            kl_weight = min(1.0, (epoch + 1) / schedule.warmup_epochs) if schedule.warmup_epochs else 1.0
            started = time.perf_counter()
            buffers = shuffle_buffers(train, block_size=schedule.block_size, seed=seed, epoch=epoch)
            with forked_rng(seed + EPOCH_SEED_STEP * epoch + RANK_SEED_STEP * distributed.rank(), device):
                batches = minibatches(data, buffers, schedule.batch_size, device)
                bfloat16 = schedule.precision == "bfloat16"
                trained = _train_epoch(module, optimiser, batches, kl_weight, device, bfloat16=bfloat16)
            distributed.broadcast_buffers(module)
            with forked_rng(seed + EVALUATION_SEED_OFFSET, device):  # the same draws in each epoch: less noise
                tested = evaluate(module, data, validation, device)
            record = Epoch(epoch, *trained, *tested, kl_weight, time.perf_counter() - started)
            _require_finite(record)
            done.append(record)
            if len(validation) and kl_weight >= 1:
                best.update(epoch, record.elbo_validation, module)
            if checkpoint is not None and checkpoint.is_due(epoch) and distributed.rank() == 0:
                checkpoint.save([e.to_dict() for e in done], _state(module, optimiser, best))
            yield record
    finally:
        best.restore(module)
        module.eval()


def minibatches(
    data: CountDataset, buffers: Iterable[NDArray[np.integer]], batch_size: int, device: torch.device | str
) -> Iterator[tuple[Minibatch, int]]:
    """Minibatches of an epoch.

    Parameters
    ----------
    data
        All cells.
    buffers
        Indices of the cells, in the order of the epoch, from :func:`landscape.latent.sampler.shuffle_buffers`.
    batch_size
        Maximum number of cells of a minibatch.
    device
        Device of the tensors.

    Yields
    ------
    Minibatch, or the part of it that this process computes, and the number of cells of the whole minibatch.
    """
    for buffer in buffers:
        fetched, order = data.fetch(buffer)
        for batch in even_batches(order, batch_size):
            yield fetched.minibatch(distributed.local_part(batch), device=device), len(batch)


def _train_epoch(
    module: VAE,
    optimiser: Adam,
    batches: Iterator[tuple[Minibatch, int]],
    kl_weight: float,
    device: torch.device | str,
    *,
    bfloat16: bool,
) -> tuple[float, float, float]:
    module.train()
    sums = torch.zeros(3, dtype=torch.float64)
    for cells, n_cells in batches:
        likelihood, _, kl = _terms(module, cells, bfloat16=bfloat16)
        ((kl_weight * kl - likelihood) / n_cells).backward()
        optimiser.step()
        sums += torch.tensor([likelihood.item(), kl.item(), len(cells)], dtype=torch.float64)
    return _per_cell(distributed.all_reduce_sum(sums, device))


@torch.no_grad()
def evaluate(
    module: VAE, data: CountDataset, chosen: NDArray[np.integer], device: torch.device | str
) -> tuple[float, float, float]:
    """Evidence lower bound of chosen cells, with one draw of z for each from torch's global generator.

    Parameters
    ----------
    module
        Network; it is left in evaluation mode.
    data
        All cells.
    chosen
        Indices of the cells.
    device
        Device of the network.

    Returns
    -------
    Bound, reconstruction and KL divergence, in nats per cell; NaN without cells.
    """
    module.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    for part in even_batches(chosen, EVALUATION_BATCH_SIZE) if len(chosen) else []:
        batch = data.minibatch(part, device=device)
        _, likelihood, kl = _terms(module, batch)
        # In double precision, because epochs are compared by sums over many cells.
        sums += torch.tensor([likelihood.double().sum().item(), kl.item(), len(batch)], dtype=torch.float64)
    return _per_cell(sums)


def _terms(module: VAE, cells: Minibatch, *, bfloat16: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-likelihood, summed and of each cell, and KL divergence, summed."""
    mean, deviation = encode(module, cells.counts)
    latent = mean + deviation * torch.randn_like(mean)
    return *log_likelihood(module, cells, latent, bfloat16=bfloat16), kl_divergence(mean, deviation).sum()


def _per_cell(sums: torch.Tensor) -> tuple[float, float, float]:
    likelihood, kl, n_cells = sums.tolist()
    if not n_cells:
        return float("nan"), float("nan"), float("nan")
    return (likelihood - kl) / n_cells, likelihood / n_cells, kl / n_cells


def _require_finite(record: Epoch) -> None:
    if not np.isfinite(record.elbo_train):
        msg = (
            f"The fit diverged in epoch {record.epoch} (bound per cell: {record.elbo_train}); "
            "train again with a smaller `learning_rate`."
        )
        raise FloatingPointError(msg)


class _BestWeights:
    """Weights with the highest held-out bound so far."""

    def __init__(self) -> None:
        self.epoch, self.bound = -1, -np.inf
        self.weights: dict[str, torch.Tensor] | None = None

    def update(self, epoch: int, bound: float, module: VAE) -> None:
        if bound > self.bound:
            self.epoch, self.bound = epoch, bound
            self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def is_stale(self, epoch: int, patience: int | None) -> bool:
        """Whether nothing has improved for ``patience`` epochs."""
        stop = patience is not None and self.weights is not None and epoch - self.epoch >= patience
        if stop:
            logger.info("stopped after epoch %d: no better held-out bound since epoch %d", epoch, self.epoch)
        return stop

    def restore(self, module: VAE) -> None:
        if self.weights is not None:
            module.load_state_dict(self.weights)


def _state(module: VAE, optimiser: Adam, best: _BestWeights) -> dict[str, torch.Tensor]:
    bound = torch.tensor([best.epoch, best.bound], dtype=torch.float64)
    parts = {"module": module.state_dict(), "adam": optimiser.state_dict(), "best": best.weights or {}}
    return {"bound": bound} | {f"{part}/{k}": v for part, tensors in parts.items() for k, v in tensors.items()}


def _restore(checkpoint: Checkpoint | None, module: VAE, optimiser: Adam, best: _BestWeights) -> list[Epoch]:
    found = None if checkpoint is None else checkpoint.load()
    if found is None:
        return []
    records, tensors = found

    def part(name: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}

    try:
        epochs = [Epoch.from_dict(record) for record in records]
        module.load_state_dict(part("module"))
        optimiser.load_state_dict(part("adam"))
        number, bound = tensors["bound"].tolist()
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        msg = f"The checkpoint holds no state of this fit ({type(error).__name__}: {error}); delete it."
        raise ValueError(msg) from error
    best.epoch, best.bound, best.weights = int(number), bound, part("best") or None
    logger.info("resumed after epoch %d", len(epochs) - 1)
    return epochs
