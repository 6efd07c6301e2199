"""Fitting the network by maximising the evidence lower bound."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from landscape.latent.likelihood import CountBatch
from landscape.latent.module import divergence, encode, reconstruction

if TYPE_CHECKING:
    from scvi.module import VAE

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to fit.

    Attributes
    ----------
    max_epochs
        Passes over the training cells, at most.
    batch_size
        Cells per step, at most.
    learning_rate, weight_decay
        Of Adam; its epsilon is .01 as in scvi-tools, which damps the steps of rarely expressed genes.
    warmup_epochs
        The weight of the divergence term rises linearly from 0 to 1 over so many epochs.
    patience
        Stop when the held-out bound has not improved for so many epochs after the warm-up; ``None``: never.
    """

    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 8e-3
    weight_decay: float = 1e-6
    warmup_epochs: int = 10
    patience: int | None = 10

    def __post_init__(self) -> None:
        for name, least in (("max_epochs", 1), ("batch_size", 2), ("warmup_epochs", 0), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                msg = f"Expected `{name}` of at least {least}, found {value}."
                raise ValueError(msg)
        if not self.learning_rate > 0:
            msg = f"Expected a positive `learning_rate`, found {self.learning_rate}."
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the history; all but ``seconds`` and ``kl_weight`` are means per cell in nats."""

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
        """Plain values for JSON, which has no not-a-number."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Epoch:
        """Inverse of :meth:`to_dict`."""
        values: dict[str, Any] = {name: float("nan") if value is None else value for name, value in record.items()}
        return cls(**values)


@contextmanager
def private_randomness(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators inside the block and give them back as they were."""
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed % 2**63)  # noqa: TID251 - drop-out knows no other; restored by fork_rng
        yield


def even_batches(cells: NDArray[np.integer], batch_size: int) -> list[NDArray[np.integer]]:
    """Batches that differ by at most one cell in size, so that none is left with a single cell."""
    return np.array_split(cells, max(1, -(-len(cells) // batch_size)))


def fit(
    module: VAE,
    counts: sparse.csr_matrix,
    batch: NDArray[np.integer],
    *,
    train: NDArray[np.integer],
    validation: NDArray[np.integer],
    schedule: Schedule,
    seed: int,
    device: torch.device | str = "cpu",
) -> Iterator[Epoch]:
    """Fit in place and yield a record after each epoch; at the end the weights are the best held-out ones.

    The best weights are put back also when the caller leaves the loop early. torch's global generators, from which
    drop-out draws, are seeded here and restored between epochs.

    Parameters
    ----------
    module
        From :func:`landscape.latent.module.build`.
    counts
        Canonical counts of all cells, without empty cells.
    batch
        Batch code of each cell.
    train, validation
        Disjoint indices of cells; without validation cells nothing stops the fit early.
    seed
        Same seed, same number of threads: same weights, bit for bit.
    """
    optimiser = torch.optim.Adam(
        module.parameters(), lr=schedule.learning_rate, eps=0.01, weight_decay=schedule.weight_decay, fused=True
    )
    held_out = [_batch(counts, batch, cells, device) for cells in even_batches(validation, 512) if len(cells)]
    best = _Best()
    try:
        for epoch in range(schedule.max_epochs):
            kl_weight = min(1.0, (epoch + 1) / schedule.warmup_epochs) if schedule.warmup_epochs else 1.0
            started = time.perf_counter()
            with private_randomness(seed + 2 * epoch, device):
                order = np.random.default_rng([seed, epoch]).permutation(train)
                batches = (_batch(counts, batch, c, device) for c in even_batches(order, schedule.batch_size))
                trained = _train_epoch(module, optimiser, batches, kl_weight)
            with private_randomness(seed + 1, device):  # the same draws each time: less noise in the comparison
                tested = evaluate(module, held_out)
            record = Epoch(epoch, *trained, *tested, kl_weight, time.perf_counter() - started)
            _require_finite(record)
            yield record
            if len(held_out) and kl_weight >= 1:
                best.update(epoch, record.elbo_validation, module)
                if schedule.patience is not None and epoch - best.epoch >= schedule.patience:
                    logger.info("stopped after epoch %d: no better held-out bound since epoch %d", epoch, best.epoch)
                    return
    finally:
        best.restore(module)
        module.eval()


def _train_epoch(
    module: VAE,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[tuple[CountBatch, torch.Tensor]],
    kl_weight: float,
) -> tuple[float, float, float]:
    module.train()
    sums, n_cells = torch.zeros(2, dtype=torch.float64), 0
    for counts, batch in batches:
        likelihood, kl = _terms(module, counts, batch)
        loss = (kl_weight * kl - likelihood).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        sums += torch.stack([likelihood.detach().sum(), kl.detach().sum()]).to("cpu", torch.float64)
        n_cells += len(batch)
    return _per_cell(sums, n_cells)


@torch.no_grad()
def evaluate(module: VAE, batches: list[tuple[CountBatch, torch.Tensor]]) -> tuple[float, float, float]:
    """Evidence lower bound, reconstruction and divergence per cell; not-a-number without cells."""
    module.eval()
    sums, n_cells = torch.zeros(2, dtype=torch.float64), 0
    for counts, batch in batches:
        likelihood, kl = _terms(module, counts, batch)
        sums += torch.stack([likelihood.sum(), kl.sum()]).to("cpu", torch.float64)
        n_cells += len(batch)
    return _per_cell(sums, n_cells)


def _terms(module: VAE, counts: CountBatch, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, deviation = encode(module, counts, batch)
    latent = mean + deviation * torch.randn_like(mean)
    return reconstruction(module, counts, latent, batch), divergence(mean, deviation)


def _per_cell(sums: torch.Tensor, n_cells: int) -> tuple[float, float, float]:
    if not n_cells:
        return float("nan"), float("nan"), float("nan")
    likelihood, kl = (sums / n_cells).tolist()
    return likelihood - kl, likelihood, kl


def _batch(
    counts: sparse.csr_matrix, batch: NDArray[np.integer], cells: NDArray[np.integer], device: torch.device | str
) -> tuple[CountBatch, torch.Tensor]:
    codes = torch.from_numpy(batch[cells].astype(np.int64)).to(device)[:, None]
    return CountBatch.of(counts[cells], device=device), codes


def _require_finite(record: Epoch) -> None:
    if not np.isfinite(record.elbo_train):
        msg = (
            f"The fit diverged in epoch {record.epoch} (bound per cell: {record.elbo_train}); "
            "train again with a smaller `learning_rate`."
        )
        raise FloatingPointError(msg)


class _Best:
    """Weights with the highest held-out bound so far."""

    def __init__(self) -> None:
        self.epoch, self.bound = -1, -np.inf
        self.state: dict[str, torch.Tensor] | None = None

    def update(self, epoch: int, bound: float, module: VAE) -> None:
        if bound > self.bound:
            self.epoch, self.bound = epoch, bound
            self.state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def restore(self, module: VAE) -> None:
        if self.state is not None:
            module.load_state_dict(self.state)
