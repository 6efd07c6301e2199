"""Populations of cells at several times: their checks, the steps between them, and how their cells multiply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from landscape.dynamics.model import GeneModel

# Net growth rate of every one of ``n`` states, shape (n, d) -> (n,), per unit of time.
Growth = Callable[[Tensor], Tensor]
# Smallest number of time steps between two populations, however close in time they are.
MIN_STEPS = 10


def steps_between(model: GeneModel, gap: float) -> int:
    """Number of time steps between two populations: ten at least, and none longer than the model allows."""
    return max(MIN_STEPS, model.n_steps(gap))


def require_populations(populations: Mapping[float, Tensor]) -> list[float]:
    """Times in ascending order, after a check of the populations.

    Raises
    ------
    ValueError
        If there are fewer than two times, or a population has fewer than two cells.
    """
    times = sorted(populations)
    if len(times) < 2:
        msg = f"Expected populations at two or more times, found {len(times)}: {times}."
        raise ValueError(msg)
    small = {t: len(populations[t]) for t in times if len(populations[t]) < 2}
    if small:
        msg = f"Expected at least two cells at every time, found {small}."
        raise ValueError(msg)
    return times


def descendants(growth: Growth | None, path: Sequence[Tensor] | Tensor, gaps: np.ndarray) -> list[Tensor | None]:
    """Number of cells that each particle stands for at every time after the first, up to a factor.

    Growth rates are integrated along the path by the trapezoidal rule. Gradients through the weights are left out: where
    the populations agree, the energy distance is stationary in the positions of the particles.

    Parameters
    ----------
    growth
        Net growth rate of states; ``None`` for equal weights.
    path
        States at every time, ``m + 1`` arrays of shape ``(n, d)``.
    gaps
        Differences of the times, shape ``(m,)``.

    Returns
    -------
    Weights of shape ``(n,)`` for each of ``m`` times, at most one; ``None`` for equal weights.
    """
    if growth is None:
        return [None] * len(gaps)
    rates = torch.stack([growth(x) for x in path])
    total = torch.cumsum(0.5 * (rates[1:] + rates[:-1]) * torch.as_tensor(gaps)[:, None], 0)
    return list(torch.exp(total - total.max(1, keepdim=True).values))
