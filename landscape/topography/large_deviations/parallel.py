"""Independent minimisations one after the other or in several processes, with equal results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

R = TypeVar("R")


def in_parallel(function: Callable[..., R], tasks: Sequence[tuple[Any, ...]], n_jobs: int) -> list[R]:
    """Results of a function for each tuple of arguments, in their order.

    Whatever is random in a task is seeded by its arguments, so that the number of processes does not matter.

    Parameters
    ----------
    function
        The function.
    tasks
        Its arguments.
    n_jobs
        Number of processes; 1 for this one, -1 for one per processor.

    Raises
    ------
    ValueError
        If the number of processes is zero.
    """
    if n_jobs == 0:
        msg = "Expected `n_jobs` of at least 1, or -1 for all processors, found 0."
        raise ValueError(msg)
    if n_jobs == 1 or len(tasks) < 2:
        return [function(*task) for task in tasks]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=n_jobs)(delayed(function)(*task) for task in tasks))
