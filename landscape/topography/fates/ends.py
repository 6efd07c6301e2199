"""Simulate an ensemble, let it relax, label where it ends: the one engine of every fate that a model gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from landscape._random import RandomLike
from landscape.dynamics import Model

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Ends(Generic[R]):
    """Where an ensemble ends.

    Attributes
    ----------
    labels
        Label of the end of each path, as the labeller gives it, shape ``(n,)``.
    path
        States at the times that were kept, shape ``(m, n, d)``; without ``save_at`` the start and the end.
    rest
        What the relaxation found, one for each part of the ensemble.
    """

    labels: NDArray[np.int64]
    path: NDArray[np.float64]
    rest: tuple[R, ...]


def label_ends(
    model: Model[Any],
    start: Tensor,
    *,
    relax: Callable[[Tensor], R],
    label: Callable[[R], NDArray[np.int64]],
    n_steps: int,
    step: float,
    save_at: Sequence[float] | None = None,
    chunk: int | None = None,
    rng: RandomLike = 0,
) -> Ends[R]:
    r"""Simulate an ensemble with noise, let its last states relax without noise, and label where they come to rest.

    Paths follow :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for ``n_steps`` steps and then :math:`\dot x = f(x)`, so that noise
    about an attractor does not count as another fate.

    Parameters
    ----------
    model
        Drift, noise and lower bound.
    start
        Start of each path, shape ``(n, d)``.
    relax
        From the last states, shape ``(n, d)``, to where the noise-free flow takes them, such as
        :func:`landscape.topography.basin_of` (arrival at known attractors) or :func:`landscape.topography.fixed_points`
        (any place of rest).
    label
        From what ``relax`` returns to one integer for each of the states.
    n_steps, step
        Number of Euler-Maruyama steps, and the time step.
    save_at
        Times to keep, the last of them the end; by default the start and the end.
    chunk
        Paths that are simulated and relaxed at once, a multiple of the blocks of the noise; by default all. It bounds the
        memory. The noise does not depend on it.
    rng
        Seed or generator; with ``chunk`` a seed, so that all parts see the noise of one ensemble.

    Raises
    ------
    TypeError
        If ``rng`` is no integer although ``chunk`` is given.
    """
    if chunk is not None and not isinstance(rng, int):
        msg = f"Expected an integer `rng` for an ensemble in parts, which share one noise, found {type(rng).__name__}."
        raise TypeError(msg)
    size = len(start) if chunk is None else chunk
    paths, rests, labels = [], [], []
    for first in range(0, len(start), max(size, 1)):
        path = model.simulate(
            start[first : first + size], duration=n_steps * step, step=step, rng=rng, save_at=save_at, first=first
        ).states
        found = relax(path[-1])
        paths.append(path.numpy())
        rests.append(found)
        labels.append(np.asarray(label(found), dtype=np.int64))
    if not labels:
        return Ends(np.empty(0, dtype=np.int64), np.empty((0, *start.shape)), ())
    return Ends(np.concatenate(labels), np.concatenate(paths, axis=1), tuple(rests))
