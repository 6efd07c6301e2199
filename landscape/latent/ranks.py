"""Several processes that fit one model; all of this does nothing where ``torch.distributed`` is not initialised."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Number of this process; 0 where there is one."""
    return distributed.get_rank() if _several() else 0


def own(batch: NDArray[np.integer]) -> NDArray[np.integer]:
    """Part of a minibatch that falls to this process; every process gets at least two cells or the batch is refused."""
    if not _several():
        return batch
    world = distributed.get_world_size()
    if len(batch) < 2 * world:
        msg = f"Expected minibatches of at least {2 * world} cells for {world} processes, found {len(batch)}."
        raise ValueError(msg)
    return batch[rank() :: world]


def add_gradients(parameters: Iterable[torch.Tensor]) -> None:
    """Replace each gradient by its sum over the processes, in one message."""
    if not _several():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    message = torch.cat([g.reshape(-1) for g in gradients])
    distributed.all_reduce(message)
    for gradient, part in zip(gradients, message.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def agree_on_buffers(module: torch.nn.Module) -> None:
    """Give every process the running averages of process 0; they are over its own cells, a fair sample."""
    if _several():
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)


def total(sums: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Sum over the processes; sent from the device of the fit, for messages between GPUs come from nowhere else."""
    if not _several():
        return sums
    message = sums.to(device)
    distributed.all_reduce(message)
    return message.cpu()
