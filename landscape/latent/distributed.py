"""Data-parallel training: several processes of ``torch.distributed`` fit one model.

Every function does nothing if ``torch.distributed`` is not initialised.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

# Batch normalisation needs two cells in each process.
MIN_CELLS_PER_PROCESS = 2


def _is_parallel() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Rank of this process; 0 if there is only one."""
    return distributed.get_rank() if _is_parallel() else 0


def local_part(batch: NDArray[np.integer]) -> NDArray[np.integer]:
    """Cells of a minibatch that this process computes.

    Parameters
    ----------
    batch
        Indices of the cells of the whole minibatch.

    Returns
    -------
    Indices of the cells of this process.

    Raises
    ------
    ValueError
        If the minibatch has fewer than two cells per process.
    """
    if not _is_parallel():
        return batch
    world = distributed.get_world_size()
    if len(batch) < MIN_CELLS_PER_PROCESS * world:
        msg = (
            f"Expected minibatches of at least {MIN_CELLS_PER_PROCESS * world} cells for {world} processes, "
            f"found {len(batch)}; raise `batch_size`."
        )
        raise ValueError(msg)
    return batch[rank() :: world]


def sum_gradients(parameters: Iterable[torch.Tensor]) -> None:
    """Replace the gradient of each parameter by its sum over the processes, in one all-reduce.

    Parameters
    ----------
    parameters
        Parameters whose ``grad`` is changed in place.
    """
    if not _is_parallel():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    message = torch.cat([g.reshape(-1) for g in gradients])
    distributed.all_reduce(message)
    for gradient, part in zip(gradients, message.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def broadcast_buffers(module: torch.nn.Module) -> None:
    """Give every process the running means of batch normalisation of process 0, which are over a fair sample of cells.

    Parameters
    ----------
    module
        Module whose buffers are changed in place.
    """
    if _is_parallel():
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)


def all_reduce_sum(sums: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Sum of a tensor over the processes.

    Parameters
    ----------
    sums
        Tensor of this process, on the CPU.
    device
        Device of the fit; NCCL sends from GPUs only.

    Returns
    -------
    Sum, on the CPU.
    """
    if not _is_parallel():
        return sums
    message = sums.to(device)
    distributed.all_reduce(message)
    return message.cpu()
