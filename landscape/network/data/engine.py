"""Where blocks of cells are worked on: here, in processes of this machine, on a graphics processor, or on a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from landscape.network.data.device import device_of, is_device
from landscape.network.data.expression import Expression

#: ``None``: this process; an integer: that many processes (joblib); ``"cuda"`` or another device of torch; else a
#: ``distributed.Client``.
Engine = Any
#: How often data or a block are sent out again after a cluster lost them, and the seconds in between.
_RESENT, _PAUSE = 5, 1.0


def over_blocks(
    function: Callable[..., Any], data: Expression, engine: Engine = None, *, skip: int = 0, **options: Any
) -> Iterator[Any]:
    """``function(data, start, **options)`` for every block but the first ``skip``, in their order whatever the engine.

    Processes and clusters get a few blocks at a time, so that results that are not yet added up stay few. A block
    that is lost with a worker of a cluster is computed again. On a device of torch the function gets ``device=``.

    Raises
    ------
    TypeError
        If ``engine`` is none of the four.
    ValueError
        If torch has no such device.
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
    function: Callable[..., Any], data: Expression, client: Any, starts: list[int], options: dict[str, Any]
) -> Iterator[Any]:
    from distributed import CancelledError, KilledWorker

    shared = [_scattered(data, client)]

    def send(start: int) -> Any:
        return client.submit(function, shared[0], start, retries=5, pure=False, **options)

    def collect(start: int, future: Any) -> Any:
        for _ in range(_RESENT):
            try:
                return future.result()
            except (CancelledError, KilledWorker):  # the worker is gone, and perhaps the last copy of the data
                shared[0] = _scattered(data, client)
                future = send(start)
        return future.result()

    ahead = 2 * max(1, len(client.scheduler_info()["workers"]))
    waiting: list[tuple[int, Any]] = []
    for start in starts:
        waiting.append((start, send(start)))
        if len(waiting) > ahead:
            yield collect(*waiting.pop(0))
    for start, future in waiting:
        yield collect(start, future)


def _scattered(data: Expression, client: Any) -> Any:
    """The data on every worker, whichever of them dies meanwhile."""
    for _ in range(_RESENT):
        try:
            return client.scatter(data, broadcast=True)
        except OSError:  # a worker died while it was sent the data; the cluster replaces it
            time.sleep(_PAUSE)
    return client.scatter(data, broadcast=True)
