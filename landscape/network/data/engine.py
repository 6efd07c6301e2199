"""Engines: blocks of cells are processed here, in several processes, on a device of torch, or on a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from landscape.network.data.device import device_of, is_device

#: ``None`` for this process, a number of processes (joblib), ``"cuda"`` or another device of torch, or a
#: ``distributed.Client``.
Engine = Any
#: Attempts to send data or a block again after a worker of a cluster was lost.
MAX_RETRIES = 5
#: Seconds between two attempts, in which the cluster replaces the worker.
RETRY_PAUSE = 1.0
#: Blocks in flight per worker of a cluster: one is processed while the next is sent.
BLOCKS_PER_WORKER = 2


class Blocks(Protocol):
    """What is processed in blocks, such as expression in blocks of cells."""

    def starts(self) -> list[int]:
        """Start of each block."""


def over_blocks(
    function: Callable[..., Any], data: Blocks, engine: Engine = None, *, skip: int = 0, **options: Any
) -> Iterator[Any]:
    """Evaluate ``function(data, start, **options)`` for every block, and yield the results in the order of the blocks.

    Processes and clusters get a few blocks at a time, which bounds the results that wait in memory. A block that is lost
    with a worker of a cluster is computed again.

    Parameters
    ----------
    function
        Function of a block; on a device of torch it also gets ``device=``.
    data
        Expression, or something else that has blocks.
    engine
        ``None`` for this process, a number of processes, ``"cuda"`` or another device of torch, or a
        ``distributed.Client``.
    skip
        Number of blocks to leave out at the beginning.
    options
        Passed to the function.

    Raises
    ------
    TypeError
        If ``engine`` is none of these.
    ValueError
        If torch cannot use the device.
    """
    starts = data.starts()[skip:]
    if engine is None:
        for start in starts:
            yield function(data, start, **options)
    elif isinstance(engine, int) and not isinstance(engine, bool):
        from joblib import Parallel, delayed

        tasks = (delayed(function)(data, start, **options) for start in starts)
        yield from Parallel(n_jobs=engine, return_as="generator", pre_dispatch="n_jobs")(tasks)
    elif is_device(engine):
        device = device_of(engine)
        for start in starts:
            yield function(data, start, device=device, **options)
    elif hasattr(engine, "scatter") and hasattr(engine, "submit"):
        yield from _on_cluster(function, data, engine, starts, options)
    else:
        msg = f"Expected `engine` to be None, a number of processes, a device such as 'cuda' or a distributed.Client, found {engine!r}."
        raise TypeError(msg)


def _on_cluster(
    function: Callable[..., Any], data: Blocks, client: Any, starts: list[int], options: dict[str, Any]
) -> Iterator[Any]:
    from distributed import CancelledError, KilledWorker

    shared = [_scattered(data, client)]

    def send(start: int) -> Any:
        return client.submit(function, shared[0], start, retries=MAX_RETRIES, pure=False, **options)

    def collect(start: int, future: Any) -> Any:
        for _ in range(MAX_RETRIES):
            try:
                return future.result()
            except (CancelledError, KilledWorker):  # the worker is lost, and perhaps the last copy of the data
                shared[0] = _scattered(data, client)
                future = send(start)
        return future.result()

    ahead = BLOCKS_PER_WORKER * max(1, len(client.scheduler_info()["workers"]))
    waiting: list[tuple[int, Any]] = []
    for start in starts:
        waiting.append((start, send(start)))
        if len(waiting) > ahead:
            yield collect(*waiting.pop(0))
    for start, future in waiting:
        yield collect(start, future)


def _scattered(data: Blocks, client: Any) -> Any:
    """Send the data to every worker, again if one is lost meanwhile."""
    for _ in range(MAX_RETRIES):
        try:
            return client.scatter(data, broadcast=True)
        except OSError:  # a worker was lost while it received the data; the cluster replaces it
            time.sleep(RETRY_PAUSE)
    return client.scatter(data, broadcast=True)
