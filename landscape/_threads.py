"""Limit on the number of threads of functions that take many small steps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function on one thread of torch and of the linear algebra, and restore the numbers of threads afterwards.

    For functions that are long sequences of operations on small matrices. A second thread does not speed these up and
    waits actively between them: with another process on the second core, fixed points of 50 genes took 25 s instead of
    4 s. ``OMP_NUM_THREADS=1`` does not prevent this, since numba raises the number of threads for all of OpenMP when its
    first parallel function runs, for instance in ``scanpy.pp.normalize_total``.
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
