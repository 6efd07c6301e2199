"""Fitting the network by maximising the evidence lower bound."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.latent import ranks
from landscape.latent.adam import Adam
from landscape.latent.batch import Minibatch
from landscape.latent.cells import Cells
from landscape.latent.checkpoint import Checkpoint
from landscape.latent.module import divergence, encode, reconstruction
from landscape.latent.order import even_batches, visits

if TYPE_CHECKING:
    from scvi.module import VAE

logger = logging.getLogger(__name__)

_EVALUATED = 512  # cells at once, where no gradient is taken


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
    block_size
        Visit the cells by blocks of so many neighbours, see :func:`landscape.latent.order.visits`; ``None``: do not.
    precision
        Of the products with the decoder's last layer while training.
    """

    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 8e-3
    weight_decay: float = 1e-6
    warmup_epochs: int = 10
    patience: int | None = 10
    block_size: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        limits = (("max_epochs", 1), ("batch_size", 2), ("warmup_epochs", 0), ("patience", 1), ("block_size", 1))
        for name, least in limits:
            value = getattr(self, name)
            if value is not None and value < least:
                msg = f"Expected `{name}` of at least {least}, found {value}."
                raise ValueError(msg)
        if not self.learning_rate > 0:
            msg = f"Expected a positive `learning_rate`, found {self.learning_rate}."
            raise ValueError(msg)
        if self.precision not in ("float32", "bfloat16"):
            msg = f"Expected `precision` to be 'float32' or 'bfloat16', found {self.precision!r}."
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
    """Seed torch's global generators of the processor and of a GPU inside the block and give them back as they were."""
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # Drop-out knows no other generators. Those of other GPUs, which `torch.manual_seed` would seed, are not given back.
        torch.default_generator.manual_seed(seed % 2**63)
        for own in devices:
            with torch.cuda.device(own):
                torch.cuda.manual_seed(seed % 2**63)
        yield


