"""Simulation of an ensemble, relaxation to fixed points, and labels of its ends; all fates of a model use it."""

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
class LabelledEnds(Generic[R]):
    """Ends of an ensemble, with their labels.

    Attributes
    ----------
    labels
        Label of the end of each path, shape ``(n,)``.
    path
        States at the times that are kept, shape ``(m, n, d)``; without ``save_at`` the start and the end.
    rest
        Results of the relaxation, one for each part of the ensemble.
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
) -> LabelledEnds[R]:
    r"""Simulate an ensemble with noise, relax its last states without noise, and label where they end.

    Paths follow :math:`dx = f(x)\,dt + \sqrt{2D}\,dB` for ``n_steps`` steps and then :math:`\dot x = f(x)`, so that
    fluctuations about an attractor do not count as another fate.

    Parameters
    ----------
    model
        Drift, noise and lower bound.
    start
        Start of each path, shape ``(n, d)``.
    relax
        Function from the last states, shape ``(n, d)``, to where the noise-free flow takes them, such as
        :func:`landscape.topography.basin_of` (known attractors) or :func:`landscape.topography.fixed_points` (any fixed
        point).
    label
        Function from the result of ``relax`` to one integer for each state.
    n_steps
        Number of Euler-Maruyama steps.
    step
        Time step.
    save_at
        Times to keep, the last of them the end; by default the start and the end.
    chunk
        Number of paths that are simulated and relaxed at once, a multiple of the block of the noise; by default all. It
        bounds the memory; the noise does not depend on it.
    rng
        Seed or generator; with ``chunk`` a seed, so that all parts use the noise of one ensemble.

    Returns
    -------
    Labels of the ends, the states that are kept, and the results of the relaxation.

    Raises
    ------
    TypeError
        If ``chunk`` is given and ``rng`` is not an integer.
    """
    if chunk is not None and not isinstance(rng, int):
        msg = f"Expected an integer `rng` for an ensemble in parts, found {type(rng).__name__}."
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
        return LabelledEnds(np.empty(0, dtype=np.int64), np.empty((0, *start.shape)), ())
    return LabelledEnds(np.concatenate(labels), np.concatenate(paths, axis=1), tuple(rests))
