"""Where blocks of cells are worked on: here, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from landscape.network.expression import Expression

#: ``None``: this process; an integer: that many processes (joblib); else a ``distributed.Client``.
Engine = Any


def over_blocks(function: Callable[..., Any], data: Expression, engine: Engine = None, **options: Any) -> Iterator[Any]:
    """``function(data, start, **options)`` for every block, in the order of the blocks whatever the engine.

    Processes and clusters get a few blocks at a time, so that results that are not yet added up stay few. A block
    that is lost with a worker of a cluster is computed again.

    Raises
    ------
    TypeError
        If ``engine`` is none of the three.
    """
    starts = data.starts()
    if engine is None:
        for start in starts:
            yield function(data, start, **options)
    elif isinstance(engine, int) and not isinstance(engine, bool):
        from joblib import Parallel, delayed

        tasks = (delayed(function)(data, start, **options) for start in starts)
        yield from Parallel(n_jobs=engine, return_as="generator", pre_dispatch="n_jobs")(tasks)
    elif hasattr(engine, "scatter") and hasattr(engine, "submit"):
        yield from _on_cluster(function, data, engine, starts, options)
    else:
        msg = f"Expected `engine` to be None, a number of processes or a distributed.Client, found {type(engine).__name__}."
        raise TypeError(msg)


def _on_cluster(
    function: Callable[..., Any], data: Expression, client: Any, starts: list[int], options: dict[str, Any]
) -> Iterator[Any]:
    shared = client.scatter(data, broadcast=True)
    ahead = 2 * max(1, len(client.scheduler_info()["workers"]))
    waiting: list[Any] = []
    for start in starts:
        waiting.append(client.submit(function, shared, start, retries=5, pure=False, **options))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