def fit(
    module: VAE,
    cells: Cells,
    *,
    train: NDArray[np.integer],
    validation: NDArray[np.integer],
    schedule: Schedule,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoint: Checkpoint | None = None,
) -> Iterator[Epoch]:
    """Fit in place and yield a record after each epoch; at the end the weights are the best held-out ones.

    The best weights are put back also when the caller leaves the loop early. torch's global generators, from which
    drop-out draws, are seeded anew for each epoch and restored between epochs: an epoch depends on the weights,
    the state of Adam, the seed and its number, and on nothing else. That is what a checkpoint holds.

    Where ``torch.distributed`` is initialised, each minibatch is divided among the processes.

    Parameters
    ----------
    module
        From :func:`landscape.latent.module.build`.
    cells
        All cells, in memory or on disk.
    train, validation
        Disjoint indices of cells; without validation cells nothing stops the fit early.
    seed
        Same seed, same number of threads: same weights, bit for bit.
    checkpoint
        Where to keep the state of the fit; epochs that are found there are yielded without being run.
    """
    optimiser = Adam(
        module,
        module.z_encoder.encoder.fc_layers[0][0].weight,
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    best = _Best()
    done = _restore(checkpoint, module, optimiser, best)
    try:
        for record in done:
            yield record
        for epoch in range(len(done), schedule.max_epochs):
            if best.too_old(epoch - 1, schedule.patience):
                return
            kl_weight = min(1.0, (epoch + 1) / schedule.warmup_epochs) if schedule.warmup_epochs else 1.0
            started = time.perf_counter()
            pools = visits(train, block_size=schedule.block_size, seed=seed, epoch=epoch)
            with private_randomness(seed + 2 * epoch + 7919 * ranks.rank(), device):
                batches = minibatches(cells, pools, schedule.batch_size, device)
                reduced = schedule.precision == "bfloat16"
                trained = _train_epoch(module, optimiser, batches, kl_weight, device, reduced=reduced)
            ranks.agree_on_buffers(module)
            with private_randomness(seed + 1, device):  # the same draws each time: less noise in the comparison
                tested = evaluate(module, cells, validation, device)
            record = Epoch(epoch, *trained, *tested, kl_weight, time.perf_counter() - started)
            _require_finite(record)
            done.append(record)
            if len(validation) and kl_weight >= 1:
                best.update(epoch, record.elbo_validation, module)
            if checkpoint is not None and checkpoint.is_due(epoch) and ranks.rank() == 0:
                checkpoint.save([e.to_dict() for e in done], _state(module, optimiser, best))
            yield record
    finally:
        best.restore(module)
        module.eval()


def minibatches(
    cells: Cells, pools: Iterable[NDArray[np.integer]], batch_size: int, device: torch.device | str
) -> Iterator[tuple[Minibatch, int]]:
    """Minibatches, or this process's part of them, and the number of cells in the whole of each."""
    for pool in pools:
        fetched, order = cells.fetch(pool)
        for batch in even_batches(order, batch_size):
            yield fetched.minibatch(ranks.own(batch), device=device), len(batch)


def _train_epoch(
    module: VAE,
    optimiser: Adam,
    batches: Iterator[tuple[Minibatch, int]],
    kl_weight: float,
    device: torch.device | str,
    *,
    reduced: bool,
) -> tuple[float, float, float]:
    module.train()
    sums = torch.zeros(3, dtype=torch.float64)
    for cells, n_cells in batches:
        likelihood, _, kl = _terms(module, cells, reduced=reduced)
        ((kl_weight * kl - likelihood) / n_cells).backward()
        optimiser.step()
        sums += torch.tensor([likelihood.item(), kl.item(), len(cells)], dtype=torch.float64)
    return _per_cell(ranks.total(sums, device))


@torch.no_grad()
def evaluate(
    module: VAE, cells: Cells, chosen: NDArray[np.integer], device: torch.device | str
) -> tuple[float, float, float]:
    """Evidence lower bound, reconstruction and divergence per cell; not-a-number without cells."""
    module.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    for part in even_batches(chosen, _EVALUATED) if len(chosen) else []:
        batch = cells.minibatch(part, device=device)
        _, likelihood, kl = _terms(module, batch)
        # In double precision, for the comparison of epochs is one of sums over many cells.
        sums += torch.tensor([likelihood.double().sum().item(), kl.item(), len(batch)], dtype=torch.float64)
    return _per_cell(sums)


def _terms(module: VAE, cells: Minibatch, *, reduced: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mean, deviation = encode(module, cells.counts)
    latent = mean + deviation * torch.randn_like(mean)
    return *reconstruction(module, cells, latent, reduced=reduced), divergence(mean, deviation).sum()


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


class _Best:
    """Weights with the highest held-out bound so far."""

    def __init__(self) -> None:
        self.epoch, self.bound = -1, -np.inf
        self.weights: dict[str, torch.Tensor] | None = None

    def update(self, epoch: int, bound: float, module: VAE) -> None:
        if bound > self.bound:
            self.epoch, self.bound = epoch, bound
            self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def too_old(self, epoch: int, patience: int | None) -> bool:
        """Whether nothing has improved for ``patience`` epochs."""
        stop = patience is not None and self.weights is not None and epoch - self.epoch >= patience
        if stop:
            logger.info("stopped after epoch %d: no better held-out bound since epoch %d", epoch, self.epoch)
        return stop

    def restore(self, module: VAE) -> None:
        if self.weights is not None:
            module.load_state_dict(self.weights)


def _state(module: VAE, optimiser: Adam, best: _Best) -> dict[str, torch.Tensor]:
    bound = torch.tensor([best.epoch, best.bound], dtype=torch.float64)
    parts = {"module": module.state_dict(), "adam": optimiser.tensors(), "best": best.weights or {}}
    return {"bound": bound} | {f"{part}/{k}": v for part, tensors in parts.items() for k, v in tensors.items()}


def _restore(checkpoint: Checkpoint | None, module: VAE, optimiser: Adam, best: _Best) -> list[Epoch]:
    found = None if checkpoint is None else checkpoint.load()
    if found is None:
        return []
    records, tensors = found

    def part(name: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}

    try:
        epochs = [Epoch.of(record) for record in records]
        module.load_state_dict(part("module"))
        optimiser.load(part("adam"))
        number, bound = tensors["bound"].tolist()
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        msg = f"The checkpoint holds no state of this fit ({type(error).__name__}: {error}); delete it."
        raise ValueError(msg) from error
    best.epoch, best.bound, best.weights = int(number), bound, part("best") or None
    logger.info("resumed after epoch %d", len(epochs) - 1)
    return epochs
