"""How many threads a search may use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a search on one thread of torch and of the linear algebra, and give the others back afterwards.

    A search is a long row of operations on small matrices. A second thread gains nothing on them, and waits actively
    between them: with another process on the second core, fixed points of 50 genes took 25 s instead of 4 s. Several
    searches run side by side in processes instead. ``OMP_NUM_THREADS=1`` does not keep the second thread away: numba raises
    the number for all of OpenMP when its first parallel function runs, for instance in ``scanpy.pp.normalize_total``.
    """

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with _libraries().limit(limits=1, user_api="blas"):
                return function(*args, **kwargs)
        finally:
            torch.set_num_threads(before)

    return limited


@functools.cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
